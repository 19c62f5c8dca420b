"""ReadDirectory: all logs of a directory as one."""

import os
import pickle
import shutil

import pytest

from logs import EXPECTED, FOLDER, ORIGIN, data, entries, header, line, payloads, write
from mcl import Message, ReadDirectory, WriteFile
from mcl.errors import ClosedError

MERGED = EXPECTED['directory (Imu + Gps merged)']


@pytest.fixture
def types(new_connection):
    """Define the message types of the vectors; {name: class}."""

    class Imu(Message):
        mandatory = ('gyro', 'accel')
        connection = new_connection()

    class Gps(Message):
        mandatory = ('lat', 'lon')
        connection = new_connection()

    return {'Imu': Imu, 'Gps': Gps}


def test_the_vectors():
    assert list(ReadDirectory(FOLDER)) == entries(MERGED)


def test_messages(types):
    got = list(ReadDirectory(FOLDER, message=True))
    assert [dict(entry['payload']) for entry in got] == payloads(entries(MERGED))
    assert all(
        type(entry['payload']) is types[entry['payload']['name']] for entry in got
    )
    assert {type(entry['payload']) for entry in got} == set(types.values())


def test_the_order_is_that_of_time(tmpdir):
    write(tmpdir.join('B.log'), header('B') + [line(0.1, '01'), line(0.4, '04'), line(0.5, '05')])
    write(tmpdir.join('A.log'), header('A') + [line(0.2, '02'), line(0.3, '03'), line(0.5, '06')])
    got = list(ReadDirectory(str(tmpdir)))
    assert [entry['elapsed_time'] for entry in got] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]
    # Those of one time come in order of name.
    assert payloads(got) == [1, 2, 3, 4, 6, 5]


def test_split_logs(tmpdir):
    for number in range(3):
        write(
            tmpdir.join('A_%03i.log' % number),
            (header('A') if number == 0 else []) + [line(2 * number, '%02x' % (2 * number))],
        )
    write(tmpdir.join('B.log'), header('B') + [line(1, '01'), line(3, '03')])
    assert payloads(ReadDirectory(str(tmpdir))) == [0, 1, 2, 3, 4]


def test_a_log_that_was_not_completed(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0, '00')])
    write(tmpdir.join('B.tmp'), header('B') + [line(1, '01')])
    assert payloads(ReadDirectory(str(tmpdir))) == [0, 1]


def test_raw_logs_are_left_out(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0, '00')])
    write(tmpdir.join('raw.log'), header() + [line(1, '01')])
    assert payloads(ReadDirectory(str(tmpdir))) == [0]


def test_raw_logs_may_be_an_error(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0, '00')])
    assert payloads(ReadDirectory(str(tmpdir), ignore_raw=False)) == [0]
    write(tmpdir.join('raw.log'), header() + [line(1, '01')])
    with pytest.raises(IOError) as error:
        ReadDirectory(str(tmpdir), ignore_raw=False)
    assert str(tmpdir.join('raw.log')) in str(error.value)


def test_different_origins_are_refused(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0)])
    write(tmpdir.join('B.log'), header('B', created=ORIGIN.replace(year=2017)) + [line(0)])
    with pytest.raises(IOError) as error:
        ReadDirectory(str(tmpdir))
    assert 'A.log' in str(error.value) and 'B.log' in str(error.value)


@pytest.mark.parametrize(
    'min_time, max_time, expected',
    [(None, None, [0, 1, 2, 3]), (1, 2, [1, 2]), (3, None, [3]), (None, 0.5, [0]), (9, None, [])],
)
def test_windows(tmpdir, min_time, max_time, expected):
    write(tmpdir.join('A.log'), header('A') + [line(0, '00'), line(2, '02')])
    write(tmpdir.join('B.log'), header('B') + [line(1, '01'), line(3, '03')])
    reader = ReadDirectory(str(tmpdir), min_time, max_time)
    assert (reader.min_time, reader.max_time) == (min_time, max_time)
    assert reader.source == str(tmpdir)
    assert reader.is_data_pending() is bool(expected)
    assert payloads(reader) == expected
    assert reader.is_data_pending() is False and reader.read() is None
    reader.reset()
    assert payloads(reader) == expected


def test_an_undefined_type(types, tmpdir):
    shutil.copy(os.path.join(FOLDER, 'Imu.log'), str(tmpdir))
    write(tmpdir.join('other.log'), header('Unheard'))
    with pytest.raises(NameError) as error:
        ReadDirectory(str(tmpdir), message=True)
    assert 'Unheard' in str(error.value) and str(tmpdir.join('other.log')) in str(error.value)
    assert len(payloads(ReadDirectory(str(tmpdir)))) == 20


