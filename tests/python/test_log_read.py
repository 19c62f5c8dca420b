"""ReadFile: the vectors, statement by statement of the legacy API, and every kind of bad log."""

import os
import pickle

import pytest

from helpers import Background, run_python, wait_for
from logs import (
    EXPECTED,
    FOLDER,
    data,
    entries,
    header,
    line,
    payloads,
    text,
    write,
)
from mcl import Message, ReadDirectory, ReadFile, WriteFile
from mcl.errors import ClosedError
from test_fork import PREAMBLE

FILES = sorted(name for name in EXPECTED if name.endswith('.log'))


@pytest.fixture
def Imu(new_connection):
    class Imu(Message):
        mandatory = ('gyro', 'accel')
        connection = new_connection()

    return Imu


@pytest.fixture
def path(tmpdir):
    return tmpdir.join('log.log')


# ---- what the legacy system wrote ----


def test_there_are_vectors():
    assert len(FILES) >= 4 and len(EXPECTED) >= 7


@pytest.mark.parametrize('name', FILES)
def test_entries_of_the_vectors(name):
    assert list(ReadFile(os.path.join(FOLDER, name))) == entries(EXPECTED[name]['entries'])


@pytest.mark.parametrize('name', FILES)
def test_headers_of_the_vectors(name):
    expected = {key: text(value) for key, value in EXPECTED[name]['header'].items()}
    expected['end'] = int(expected['end'])
    got = ReadFile(os.path.join(FOLDER, name)).header
    assert got == expected
    assert got['end'] == len(got['text'])


def test_the_types_of_what_is_read():
    reader = ReadFile(os.path.join(FOLDER, 'Gps.log'))
    entry = reader.read()
    assert sorted(entry) == ['elapsed_time', 'payload', 'topic']
    assert type(entry['elapsed_time']) is float
    assert type(entry['topic']) is str
    assert type(entry['payload']) is dict and all(type(key) is str for key in entry['payload'])
    assert all(type(reader.header[key]) is str for key in ('text', 'version', 'created', 'type'))


def test_a_prefix_stands_for_its_file():
    assert list(ReadFile(os.path.join(FOLDER, 'Gps'))) == entries(EXPECTED['Gps.log']['entries'])


def test_a_split_prefix_stands_for_all_its_files():
    reader = ReadFile(os.path.join(FOLDER, 'split', 'Imu'))
    assert list(reader) == entries(EXPECTED['split/Imu (all)'])
    assert reader.header['type'] == 'Imu'


def test_one_file_of_a_split_log():
    whole = entries(EXPECTED['split/Imu (all)'])
    reader = ReadFile(os.path.join(FOLDER, 'split', 'Imu_001.log'))
    assert list(reader) == whole[4:8]
    assert reader.header is None


def test_a_window_of_the_vectors():
    expected = entries(EXPECTED['Imu.log min_time=0.2 max_time=0.5'])
    got = list(ReadFile(os.path.join(FOLDER, 'Imu.log'), min_time=0.2, max_time=0.5))
    assert got == expected
    assert got[0]['elapsed_time'] == 0.2 and got[-1]['elapsed_time'] == 0.5


def test_a_topic_with_spaces():
    entry = ReadFile(os.path.join(FOLDER, 'raw', 'spaces.log')).read()
    assert entry == {'elapsed_time': 0.0, 'topic': 'topic with spaces', 'payload': 42}


# ---- reading ----


def test_read_until_the_end(path):
    write(path, header() + [line(0, '01'), line(1, '02')])
    reader = ReadFile(str(path))
    assert reader.is_data_pending() is True
    assert reader.read()['payload'] == 1
    assert reader.read()['payload'] == 2
    assert reader.is_data_pending() is False
    assert reader.read() is None and reader.read() is None


def test_reset(path):
    write(path, header() + [line(0, '01'), line(1, '02')])
    reader = ReadFile(str(path))
    for _ in range(3):
        assert payloads(reader) == [1, 2]
        reader.reset()
    reader.read()
    reader.reset()
    assert reader.is_data_pending() is True
    assert reader.read()['payload'] == 1


def test_more_entries_than_are_read_at_once(path):
    write(path, header() + [line(number, 'cd%04x' % number) for number in range(1000)])
    reader = ReadFile(str(path))
    for number in range(1000):
        assert reader.is_data_pending()
        assert reader.read()['payload'] == number
    assert not reader.is_data_pending()


