"""mcl.logging.tools: logs as lists and as CSV files; what all of its functions refuse.

Arrays are in test_log_arrays.py and data frames in test_log_frames.py.
"""

import csv
import io
import os
import stat

import pytest

from helpers import PY2, run_python
from logs import (
    EXPECTED,
    FOLDER,
    data,
    entries,
    header,
    line,
    names,
    run_on_small_disk,
    write,
)
from mcl import Message, ReadFile, WriteFile
from mcl.logging import tools

GPS = os.path.join(FOLDER, 'Gps.log')
DUMPS = {
    'list': lambda source, *rest, **window: tools.dump_to_list(source, *rest, **window),
    'array': lambda source, *rest, **window: tools.dump_to_array(source, 'x', *rest, **window),
    'csv': lambda source, *rest, **window: tools.dump_to_csv(
        source, 'never-written.csv', 'x', *rest, **window
    ),
    'frame': lambda source, *rest, **window: tools.dump_to_dataframe(source, 'x', *rest, **window),
}
OF_KEYS = {
    'array': lambda keys: tools.dump_to_array(GPS, keys),
    'csv': lambda keys: tools.dump_to_csv(GPS, 'never-written.csv', keys),
    'frame': lambda keys: tools.dump_to_dataframe(GPS, keys),
}


@pytest.fixture
def Pose(new_connection):
    class Pose(Message):
        mandatory = ('x', 'y')
        connection = new_connection()

    return Pose


def content(path):
    with io.open(str(path), 'rb') as file:
        return file.read()


def table(path):
    """The rows of a CSV file."""
    with (open(str(path), 'rb') if PY2 else open(str(path), newline='', encoding='utf-8')) as file:
        return list(csv.reader(file))


# ---- lists ----


@pytest.mark.parametrize('name', sorted(name for name in EXPECTED if name.endswith('.log')))
def test_list_of_the_vectors(name):
    expected = entries(EXPECTED[name]['entries'])
    path = os.path.join(FOLDER, name)
    assert tools.dump_to_list(path) == expected
    assert tools.dump_to_list(path, metadata=False) == [entry['payload'] for entry in expected]


def test_list_of_prefixes():
    split = os.path.join(FOLDER, 'split', 'Imu')
    assert tools.dump_to_list(split) == entries(EXPECTED['split/Imu (all)'])
    assert tools.dump_to_list(GPS[: -len('.log')]) == tools.dump_to_list(GPS)


def test_list_in_a_window():
    path = os.path.join(FOLDER, 'Imu.log')
    expected = entries(EXPECTED['Imu.log min_time=0.2 max_time=0.5'])
    assert tools.dump_to_list(path, 0.2, 0.5) == expected
    assert tools.dump_to_list(path, min_time=0.2, max_time=0.5) == expected
    assert tools.dump_to_list(ReadFile(path), 0.2, 0.5) == expected


def test_list_of_a_directory_is_merged(log, tmpdir, Pose):
    class Other(Message):
        mandatory = ('z',)
        connection = Pose.connection._replace(port=26001)

    for kind, seconds in ((Pose, (0, 2)), (Other, (1, 3))):
        with WriteFile(str(tmpdir.join(kind.name)), kind, time_origin=data()['time_received']) as f:
            for second in seconds:
                f.write(data(kind({key: second for key in kind.mandatory}), seconds=second))
    log(5, name='raw')
    listed = tools.dump_to_list(str(tmpdir), message=True)
    assert [type(entry['payload']) for entry in listed] == [Pose, Other, Pose, Other]
    assert [entry['elapsed_time'] for entry in listed] == [0.0, 1.0, 2.0, 3.0]
    listed = tools.dump_to_list(tmpdir, 1, 2, metadata=False)  # a path object
    assert [type(payload) for payload in listed] == [dict, dict]
    with pytest.raises(TypeError):
        tools.dump_to_list(str(tmpdir), message=Pose)