@pytest.mark.parametrize(
    'arguments',
    [
        {'source': None},
        {'source': 5},
        {'min_time': 'a'},
        {'min_time': -1},
        {'message': None},
        {'message': 1},
        {'ignore_raw': 'no'},
    ],
    ids=repr,
)
def test_wrong_types_of_arguments(tmpdir, arguments):
    with pytest.raises(TypeError) as error:
        ReadDirectory(**dict({'source': str(tmpdir)}, **arguments))
    assert list(arguments)[0] in str(error.value)


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError):
        ReadDirectory(FOLDER, min_time=1, max_time=0)


def test_no_directory(tmpdir):
    for path in (tmpdir.join('missing'), tmpdir.join('file').ensure()):
        with pytest.raises(IOError) as error:
            ReadDirectory(str(path))
        assert str(path) in str(error.value)


@pytest.mark.parametrize('message', [False, True])
def test_a_directory_without_logs(tmpdir, message):
    """A recording in which nothing arrived leaves one."""
    tmpdir.join('notes.txt').write('x')
    tmpdir.mkdir('folder')
    write(tmpdir.join('A.log.1'), header('A') + [line(0)])  # has made way for another
    reader = ReadDirectory(str(tmpdir), message=message, ignore_raw=False)
    for _ in range(2):
        assert reader.is_data_pending() is False and reader.read() is None and list(reader) == []
        reader.reset()
    assert reader.messages == ([] if message else None)


def test_the_types_of_its_logs(types, tmpdir):
    write(tmpdir.join('z.log'), header('Gps'))
    write(tmpdir.join('b.log'), header('Imu'))
    write(tmpdir.join('a.log'), header('Gps'))
    write(tmpdir.join('raw.log'), header())
    assert ReadDirectory(str(tmpdir)).messages is None
    reader = ReadDirectory(str(tmpdir), message=True)
    assert reader.messages == [types['Gps'], types['Imu'], types['Gps']]
    with pytest.raises(AttributeError):
        reader.messages = []


def test_foreign_files_and_folders_are_left_alone(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0)])
    tmpdir.join('notes.txt').write('x')
    tmpdir.mkdir('folder.log')
    assert payloads(ReadDirectory(str(tmpdir))) == [42]


def test_a_bad_line(tmpdir):
    write(tmpdir.join('A.log'), header('A') + [line(0, '00'), 'garbage', line(2, '02')])
    write(tmpdir.join('B.log'), header('B') + [line(1, '01'), line(3, '03')])
    reader, got = ReadDirectory(str(tmpdir)), []
    while reader.is_data_pending():
        try:
            got.append(reader.read()['payload'])
        except IOError as error:
            assert str(tmpdir.join('A.log')) in str(error)
            got.append('bad')
    assert got.count('bad') == 1
    assert [value for value in got if value != 'bad'] == [0, 1, 2, 3]


def test_logs_cut_short(tmpdir):
    for name in 'AB':
        path = write(tmpdir.join(name + '.log'), header(name) + [line(0), line(1, 'a3616263')])
        with open(path, 'r+b') as file:
            file.truncate(os.path.getsize(path) - 4)
    reader = ReadDirectory(str(tmpdir))
    assert payloads(reader) == [42, 42]
    assert reader.torn() == 2


def test_what_was_written_is_read(types, tmpdir):
    logs = [WriteFile(str(tmpdir.join(name)), kind, time_origin=ORIGIN)
            for name, kind in types.items()]
    kinds = list(types.values())
    for number in range(100):
        logs[number % 2].write(data(kinds[number % 2](), 'topic', number / 10.0))
    for log in logs:
        log.close()
    got = list(ReadDirectory(str(tmpdir), message=True))
    assert [entry['elapsed_time'] for entry in got] == [number / 10.0 for number in range(100)]
    assert {entry['topic'] for entry in got} == {'topic'}


def test_close():
    with ReadDirectory(FOLDER) as reader:
        reader.read()
    assert reader.close() is False
    with pytest.raises(ClosedError):
        reader.read()


def test_pickling():
    reader = ReadDirectory(FOLDER)
    for _ in range(7):
        reader.read()
    other = pickle.loads(pickle.dumps(reader))
    assert list(other) == entries(MERGED)[7:] == list(reader)