def test_large_entries(connection, tmpdir):
    values = ['x' * size for size in (10, 1 << 16, 5, 5 << 20, 1)]
    with WriteFile(str(tmpdir.join('log')), connection) as log:
        for value in values:
            log.write(data(value))
    assert payloads(ReadFile(str(tmpdir.join('log')))) == values


@pytest.mark.parametrize(
    'number',
    '0.00000 0.10000 0.30000 1.10000 1000.12346 1463012407.12346 86400.00001 -0.50000 4.35000'
    ' 1e-3 +2.5 8999999.99999 9007199.25475 9223372036.85477'.split(),
)
def test_elapsed_time_is_what_python_reads(path, number):
    write(path, header() + ["%12s    ''          2a" % number])
    assert ReadFile(str(path)).read()['elapsed_time'] == float(number)


def test_an_entry_is_within_its_own_time(path):
    numbers = [index * 1463012.40712345 for index in range(1, 1000, 7)]
    write(path, header() + [line(number) for number in numbers])
    times = [entry['elapsed_time'] for entry in ReadFile(str(path))]
    assert len(times) == len(numbers)
    for time in times:
        got = list(ReadFile(str(path), min_time=time, max_time=time))
        assert [entry['elapsed_time'] for entry in got] == [time]


@pytest.mark.parametrize(
    'min_time, max_time, expected',
    [
        (None, None, [0, 1, 2, 3]),
        (1, None, [1, 2, 3]),
        (None, 2, [0, 1, 2]),
        (1.0, 2.0, [1, 2]),
        (1, 1, [1]),
        (0.5, 0.6, []),
        (0, 0.0, [0]),
        (-0.0, float('inf'), [0, 1, 2, 3]),
        (1e300, None, []),
        (3.0000001, None, []),
        (None, 2.9999999, [0, 1, 2]),
    ],
)
def test_windows_include_both_ends(path, min_time, max_time, expected):
    write(path, header() + [line(number, '%02x' % number) for number in range(4)])
    reader = ReadFile(str(path), min_time, max_time)
    assert (reader.min_time, reader.max_time) == (min_time, max_time)
    assert reader.is_data_pending() is bool(expected)
    assert payloads(reader) == expected
    reader.reset()
    assert payloads(reader) == expected


def test_an_empty_window_is_refused(path):
    write(path, header())
    with pytest.raises(ValueError):
        ReadFile(str(path), min_time=2, max_time=1)
    with pytest.raises(ValueError):
        ReadFile(str(path), min_time=float('nan'))


@pytest.mark.parametrize(
    'arguments',
    [
        {'filename': None},
        {'filename': 5},
        {'min_time': '1'},
        {'max_time': []},
        {'min_time': True},
        {'min_time': -1},
        {'max_time': -0.001},
        {'min_time': float('-inf')},
        {'message': 5},
        {'message': None},
        {'message': 'Unheard'},
        {'message': ''},
        {'message': Message},
        {'message': dict},
    ],
    ids=repr,
)
def test_wrong_types_of_arguments(path, arguments):
    write(path, header())
    with pytest.raises(TypeError) as error:
        ReadFile(**dict({'filename': str(path)}, **arguments))
    assert list(arguments)[0] in str(error.value)


# ---- messages ----


def test_messages_of_the_type_in_the_header(Imu):
    reader = ReadFile(os.path.join(FOLDER, 'Imu.log'), message=True)
    got = list(reader)
    expected = entries(EXPECTED['Imu.log']['entries'])
    assert [type(entry['payload']) for entry in got] == [Imu] * len(expected)
    assert [dict(entry['payload']) for entry in got] == payloads(expected)


@pytest.mark.parametrize('name', ['None', 'Gps', 'Imu'])
def test_messages_of_a_given_type(path, Imu, name):
    payload = '82a46779726f01a5616363656c02'  # {'gyro': 1, 'accel': 2}
    write(path, header(name) + [line(0, payload)])
    for message in (Imu, 'Imu', u'Imu'):
        got = ReadFile(str(path), message=message).read()['payload']
        assert type(got) is Imu and got['gyro'] == 1