def test_list_of_messages(log, Pose):
    path = log(Pose(x=1, y=2), source=Pose)
    assert [type(each) for each in tools.dump_to_list(path, metadata=False)] == [dict]
    for message in (True, Pose, 'Pose'):
        (entry,) = tools.dump_to_list(path, message=message)
        assert type(entry['payload']) is Pose and entry['payload']['y'] == 2
        assert entry['topic'] == 'topic'
        (payload,) = tools.dump_to_list(path, message=message, metadata=False)
        assert type(payload) is Pose


def test_list_of_a_log_without_entries(tmpdir):
    assert tools.dump_to_list(write(tmpdir.join('a.log'), header())) == []
    assert tools.dump_to_list(GPS, min_time=1000) == []


def test_a_reader_is_read_from_where_it_stands_and_left_open():
    reader = ReadFile(GPS)
    first = reader.read()
    rest = tools.dump_to_list(reader)
    assert [first] + rest == tools.dump_to_list(GPS)
    assert tools.dump_to_list(reader) == []
    reader.reset()
    assert reader.read() == first


def test_a_reader_keeps_its_own_window_and_type(log, Pose):
    path = log(*[Pose(x=number, y=0) for number in range(10)], source=Pose)
    reader = ReadFile(path, min_time=1, max_time=3, message=True)
    listed = tools.dump_to_list(reader, 0, 2, metadata=False)
    assert [type(each) for each in listed] == 3 * [Pose] and [p['x'] for p in listed] == [2, 3, 4]


def test_a_reader_of_ones_own(tmpdir):
    class Own(object):
        def __init__(self):
            self.left = 3

        def read(self):
            self.left -= 1
            if self.left >= 0:
                return {'elapsed_time': 2.0 - self.left, 'topic': '', 'payload': {'x': self.left}}

        def is_data_pending(self):
            return self.left > 0

    assert tools.dump_to_list(Own(), 1, metadata=False) == [{'x': 1}, {'x': 0}]
    tools.dump_to_csv(Own(), str(tmpdir.join('a.csv')), ['x', 'elapsed_time'])
    assert table(tmpdir.join('a.csv')) == [['2', '0.0'], ['1', '1.0'], ['0', '2.0']]


# ---- what is refused ----


@pytest.mark.parametrize('name', sorted(DUMPS))
def test_arguments(name):
    dump = DUMPS[name]
    for source in (5, None, io.StringIO(u'text'), ['a.log']):
        with pytest.raises(TypeError) as caught:
            dump(source)
        assert 'source' in str(caught.value)
    for window in ({'min_time': '1'}, {'max_time': []}, {'min_time': True}, {'max_time': -1}):
        for source in (GPS, ReadFile(GPS)):
            with pytest.raises(TypeError):
                dump(source, **window)
    for source in (GPS, ReadFile(GPS)):
        with pytest.raises(ValueError):
            dump(source, 2, 1)


def test_no_such_log(tmpdir):
    for dump in (
        tools.dump_to_list,
        lambda source: tools.dump_to_csv(source, str(tmpdir.join('a.csv')), 'x'),
    ):
        with pytest.raises(IOError) as caught:
            dump(str(tmpdir.join('nowhere')))
        assert str(tmpdir.join('nowhere')) in str(caught.value)
    assert names(tmpdir) == []


def test_a_directory_without_logs(tmpdir):
    """A recording in which nothing arrived leaves one."""
    assert tools.dump_to_list(str(tmpdir)) == []
    assert tools.dump_to_csv(str(tmpdir), str(tmpdir.join('a.csv')), 'x') is None
    assert names(tmpdir) == []