def test_the_name_in_the_data_does_not_matter(path, Imu):
    # {'name': 'Gps', 'gyro': 1, 'accel': 2, 'timestamp': 5}, with a key that is bytes, too
    payload = '84a46e616d65a3477073a46779726f01a5616363656c02a974696d657374616d7005'
    packed = [payload, payload.replace('a46e616d65', 'c4046e616d65')]
    write(path, header('Imu') + [line(second, packed[second]) for second in range(2)])
    for message in (True, Imu, 'Imu'):
        for got in payloads(ReadFile(str(path), message=message)):
            assert (got['name'], got['gyro'], got['timestamp']) == ('Imu', 1, 5)
    assert ReadFile(str(path)).read()['payload']['name'] == 'Gps'


def test_messages_of_a_part_of_a_split_log(Imu):
    reader = ReadFile(os.path.join(FOLDER, 'split', 'Imu_001.log'), message=Imu)
    assert all(type(payload) is Imu for payload in payloads(reader))


def test_an_undefined_type(path):
    write(path, header('Unheard'))
    with pytest.raises(NameError) as error:
        ReadFile(str(path), message=True)
    assert 'Unheard' in str(error.value) and str(path) in str(error.value)
    assert ReadFile(str(path)).header['type'] == 'Unheard'


def test_raw_data_is_of_no_type(path, tmpdir):
    write(path, header() + [line(0, '2a'), line(1, '81a17801')])
    reader = ReadFile(str(path), message=True)
    assert reader.header['type'] is None and payloads(reader) == [42, {'x': 1}]
    part = write(tmpdir.join('part'), [line(0, '2a')])
    assert payloads(ReadFile(part, message=True)) == [42]


def test_the_type_in_the_header(path, Imu, tmpdir):
    write(path, header('Imu'))
    for message in (False, True, Imu, 'Imu'):
        assert ReadFile(str(path), message=message).header['type'] is Imu
    other = write(tmpdir.join('other.log'), header('Unheard'))
    for message in (False, Imu):
        assert ReadFile(other, message=message).header['type'] == 'Unheard'


@pytest.mark.parametrize('payload', ['2a', '81a46779726f01', '81a46e616d65a3477073'])
def test_data_that_does_not_fit_the_type(path, Imu, payload):
    good = '82a46779726f01a5616363656c02'
    write(path, header('Imu') + [line(0, good), line(1, payload), line(2, good)])
    reader = ReadFile(str(path), message=True)
    assert reader.read()['elapsed_time'] == 0
    with pytest.raises(IOError) as error:
        reader.read()
    assert 'Imu' in str(error.value) and str(path) in str(error.value)
    assert reader.read()['elapsed_time'] == 2


# ---- headers ----


def test_a_header(path):
    lines = header('Imu', revision='abc')
    write(path, lines + [line(0)])
    content = ''.join(each + '\n' for each in lines)
    assert ReadFile(str(path)).header == {
        'text': content,
        'end': len(content),
        'version': '1.0',
        'revision': 'abc',
        'created': '2016-05-12 00:20:07.123456',
        'type': 'Imu',
    }


def test_a_header_without_revision_type_and_microseconds(path):
    write(path, header(created='2016-05-12 00:20:07'))
    got = ReadFile(str(path)).header
    assert got['revision'] is None and got['type'] is None
    assert got['created'] == '2016-05-12 00:20:07'


def test_a_header_of_any_size(path):
    write(path, header(revision='x' * 100000) + [line(0)])
    reader = ReadFile(str(path))
    assert reader.header['revision'] == 'x' * 100000
    assert payloads(reader) == [42]


def test_the_header_cannot_be_changed_from_outside(path):
    write(path, header('Imu'))
    reader = ReadFile(str(path))
    reader.header['type'] = 'Gps'
    assert reader.header['type'] == 'Imu'


# ---- bad logs ----

BAD_LINES = {
    'garbage': "garbage",
    'no payload': "     1.00000    ''",
    'no topic': "     1.00000    2a",
    'no time': "    ''          2a",
    'no number': "     x.00000    ''          2a",
    'not a time': "         nan    ''          2a",
    'odd digits': "     1.00000    ''          2a0",
    'no digits': "     1.00000    ''          zz",
    'two objects': "     1.00000    ''          2a2a",
    'half an object': "     1.00000    ''          92",
    'quote missing': "     1.00000    'x          2a",
    'binary': u"\0\x01\x02",
}


@pytest.mark.parametrize('bad', sorted(BAD_LINES))
def test_a_bad_line(path, bad):
    lines = header() + [line(0, '01'), BAD_LINES[bad], line(2, '02')]
    write(path, lines)
    reader = ReadFile(str(path))
    assert reader.read()['payload'] == 1
    assert reader.is_data_pending() is True
    with pytest.raises(IOError) as error:
        reader.read()
    assert str(path) in str(error.value)
    assert str(len(lines) - 1) in str(error.value).replace(str(path), '')
    assert reader.read()['payload'] == 2
    assert reader.read() is None


def test_many_bad_lines(path):
    lines = [line(number, '%02x' % number) for number in range(100)]
    write(path, header() + [each for good in lines for each in ('bad', good, 'worse')])
    reader = ReadFile(str(path))
    got, errors = [], 0
    while reader.is_data_pending():
        try:
            got.append(reader.read()['payload'])
        except IOError:
            errors += 1
    assert got == list(range(100)) and errors == 200
    assert reader.read() is None


def test_a_bad_last_line(path):
    write(path, header() + [line(0, '01'), 'garbage'])
    reader = ReadFile(str(path))
    reader.read()
    with pytest.raises(IOError):
        reader.read()
    assert reader.read() is None


def test_a_payload_that_python_cannot_hold(path):
    write(path, header() + [line(1, '81900a'), line(2, '02')])  # {[]: 10}
    reader = ReadFile(str(path))
    with pytest.raises(IOError) as error:
        reader.read()
    assert str(path) in str(error.value) and '1.00000' in str(error.value)
    assert reader.read()['payload'] == 2


def test_iterating_leaves_out_what_cannot_be_given(path, capsys):
    lines = ['garbage', line(0, '00'), line(1, '81900a'), line(2, '02'), 'more garbage']
    write(path, header() + lines)
    reader = ReadFile(str(path))
    for _ in range(2):
        assert reader.left_out() == 0
        assert payloads(reader) == [0, 2]
        assert reader.left_out() == 3
        reader.reset()
    told = capsys.readouterr()[1]
    assert told.count(str(path)) == 1  # a second has not passed
    with pytest.raises(IOError):
        reader.read()
    assert pickle.loads(pickle.dumps(reader)).left_out() == 0


def test_a_log_that_is_cut_short_anywhere(connection, tmpdir, path):
    """Every whole entry before the cut is given, and no error."""
    values = ['a', 5, {'key': [1, 2.5, 'abc']}, 'x' * 40]
    with WriteFile(str(tmpdir.join('whole')), connection) as log:
        for value in values:
            log.write(data(value, 'topic'))
    with open(str(tmpdir.join('whole.log')), 'rb') as file:
        content = file.read()
    end = ReadFile(str(tmpdir.join('whole'))).header['end']
    lines = content[end:].splitlines(True)
    for cut in range(end, len(content)):
        with open(str(path), 'wb') as file:
            file.write(content[:cut])
        left, whole = cut - end, 0  # bytes of the line that is cut, and lines before it
        # A line of which only the line feed is missing is a whole one.
        while whole < len(lines) and left >= len(lines[whole]) - 1:
            left = max(0, left - len(lines[whole]))
            whole += 1
        reader = ReadFile(str(path))
        assert payloads(reader) == values[:whole], cut
        assert reader.torn() == (1 if left else 0), cut


def test_cut_short_within_the_header(path):
    lines = header('Imu')
    content = '\n'.join(lines) + '\n'
    for cut in range(1, len(content) - 1):
        path.write(content[:cut])
        try:
            assert payloads(ReadFile(str(path))) == [], cut
        except IOError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_line_ends(path, end):
    write(path, header('Imu', revision='r') + [line(0, '01'), line(1, '02', 'a b')], end)
    reader = ReadFile(str(path))
    assert [(entry['payload'], entry['topic']) for entry in reader] == [(1, ''), (2, 'a b')]
    got = reader.header
    assert (got['type'], got['revision'], got['version']) == ('Imu', 'r', '1.0')


def test_hexadecimal_in_upper_case(path):
    write(path, header() + [line(0, 'A3' + '414243'), line(0, 'Cc' + 'fF')])
    assert payloads(ReadFile(str(path))) == ['ABC', 255]


def test_blank_lines(path):
    write(path, header() + ['', line(0, '01'), '', '', line(1, '02'), ''])
    assert payloads(ReadFile(str(path))) == [1, 2]


def test_an_empty_file(path):
    write(path, [])
    reader = ReadFile(str(path))
    assert reader.header is None and reader.read() is None
    assert reader.is_data_pending() is False


@pytest.mark.parametrize('first', [
    'x,y', 'hello', "{'x': 1}", '5 apples', u'\0\x01\x02', "'topic' 2a"])