def test_arguments_of_list(Pose):
    for bad in (5, 'True', None):
        with pytest.raises(TypeError):
            tools.dump_to_list(GPS, metadata=bad)
    for bad in (5, 'Unheard', dict):
        with pytest.raises(TypeError):
            tools.dump_to_list(GPS, message=bad)
    with pytest.raises(NameError):
        tools.dump_to_list(GPS, message=True)
    for message in (True, Pose):
        with pytest.raises(TypeError) as caught:
            tools.dump_to_list(ReadFile(GPS), message=message)
        assert 'opened' in str(caught.value)


@pytest.mark.parametrize('name', sorted(OF_KEYS))
def test_keys(name):
    for bad in (5, ['lat', 5], {5: 'lat'}, {'lat', 5}, object(), b'lat' if not PY2 else 5.0):
        with pytest.raises(TypeError) as caught:
            OF_KEYS[name](bad)
        assert 'keys' in str(caught.value)
    with pytest.raises(ValueError):
        OF_KEYS[name]([])
    assert not os.path.exists('never-written.csv')


def test_a_bad_line_costs_itself_alone(tmpdir, capsys):
    path = write(tmpdir.join('a.log'), header() + [line(0), 'garbage', line(1)])
    assert [entry['elapsed_time'] for entry in tools.dump_to_list(path)] == [0, 1]
    assert capsys.readouterr()[1].count('%s, line %d' % (path, len(header()) + 2)) == 1
    tools.dump_to_csv(path, str(tmpdir.join('a.csv')), 'elapsed_time')
    assert tmpdir.join('a.csv').read().split() == ['0.0', '1.0']
    assert capsys.readouterr()[1].count('\n') == 1
    reader = ReadFile(path)
    assert len(tools.dump_to_list(reader)) == 2 and reader.left_out() == 1


def test_many_bad_lines_are_counted(tmpdir, capsys):
    lines = [['garbage', line(number)][number % 2] for number in range(3000)]
    path = write(tmpdir.join('a.log'), header() + lines)
    assert len(tools.dump_to_list(path)) == 1500
    told = capsys.readouterr()[1]
    assert '1500 entries of %s were left out' % path in told and told.count('\n') < 60


def test_bad_lines_of_a_directory(tmpdir):
    for name in 'AB':
        write(tmpdir.join(name + '.log'), header(name) + ['garbage', line(0), 'garbage'])
    assert len(tools.dump_to_list(str(tmpdir))) == 2


def test_what_is_no_message_of_the_type_costs_itself_alone(Pose, tmpdir):
    path = write(tmpdir.join('a.log'), header('Pose') + [line(0, '01'), line(1, '80')])
    assert tools.dump_to_list(path, message=True) == []
    assert len(tools.dump_to_list(path)) == 2


def test_an_entry_that_was_cut_short_is_left_out(tmpdir):
    path = write(tmpdir.join('a.log'), header() + [line(0)])
    with open(path, 'a') as file:
        file.write(line(1)[:-1])
    assert [entry['payload'] for entry in tools.dump_to_list(path)] == [42]


# ---- CSV ----


def test_csv_of_the_vectors(tmpdir):
    path = str(tmpdir.join('gps.csv'))
    assert tools.dump_to_csv(GPS, path, ['elapsed_time', 'topic', 'lat', 'lon']) is None
    rows = table(path)
    expected = entries(EXPECTED['Gps.log']['entries'])
    assert len(rows) == len(expected)
    for row, entry in zip(rows, expected):
        assert float(row[0]) == entry['elapsed_time'] and row[1] == entry['topic']
        assert float(row[2]) == entry['payload']['lat']
        assert float(row[3]) == entry['payload']['lon']


def test_csv_to_the_byte(log, tmpdir):
    values = [
        (0.1, b'0.1'),
        (1.0 / 3, repr(1.0 / 3).encode()),
        (1e300, b'1e+300'),
        (float('nan'), b'nan'),
        (2 ** 63, b'9223372036854775808'),
        (-5, b'-5'),
        (True, b'True'),
        (None, b''),
        ('', b''),
        ('plain', b'plain'),
        ('a,b', b'"a,b"'),
        ('a "b"', b'"a ""b"""'),
        ('a\nb\rc', b'"a\nb\rc"'),
        (u'\xe9\u6f22', u'\xe9\u6f22'.encode('utf-8')),
        (b'\xff\x01', b'\xff\x01'),
        ([1, 2.5, None], b'"[1, 2.5, None]"'),
        ([1, 'a', None], b'"[1, \'a\', None]"'),
        ({'a': 'b'}, b"{'a': 'b'}"),
        ([], b'[]'),
    ]

    path = tmpdir.join('a.csv')
    source = log(*[{'x': value, 'y': 7} for value, _ in values])
    tools.dump_to_csv(source, path, ['x', 'y'])
    assert content(path) == b''.join(text + b',7\r\n' for _, text in values)


def test_csv_of_one_key_and_of_keys_beyond_ascii(log, tmpdir):
    path = tmpdir.join('a.csv')
    tools.dump_to_csv(log({u'\xe9': 1}, {u'\xe9': 2}), str(path), u'\xe9')
    assert content(path) == b'1\r\n2\r\n'


def test_csv_of_what_the_payload_calls_topic(log, tmpdir):
    path = tmpdir.join('a.csv')
    tools.dump_to_csv(log({'topic': 'own'}, {}, 5), path, ['topic', 'elapsed_time'])
    assert content(path) == b'own,0.0\r\ntopic,0.5\r\ntopic,1.0\r\n'


def test_csv_of_a_log_without_entries(tmpdir):
    path = tmpdir.join('a.csv')
    assert tools.dump_to_csv(GPS, path, ['lat', 'lon'], min_time=1000) is None
    assert names(tmpdir) == []
    path.write('former')
    tools.dump_to_csv(GPS, path, ['lat', 'lon'], min_time=1000)
    assert path.read() == 'former' and names(tmpdir) == ['a.csv']


def test_csv_of_several_types(log, tmpdir):
    path = tmpdir.join('a.csv')
    source = log({'name': 'A', 'x': 1}, {'x': 2}, {'name': 'B', 'x': 3})
    with pytest.raises(TypeError) as caught:
        tools.dump_to_csv(source, path, 'x')
    for part in (source, 'entry 3', '1.00000 s', "'A'", "'B'"):
        assert part in str(caught.value)
    assert names(tmpdir) == ['Log.log']


def test_csv_in_a_window(log, tmpdir):
    path = tmpdir.join('a.csv')
    tools.dump_to_csv(log(*[{'x': number} for number in range(9)]), path, 'x', 1, max_time=2)
    assert content(path) == b'2\r\n3\r\n4\r\n'


@pytest.mark.parametrize('payload', [{'y': 1}, 5, 'text', None, [1]])
def test_csv_of_a_payload_without_the_key(log, tmpdir, payload):
    source = log({'x': 1}, {'x': 2}, payload)
    path = tmpdir.join('a.csv')
    path.write('former')
    for keys in ('x', ['elapsed_time', 'x']):
        with pytest.raises(KeyError) as caught:
            tools.dump_to_csv(source, path, keys)
        for part in (source, 'entry 3', '1.00000 s', "'x'"):
            assert part in caught.value.args[0]
    assert path.read() == 'former' and names(tmpdir) == ['Log.log', 'a.csv']


def test_csv_takes_the_place_of_a_file_and_keeps_its_mode(tmpdir):
    path = tmpdir.join('a.csv')
    path.write('former')
    path.chmod(0o640)
    tmpdir.join('link').mksymlinkto(path)
    tools.dump_to_csv(GPS, tmpdir.join('link'), 'lat')
    assert tmpdir.join('link').islink() and content(path).startswith(b'-33.')
    assert stat.S_IMODE(os.stat(str(path)).st_mode) == 0o640
    assert names(tmpdir) == ['a.csv', 'link']