@pytest.mark.parametrize('rest', [['1,2', line(0)], []], ids=['', 'alone'])
def test_what_is_no_log(path, first, rest):
    write(path, [first] + rest)
    for message in (False, True):
        with pytest.raises(IOError) as error:
            ReadFile(str(path), message=message)
        assert str(path) in str(error.value) and 'line 1' in str(error.value)


def test_a_log_that_begins_with_an_entry(path):
    write(path, ['', '  ', line(0, '01'), 'garbage', line(1, '02')])
    reader = ReadFile(str(path), min_time=1)
    with pytest.raises(IOError):
        reader.read()
    assert payloads(reader) == [2]
    path.write(line(0, '01')[:7])  # it was cut short
    assert payloads(ReadFile(str(path))) == []


def test_a_header_only(path):
    write(path, header('Imu'))
    reader = ReadFile(str(path))
    assert reader.header['type'] == 'Imu'
    assert reader.is_data_pending() is False and reader.read() is None


def test_another_version(path):
    write(path, header(version='2.0') + [line(0)])
    with pytest.raises(IOError) as error:
        ReadFile(str(path))
    assert '2.0' in str(error.value) and '1.0' in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize('field', ['version', 'created', '>>>'])
def test_a_header_that_lacks_something(path, field):
    write(path, [each for each in header('Imu') if field not in each] + [line(0)])
    with pytest.raises(IOError) as error:
        ReadFile(str(path))
    assert str(path) in str(error.value)


def test_a_header_without_end(path):
    write(path, header()[:-1])
    with pytest.raises(IOError) as error:
        ReadFile(str(path))
    assert str(path) in str(error.value)


def test_a_directory(tmpdir):
    with pytest.raises(IOError) as error:
        ReadFile(str(tmpdir))
    assert str(tmpdir) in str(error.value)


def test_nothing_there(tmpdir):
    with pytest.raises(IOError) as error:
        ReadFile(str(tmpdir.join('missing')))
    assert str(tmpdir.join('missing')) in str(error.value)
    assert error.value.errno == 2


def test_an_unreadable_file():
    """Root reads any file; this one fails on being read."""
    with pytest.raises(IOError) as error:
        list(ReadFile('/proc/self/mem'))
    assert '/proc/self/mem' in str(error.value)


def test_a_split_log_that_lacks_its_first_file(tmpdir):
    write(tmpdir.join('log_001.log'), [line(0)])
    with pytest.raises(IOError) as error:
        ReadFile(str(tmpdir.join('log')))
    assert 'log_000' in str(error.value)


def test_a_split_log_of_more_than_a_thousand_files(tmpdir):
    for number in range(1002):
        lines = [line(number, 'cd%04x' % number)]
        write(tmpdir.join('log_%03i.log' % number), (header() if number == 0 else []) + lines)
    assert payloads(ReadFile(str(tmpdir.join('log')))) == list(range(1002))


def test_foreign_files_beside_are_left_alone(tmpdir):
    write(tmpdir.join('log_000.log'), header() + [line(0)])
    for name in ('log_x.log', 'log_0.log', 'log_001.txt', 'log_001.log~', 'other_000.log'):
        tmpdir.join(name).write('garbage')
    assert payloads(ReadFile(str(tmpdir.join('log')))) == [42]


def test_a_log_that_is_still_written(connection, tmpdir):
    prefix = str(tmpdir.join('log'))
    with WriteFile(prefix, connection) as log:
        log.write(data(1))
        log.flush()
        reader = ReadFile(prefix)
        assert payloads(reader) == [1]
        log.write(data(2))
        log.flush()
        reader.reset()
        assert payloads(reader) == [1, 2]


def test_a_split_log_whose_last_file_is_still_written(connection, tmpdir):
    prefix = str(tmpdir.join('log'))
    with WriteFile(prefix, connection, max_entries=2) as log:
        for number in range(5):
            log.write(data(number))
        log.flush()
        assert payloads(ReadFile(prefix)) == list(range(5))


# ---- the object ----


def test_close(path):
    write(path, header() + [line(0)])
    reader = ReadFile(str(path))
    assert reader.close() is True
    assert reader.close() is False
    for call in (reader.read, reader.reset, reader.is_data_pending, reader.torn):
        with pytest.raises(ClosedError):
            call()


def test_a_context_manager(path):
    write(path, header() + [line(0)])
    with ReadFile(str(path)) as reader:
        assert reader.read()['payload'] == 42
    with pytest.raises(IOError):
        reader.read()