def test_csv_is_made_with_the_mode_of_other_files(tmpdir):
    tools.dump_to_csv(GPS, tmpdir.join('a.csv'), 'lat')
    tmpdir.join('other').write('')
    assert tmpdir.join('a.csv').stat().mode == tmpdir.join('other').stat().mode


def test_csv_to_where_it_cannot_be(tmpdir):
    for path in (tmpdir.join('nowhere', 'a.csv'), tmpdir):
        with pytest.raises(IOError) as caught:
            tools.dump_to_csv(GPS, path, 'lat')
        assert caught.value.filename == str(path) and str(path) in str(caught.value)
    for path in (5, None, io.StringIO()):
        with pytest.raises(TypeError) as caught:
            tools.dump_to_csv(GPS, path, 'lat')
        assert 'csv_file' in str(caught.value)
    assert names(tmpdir) == []


def test_csv_into_a_pipe(tmpdir):
    code = (
        "import sys; from mcl.logging.tools import dump_to_csv\n"
        "dump_to_csv(sys.argv[1], '/dev/stdout', ['topic', 'lat'], max_time=0.1)"
    )
    assert run_python(code, GPS) == 'rtk,-33.8886\n'


def test_csv_on_a_full_disk(log, tmpdir):
    source = log(*[{'x': 1000 * 'x'} for _ in range(300)])
    run_on_small_disk(
        tmpdir.mkdir('disk'),
        100000,
        "import errno, os, sys\n"
        "from mcl.logging.tools import dump_to_csv\n"
        "path = os.path.join(sys.argv[1], 'a.csv')\n"
        "try:\n"
        "    dump_to_csv(%r, path, 'x')\n"
        "except IOError as error:\n"
        "    assert error.errno == errno.ENOSPC and path in str(error), error\n"
        "else:\n"
        "    assert False\n"
        "assert os.listdir(sys.argv[1]) == []\n"
        "dump_to_csv(%r, path, 'x', max_time=10)\n"
        "assert os.listdir(sys.argv[1]) == ['a.csv']" % (source, source),
    )


def test_csv_of_a_large_log_takes_little_memory(log, tmpdir):
    """64 MB, within 32 MB above what a few bytes take."""
    source = log(*(8 * [{'x': 'x' * 8000000}]))
    run_python(
        "import resource, sys\n"
        "from mcl.logging.tools import dump_to_csv\n"
        "dump_to_csv(sys.argv[1], sys.argv[2], 'x', max_time=0)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "dump_to_csv(sys.argv[1], sys.argv[2], 'x')\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "assert grown < 32 << 10, grown",
        source,
        str(tmpdir.join('a.csv')),
    )
    assert os.path.getsize(str(tmpdir.join('a.csv'))) == 8 * 8000002


# ---- without NumPy and pandas ----


@pytest.mark.parametrize(
    'name, call',
    [('numpy', 'dump_to_array(%r, "lat")'), ('pandas', 'dump_to_dataframe(%r)')],
)
def test_without_numpy_or_pandas(name, call):
    """Also where they are installed: a None in sys.modules hides them."""
    run_python(
        "import sys\n"
        "sys.modules[%r] = None\n"
        "from mcl.logging.tools import *\n"
        "try:\n"
        "    %s\n"
        "except ImportError as error:\n"
        "    for part in %r, 'dump_to_', 'pip install':\n"
        "        assert part in str(error), error\n"
        "else:\n"
        "    assert False\n"
        "assert len(dump_to_list(%r)) == 5" % (name, call % GPS, 'pip install ' + name, GPS)
    )


def test_neither_is_imported_before_it_is_needed():
    run_python(
        "import sys\n"
        "from mcl.logging import tools\n"
        "tools.dump_to_list(sys.argv[1])\n"
        "assert 'numpy' not in sys.modules and 'pandas' not in sys.modules",
        GPS,
    )