def descriptors():
    return len(os.listdir('/proc/self/fd'))


def test_a_forgotten_reader_is_closed(path):
    write(path, header() + [line(0)])
    ReadFile(str(path))
    before = descriptors()
    readers = [ReadFile(str(path)) for _ in range(20)]
    for reader in readers:
        reader.read()
    del readers, reader
    # Of 20: what watches the network has some open now and then.
    wait_for(lambda: descriptors() <= before, "closing of forgotten readers")


def test_a_failed_reader_is_closed(path):
    write(path, header('Unheard'))
    before = descriptors()
    for _ in range(20):
        with pytest.raises(NameError):
            ReadFile(str(path), message=True)
    wait_for(lambda: descriptors() <= before + 1, "closing of readers that failed")


def test_from_several_threads(path):
    write(path, header() + [line(number, 'cd%04x' % number) for number in range(2000)])
    reader = ReadFile(str(path))
    parts = [part.result() for part in [Background(lambda: payloads(reader)) for _ in range(4)]]
    assert sorted(sum(parts, [])) == list(range(2000))
    assert all(part == sorted(part) for part in parts)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(path, protocol):
    lines = [line(number, '%02x' % number) for number in range(100)]
    lines.insert(3, 'bad')
    write(path, header() + lines)
    reader = ReadFile(str(path), max_time=90)
    for _ in range(10):
        try:
            reader.read()
        except IOError:
            pass
    other = pickle.loads(pickle.dumps(reader, protocol))
    assert payloads(other) == list(range(9, 91))
    assert reader.read()['payload'] == 9
    assert other.header == reader.header
    other.reset()
    assert other.read()['payload'] == 0


def test_a_relative_path_stays_where_it_was(path, tmpdir):
    write(path, header() + [line(0)])
    with tmpdir.as_cwd():
        reader = ReadFile('log')
    assert reader.filename == 'log'
    assert payloads(pickle.loads(pickle.dumps(reader))) == [42]


def test_fork(path):
    """As an open file of Python: the child reads on from where the parent was."""
    write(path, header() + [line(number, '%02x' % number) for number in range(100)])
    run_python(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + PREAMBLE
        + """
reader = mcl.ReadFile(sys.argv[1])
for _ in range(10):
    reader.read()
def child():
    assert [entry['payload'] for entry in reader] == list(range(10, 100))
    reader.reset()
    assert reader.read()['payload'] == 0
    join(fork(lambda: reader.read()['payload'] == 1))
    assert reader.header['version'] == '1.0'
join(fork(child))
assert [entry['payload'] for entry in reader] == list(range(10, 100))
""",
        str(path),
    )


def test_multiprocessing(path):
    write(path, header() + [line(number, '%02x' % number) for number in range(100)])
    run_python(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + PREAMBLE
        + """
def worker(reader, queue):
    queue.put([entry['payload'] for entry in reader])

if __name__ == '__main__':
    context = multiprocessing if sys.version_info[0] == 2 else multiprocessing.get_context('fork')
    reader, queue = mcl.ReadFile(sys.argv[1]), context.Queue()
    reader.read()
    process = context.Process(target=worker, args=(reader, queue))
    process.start()
    assert queue.get(timeout=20) == list(range(1, 100))
    process.join()
    assert process.exitcode == 0
    assert reader.read()['payload'] == 1
""",
        str(path),
    )


def test_memory_does_not_follow_the_file(tmpdir):
    write(tmpdir.join('log.log'), header() + [line(0, 'c4ff' + 'ab' * 255)] * 60000)
    assert os.path.getsize(str(tmpdir.join('log.log'))) > 30 << 20
    run_python(
        """
import resource, sys
import mcl
reader = mcl.ReadFile(sys.argv[1])
reader.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(1 for _ in reader) == 59999
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 15 << 10, grown
""",
        str(tmpdir.join('log')),
    )


def test_a_writer_was_killed_when_it_gave_the_log_its_name(tmpdir, path):
    """On NFS that takes two steps; between them, the log has both names."""
    write(path, header('Pose') + [line(0, '00'), line(1, '01')])
    prefix = str(tmpdir.join('Pose'))
    os.rename(str(path), prefix + '.log')
    os.link(prefix + '.log', prefix + '.tmp')
    assert payloads(ReadFile(prefix)) == [0, 1]
    assert payloads(ReadDirectory(str(tmpdir))) == [0, 1]
