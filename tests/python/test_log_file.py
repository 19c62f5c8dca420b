"""WriteFile, statement by statement of the log format and of the legacy API."""

import datetime
import gc
import io
import os
import signal
import time

import pytest

from helpers import PY2, UNTIL_CTRL_C, communicate, run_python, start_python, wait_for
from logs import (
    FOLDER,
    ORIGIN,
    RULE,
    WAIT,
    data,
    lines_of,
    names,
    payloads,
    run_on_small_disk,
)
from mcl import Message, ReadFile, WriteFile
from mcl.codec import unpack
from mcl.errors import ClosedError, MclError
from mcl.network import abstract
from test_fork import PREAMBLE as FORK_PREAMBLE


@pytest.fixture
def prefix(tmpdir):
    return str(tmpdir.join('log'))


@pytest.fixture
def raw(connection, prefix):
    """Return a function that opens a log of raw data."""
    return lambda **options: WriteFile(prefix, connection, **options)


@pytest.fixture
def Imu(new_connection):
    class Imu(Message):
        mandatory = ('gyro', 'accel')
        connection = new_connection()

    return Imu


# ---- files ----


def test_one_connection_one_file(raw, tmpdir):
    with raw() as log:
        for number in range(5):
            log.write(data(number))
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(str(tmpdir.join('log.log')))) == list(range(5))


def test_a_log_is_split_by_entries(raw, tmpdir, prefix):
    with raw(max_entries=4) as log:
        for number in range(10):
            log.write(data(number))
    assert names(tmpdir) == ['log_000.log', 'log_001.log', 'log_002.log']
    counts = [len(lines_of(tmpdir.join(name))[0]) for name in names(tmpdir)]
    assert counts == [4, 4, 2]
    assert payloads(ReadFile(prefix)) == list(range(10))


@pytest.mark.parametrize('max_time', [1, 1.0, 0.95])
def test_a_log_is_split_by_time(raw, tmpdir, prefix, max_time):
    with raw(max_time=max_time) as log:
        for number in range(25):
            log.write(data(number, seconds=number / 10.0))
    counts = [len(lines_of(tmpdir.join(name))[0]) for name in names(tmpdir)]
    assert counts == [10, 10, 5]
    assert payloads(ReadFile(prefix)) == list(range(25))


def test_only_the_first_file_of_a_split_log_has_the_header(raw, tmpdir):
    with raw(max_entries=1) as log:
        for number in range(3):
            log.write(data(number))
    assert [bool(lines_of(tmpdir.join(name))[1]) for name in names(tmpdir)] == [True, False, False]


def test_a_file_is_tmp_while_it_is_written(raw, tmpdir):
    log = raw(max_entries=2)
    for number in range(3):
        log.write(data(number))
    log.flush()
    assert names(tmpdir) == ['log_000.log', 'log_001.tmp']
    log.close()
    assert names(tmpdir) == ['log_000.log', 'log_001.log']


def test_the_file_is_created_at_the_first_entry(raw, tmpdir):
    log = raw()
    assert names(tmpdir) == []
    log.write(data())
    log.flush()
    assert names(tmpdir) == ['log.tmp']


def test_a_log_without_entries_is_no_file(raw, tmpdir):
    raw().close()
    assert names(tmpdir) == []


@pytest.mark.parametrize('taken', ['log.tmp', 'log_000.tmp', os.path.join('log', 'x')])
@pytest.mark.parametrize('options', [{}, {'max_entries': 1}], ids=['single', 'split'])
def test_what_exists_is_refused(raw, tmpdir, prefix, taken, options):
    tmpdir.join(taken).ensure()
    with pytest.raises(IOError) as error:
        raw(**options)
    assert prefix in str(error.value)
    assert names(tmpdir) == [taken.split(os.sep)[0]]


def write_log(raw, payloads, **options):
    with raw(**options) as log:
        for payload in payloads:
            log.write(data(payload))


def contents(tmpdir):
    """The payloads of each file."""
    return {name: payloads(ReadFile(str(tmpdir.join(name)))) for name in names(tmpdir)}


def test_an_older_log_makes_way(raw, tmpdir, prefix, capfd):
    """A program that logs to a fixed name is run again and again."""
    write_log(raw, [1])
    assert capfd.readouterr()[1] == ''
    write_log(raw, [2])
    assert contents(tmpdir) == {'log.log': [2], 'log.log.1': [1]}
    told = capfd.readouterr()[1]
    assert told.count('\n') == 1 and prefix + '.log' in told and 'log.log.1' in told
    log = raw()
    log.write(data(3))
    # Until the new one takes the name, the old one has it.
    assert contents(tmpdir) == {'log.tmp': [3], 'log.log': [2], 'log.log.1': [1]}
    assert payloads(ReadFile(prefix)) == [2]
    log.close()
    assert contents(tmpdir) == {'log.log': [3], 'log.log.2': [2], 'log.log.1': [1]}
    assert payloads(ReadFile(prefix)) == [3]
    write_log(raw, [])
    assert contents(tmpdir)['log.log'] == [3]


def test_an_older_split_log_makes_way(raw, tmpdir, prefix, capfd):
    write_log(raw, range(3), max_entries=1)
    with raw(max_entries=2) as log:
        log.write(data(5))
        assert names(tmpdir) == ['log_000.log', 'log_000.tmp', 'log_001.log', 'log_002.log']
        log.write(data(6))
        log.write(data(7))
        # All of it, before the first new file has its name.
        assert contents(tmpdir) == {
            'log_000.log.1': [0], 'log_001.log.1': [1], 'log_002.log.1': [2],
            'log_000.log': [5, 6], 'log_001.tmp': [7],
        }
    assert capfd.readouterr()[1].count('\n') == 1
    assert payloads(ReadFile(prefix)) == [5, 6, 7]
    write_log(raw, [8])
    assert payloads(ReadFile(prefix)) == [8]
    assert sum(name.endswith('.2') for name in names(tmpdir)) == 2


def test_a_missing_folder_is_refused(connection, tmpdir):
    with pytest.raises(IOError) as error:
        WriteFile(str(tmpdir.join('missing', 'log')), connection)
    assert str(tmpdir.join('missing')) in str(error.value)
    assert error.value.errno == 2


def test_a_file_that_comes_into_being_is_not_overwritten(raw, tmpdir):
    log = raw()
    log.write(data())
    tmpdir.join('log.log').write('precious')
    log.close()
    assert tmpdir.join('log.log.1').read() == 'precious'
    assert payloads(ReadFile(str(tmpdir.join('log')))) == [42]


def test_what_cannot_make_way_stays(raw, tmpdir):
    log = raw()
    log.write(data())
    tmpdir.mkdir('log.log')
    with pytest.raises(IOError):
        log.close()
    assert log.close() is False
    assert payloads(ReadFile(str(tmpdir.join('log.tmp')))) == [42]


@pytest.mark.parametrize('extension', ['.log', '.tmp'])
def test_an_extension_is_refused(connection, prefix, extension):
    with pytest.raises(TypeError) as error:
        WriteFile(prefix + extension, connection)
    assert extension in str(error.value)


def test_the_prefix_may_have_other_dots(connection, tmpdir):
    with WriteFile(str(tmpdir.join('v1.2')), connection) as log:
        log.write(data())
    assert names(tmpdir) == ['v1.2.log']


def test_a_relative_prefix_stays_where_it_was(connection, tmpdir):
    with tmpdir.as_cwd():
        log = WriteFile('log', connection)
    log.write(data())
    assert log.prefix == 'log'
    log.close()
    assert names(tmpdir) == ['log.log']


@pytest.mark.skipif(PY2, reason="there is no pathlib")
def test_paths_of_pathlib(connection, tmpdir):
    import pathlib

    path = pathlib.Path(str(tmpdir)) / 'log'
    with WriteFile(path, connection) as log:
        log.write(data())
    assert payloads(ReadFile(path)) == [42]


def test_paths_beyond_ascii(connection, tmpdir):
    name = u'l\xf6g \u65e5'.encode('utf-8')
    # In the C locale 3.6 knows only ASCII, and has its own form for other names.
    prefix = os.path.join(str(tmpdir), name if PY2 else os.fsdecode(name))
    with WriteFile(prefix, connection) as log:
        log.write(data())
    assert payloads(ReadFile(prefix)) == [42]


# ---- header ----


def header_of(tmpdir):
    return lines_of(tmpdir.join('log.log'))[1]


def test_the_header_is_framed(raw, tmpdir):
    with raw() as log:
        log.write(data())
    header = header_of(tmpdir)
    assert header[0] == header[-1] == RULE
    assert RULE not in header[1:-1]
    with io.open(str(tmpdir.join('log.log'))) as file:
        assert file.read().startswith('\n'.join(header) + '\n')


def test_the_header_s_fields(raw, tmpdir):
    with raw(revision='v1.2-3', time_origin=ORIGIN) as log:
        log.write(data())
    header = header_of(tmpdir)
    assert header[1:5] == [
        '# MCL_LOG',
        '#     -- version     1.0',
        '#     -- revision    v1.2-3',
        '#     -- created     2016-05-12 00:20:07.123456',
    ]
    assert '#      >>> None' in header
    assert header[-2] == '#     <Time>    <Topic>     <Payload>'


def test_the_revision_may_be_empty(raw, tmpdir):
    with raw() as log:
        log.write(data())
    assert header_of(tmpdir)[3] == '#     -- revision    '


def test_created_without_microseconds(raw, tmpdir):
    with raw(time_origin=ORIGIN.replace(microsecond=0)) as log:
        log.write(data())
    assert header_of(tmpdir)[4] == '#     -- created     2016-05-12 00:20:07'


def test_the_type_is_in_the_header(Imu, prefix, tmpdir):
    with WriteFile(prefix, Imu) as log:
        log.write(data(Imu()))
    assert '#      >>> Imu' in header_of(tmpdir)


def test_a_revision_of_two_lines_is_refused(raw, tmpdir):
    with pytest.raises(ValueError):
        raw(revision='a\n#      >>> Forged')
    assert names(tmpdir) == []


# ---- entries ----


def entry_lines(tmpdir):
    return lines_of(tmpdir.join('log.log'))[0]


def test_the_columns_of_an_entry(raw, tmpdir):
    with raw(time_origin=ORIGIN) as log:
        log.write(data(42, 'abc', 1.5))
        log.write(data(True, 'a long topic', 123456789.123456))
        log.write(data(None, None, 0.000004))
    assert entry_lines(tmpdir) == [
        "     1.50000    'abc'       2a",
        "123456789.12346    'a long topic'    c3",
        "     0.00000    ''          c0",
    ]


def test_lines_are_those_of_the_legacy_system(connection, tmpdir):
    """What it wrote, read and written again, has the same lines."""
    path = os.path.join(FOLDER, 'raw', 'raw.log')
    with WriteFile(str(tmpdir.join('log')), connection, time_origin=ORIGIN) as log:
        for entry in ReadFile(path):
            log.write(data(entry['payload'], entry['topic'], entry['elapsed_time']))
    assert entry_lines(tmpdir) == lines_of(path)[0]


def test_elapsed_time_counts_from_the_given_origin(raw, prefix):
    with raw(time_origin=ORIGIN - datetime.timedelta(days=365)) as log:
        log.write(data(seconds=0.25))
    assert ReadFile(prefix).read()['elapsed_time'] == 365 * 86400 + 0.25


def test_elapsed_time_counts_from_the_first_entry(raw, prefix):
    with raw() as log:
        log.write(data(1, seconds=10))
        log.write(data(2, seconds=10.5))
        log.write(data(3, seconds=9.5))
    reader = ReadFile(prefix)
    assert reader.header['created'] == str(ORIGIN + datetime.timedelta(seconds=10))
    assert [entry['elapsed_time'] for entry in reader] == [0.0, 0.5, -0.5]


@pytest.mark.skipif(PY2, reason="there are no time zones")
def test_a_time_zone_is_taken_into_account(raw, prefix):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    with raw(time_origin=ORIGIN.replace(tzinfo=datetime.timezone.utc)) as log:
        log.write(dict(data(), time_received=ORIGIN.replace(tzinfo=zone)))
    assert ReadFile(prefix).read()['elapsed_time'] == -7200.0


def test_no_topic_and_an_empty_one_are_written_alike(raw, tmpdir, prefix):
    with raw() as log:
        log.write(data(topic=None))
        log.write(data(topic=''))
        log.write(data(topic=u''))
    assert set(entry_lines(tmpdir)) == {"     0.00000    ''          2a"}
    assert [entry['topic'] for entry in ReadFile(prefix)] == ['', '', '']


TOPICS = [
    'topic with spaces',
    "it's",
    "'",
    "''    2a",
    ' ',
    '\t',
    '\n',
    'a\r\nb',
    '#',
    "x'\n     0.00000    ''          2a\n    '",
    u'\u65e5\u672c'.encode('utf-8') if PY2 else u'\u65e5\u672c',
    '\xff' if PY2 else '\udcff',
    '\0',
    'x' * 1000,
]


def test_any_topic_comes_back(raw, prefix):
    with raw() as log:
        for topic in TOPICS:
            log.write(data(topic, topic=topic))
    got = list(ReadFile(prefix))
    assert [entry['topic'] for entry in got] == TOPICS
    assert payloads(got) == TOPICS


def test_a_message_is_packed_by_itself(Imu, prefix):
    class Refined(Imu):
        def encode(self):
            return b'\xa6packed'

    with WriteFile(prefix, Imu) as log:
        log.write(data(Refined()))
    assert payloads(ReadFile(prefix)) == ['packed']


def test_what_a_queued_listener_gives_is_taken(raw, connection, prefix):
    from mcl import QueuedListener, RawBroadcaster

    with QueuedListener(connection) as listener, RawBroadcaster(connection) as broadcaster:
        broadcaster.publish({'x': 1.5}, topic='pose')
        received = listener.receive(20)
    with raw(time_origin=received['time_received'] - datetime.timedelta(seconds=2)) as log:
        log.write(received)
    assert ReadFile(prefix).read() == {
        'elapsed_time': 2.0,
        'topic': 'pose',
        'payload': {'x': 1.5},
    }


# ---- arguments and errors ----


@pytest.mark.parametrize(
    'arguments',
    [
        {'prefix': None},
        {'prefix': 5},
        {'connection': None},
        {'connection': 'ff15::1'},
        {'connection': Message},
        {'connection': abstract.Connection},
        {'revision': 5},
        {'time_origin': 0.0},
        {'time_origin': '2016-05-12'},
        {'time_origin': datetime.date(2016, 5, 12)},
        {'max_entries': 1.5},
        {'max_entries': 'a'},
        {'max_entries': True},
        {'max_entries': 0},
        {'max_entries': -1},
        {'max_time': '1'},
        {'max_time': True},
        {'max_time': 0},
        {'max_time': -0.5},
        {'max_time': float('nan')},
    ],
    ids=repr,
)
def test_wrong_types_of_arguments(connection, prefix, tmpdir, arguments):
    with pytest.raises(TypeError) as error:
        WriteFile(**dict({'prefix': prefix, 'connection': connection}, **arguments))
    name = list(arguments)[0]
    assert name in str(error.value) or name == 'connection'
    assert names(tmpdir) == []


@pytest.mark.parametrize(
    'wrong',
    [
        None,
        [],
        'data',
        {'topic': 5, 'payload': 1, 'time_received': ORIGIN},
        {'topic': None, 'payload': 1, 'time_received': 1.0},
        {'topic': None, 'payload': 1, 'time_received': '2016-05-12'},
        {'topic': None, 'payload': object(), 'time_received': ORIGIN},
    ],
    ids=repr,
)
def test_what_is_no_data_is_refused(raw, tmpdir, wrong):
    log = raw()
    with pytest.raises(TypeError):
        log.write(wrong)
    counters = log.stats()
    assert counters['entries'] == counters['buffered'] == counters['dropped'] == 0
    log.close()
    assert names(tmpdir) == []


@pytest.mark.parametrize('key', ['topic', 'payload', 'time_received'])
def test_the_missing_key_is_named(raw, tmpdir, key):
    incomplete = data()
    del incomplete[key]
    with raw() as log:
        with pytest.raises(KeyError) as error:
            log.write(incomplete)
        assert "lacks '%s'" % key in error.value.args[0]
    assert names(tmpdir) == []


@pytest.mark.parametrize('received', [None, 0, '', False], ids=repr)
def test_without_a_time_it_is_the_present_one(raw, prefix, received):
    def now():
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())

    before = now()
    with raw(time_origin=ORIGIN) as log:
        log.write(dict(data(), time_received=received))
    elapsed = datetime.timedelta(seconds=ReadFile(prefix).read()['elapsed_time'])
    margin = datetime.timedelta(microseconds=20)  # the log's last digit
    assert before - margin <= ORIGIN + elapsed <= now() + margin


def test_messages_of_any_type_are_written(Imu, new_connection, prefix):
    class Gps(Message):
        mandatory = ('lat',)
        connection = new_connection()

    with WriteFile(prefix, Imu) as log:
        for payload in (Gps(lat=1), Imu(), 'text'):
            log.write(data(payload))
    got = payloads(ReadFile(prefix))
    assert [got[0]['name'], got[1]['name'], got[2]] == ['Gps', 'Imu', 'text']


def test_limits_are_attributes(raw):
    for options in ({}, {'max_entries': 5}, {'max_time': 2.5}, {'max_entries': 5, 'max_time': 1}):
        log = raw(**options)
        for name in ('max_entries', 'max_time'):
            assert getattr(log, name) == options.get(name)
            with pytest.raises(AttributeError):
                setattr(log, name, 7)


def test_times_out_of_range_are_refused(raw):
    with pytest.raises(ValueError):
        raw().write(dict(data(), time_received=datetime.datetime(1, 1, 1)))


def test_close(raw):
    log = raw()
    log.write(data())
    assert log.close() is True
    assert log.close() is False
    with pytest.raises(ClosedError):
        log.flush()


@pytest.mark.parametrize('options', [{}, {'max_entries': 2}], ids=['single', 'split'])
def test_writing_goes_on_after_close(raw, tmpdir, prefix, options, capfd):
    write_log(raw, ['old'], **options)
    log = raw(**options)
    assert log.close() is True  # nothing was written
    for number in range(4):
        log.write(data(number, seconds=number))
        assert any(name.endswith('.tmp') for name in names(tmpdir))
        assert log.close() is True and log.close() is False
    reader = ReadFile(prefix)
    got = list(reader)
    assert payloads(got) == list(range(4))
    assert [entry['elapsed_time'] for entry in got] == [0.0, 1.0, 2.0, 3.0]
    if options:
        assert names(tmpdir) == ['log_000.log', 'log_000.log.1'] + [
            'log_00%d.log' % number for number in (1, 2, 3)]
        assert [bool(lines_of(tmpdir.join('log_00%d.log' % number))[1]) for number in range(4)] == [
            True, False, False, False]
    else:
        assert names(tmpdir) == ['log.log', 'log.log.1']
        assert len([line for line in lines_of(prefix + '.log')[1] if 'MCL_LOG' in line]) == 1
    assert capfd.readouterr()[1].count('\n') == 1  # of the old one


def test_what_cannot_be_gone_on_with(raw, tmpdir, prefix):
    log = raw()
    log.write(data(1))
    log.close()
    with raw() as other:
        other.write(data(2))
        with pytest.raises(IOError) as error:
            log.write(data(3))
        assert prefix + '.tmp' in str(error.value)
    log.write(data(4))
    log.close()
    # It goes on with what has the name.
    assert contents(tmpdir) == {'log.log': [2, 4], 'log.log.1': [1]}


def test_stats(raw):
    log = raw(max_entries=2)
    for number in range(3):
        log.write(data(number))
    log.flush()
    size = log.stats().pop('bytes')
    assert size > 200
    expected = {
        'entries': 3,
        'bytes': size,
        'buffered': 0,
        'dropped': 0,
        'errors': 0,
        'files': 2,
        'error': None,
    }
    assert log.stats() == expected
    log.write(data())
    assert sum(log.stats()[key] for key in ('entries', 'buffered', 'dropped')) == 4
    log.close()
    assert log.stats()['entries'] == 4 and log.stats()['buffered'] == 0


def test_an_entry_is_in_the_file_when_it_is_written(raw, prefix):
    log = raw()
    for number in range(10):
        log.write(data(number))
        assert payloads(ReadFile(prefix)) == list(range(number + 1))
        assert log.stats()['buffered'] == 0
    log.flush()


def test_from_several_threads(raw, prefix):
    from helpers import Background

    log = raw()

    def write(start):
        for number in range(500):
            log.write(data(start + number))

    writers = [Background(lambda start=start: write(start)) for start in (0, 1000, 2000)]
    for writer in writers:
        writer.result()
    log.close()
    got = payloads(ReadFile(prefix))
    assert len(got) == 1500
    for start in (0, 1000, 2000):
        assert [number for number in got if start <= number < start + 1000] == list(
            range(start, start + 500)
        )


# ---- ends ----


def test_a_forgotten_log_is_completed(raw, tmpdir):
    log = raw()
    log.write(data())
    del log
    gc.collect()
    assert names(tmpdir) == ['log.log']


def test_a_failing_close_of_a_forgotten_log_is_told(raw, tmpdir, capsys):
    log = raw()
    log.write(data())
    tmpdir.mkdir('log.log')
    del log
    gc.collect()
    assert 'log.log' in capsys.readouterr()[1]


PREAMBLE = """
import datetime, os, signal, sys, time
import mcl
from mcl.network.udp import Connection
log = mcl.WriteFile(sys.argv[1], Connection('ff15::1'))
def write(payload):
    log.write({'topic': None, 'payload': payload, 'time_received': now()})
def now():
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())
def say(text):
    sys.stdout.write('%s\\n' % text)
    sys.stdout.flush()
"""


def test_exit_without_close(tmpdir, prefix):
    run_python(PREAMBLE + "write(1); write(2)", prefix)
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == [1, 2]


@pytest.mark.parametrize('end', ["raise SystemExit(0)", "sys.exit()"])
def test_exit_from_the_middle(tmpdir, prefix, end):
    run_python(PREAMBLE + "write(1)\n" + end, prefix)
    assert names(tmpdir) == ['log.log']


def test_exit_by_an_exception(tmpdir, prefix):
    process = start_python(PREAMBLE + "write(1)\nraise KeyError('x')", prefix)
    assert 'KeyError' in communicate(process)[1]
    assert names(tmpdir) == ['log.log']


def test_ctrl_c(tmpdir, prefix):
    process = start_python(PREAMBLE + "write(1)" + UNTIL_CTRL_C, prefix)
    assert process.stdout.readline() == 'go\n'
    process.send_signal(signal.SIGINT)
    assert 'KeyboardInterrupt' in communicate(process)[1]
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == [1]


def test_a_killed_process_loses_nothing(tmpdir, prefix):
    process = start_python(
        PREAMBLE + "number = 0\nwhile True:\n    write(number); say(number); number += 1", prefix
    )
    for number in range(1000):
        assert process.stdout.readline() == '%d\n' % number
    process.kill()
    told = communicate(process)[0].split('\n')[:-1]  # the last may be cut
    assert names(tmpdir) == ['log.tmp']
    got = payloads(ReadFile(prefix))
    assert got == list(range(len(got))) and len(got) >= 1000 + len(told)


def test_writing_does_not_go_on_at_exit(tmpdir, prefix):
    """What is closed then stays complete."""
    run_python(
        "import atexit\n"
        "def late():\n"
        "    try:\n"
        "        write(2)\n"
        "    except mcl.errors.ClosedError as error:\n"
        "        say('refused')\n"
        "atexit.register(late)\n" + PREAMBLE + "write(1)", prefix)
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == [1]


def test_a_child_goes_on_with_what_its_parent_closed(forked, tmpdir, prefix):
    forked("""
write(1)
log.close()
def child():
    write(2)
    log.close()
join(fork(child))
write(3)
log.close()
""")
    assert contents(tmpdir) == {'log.log': [1, 2, 3]}


@pytest.fixture
def forked(prefix):
    """Return a function that runs a program with fork(), a WriteFile being open."""

    def run(body):
        return run_python(
            "import warnings\nwarnings.simplefilter('ignore')\n" + FORK_PREAMBLE + PREAMBLE + body,
            prefix,
        )

    return run


@pytest.mark.parametrize('end', ["os._exit(0)", "sys.exit(0)", "del log, write; sys.exit(0)"])
def test_a_child_writes_nothing_of_its_parent(forked, tmpdir, prefix, end):
    forked(
        """
write(1)
pid = os.fork()
if pid == 0:
    text = raises(mcl.ForkError, write, 2)
    assert 'fork' in text and sys.argv[1] in text, text
    raises(mcl.ForkError, log.flush)
    assert log.close() is False
    gc.collect()
    %s
join(pid)
assert os.listdir(os.path.dirname(sys.argv[1])) in ([], ['log.tmp'])
write(3)
"""
        % end
    )
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == [1, 3]


def test_a_child_writes_its_own(forked, tmpdir):
    forked("""
write(1)
def child():
    global log
    log = mcl.WriteFile(sys.argv[1] + '2', C)
    write(2)
    log.close()
join(fork(child))
""")
    assert names(tmpdir) == ['log.log', 'log2.log']
    assert payloads(ReadFile(str(tmpdir.join('log2')))) == [2]


# ---- what disks do ----

FULL = (
    WAIT
    + PREAMBLE.replace('sys.argv[1]', 'sys.argv[1] + "/log"')
    + """
folder = sys.argv[1]
with open(folder + '/filler', 'wb', 0) as file:
    try:
        while True:
            file.write(b'x' * 4096)
    except IOError:
        pass
"""
)


def test_a_full_disk(tmpdir):
    run_on_small_disk(
        tmpdir,
        262144,
        FULL
        + """
for number in range(1000):
    write(number)
error = None
try:
    log.flush()
except IOError as raised:
    error = raised
assert error.errno == 28, error
counters = log.stats()
assert 'space' in counters['error'] and counters['errors'] >= 1
assert counters['entries'] + counters['buffered'] == 1000 and counters['dropped'] == 0
os.remove(folder + '/filler')
wait_for(lambda: log.stats()['buffered'] == 0)
assert log.stats()['error'] is None, log.stats()
write(1000)
assert log.close()
assert [entry['payload'] for entry in mcl.ReadFile(folder + '/log')] == list(range(1001))
""",
    )


def test_a_disk_that_stays_full(tmpdir):
    run_on_small_disk(
        tmpdir,
        262144,
        FULL
        + """
failed = 0
for number in range(1000):
    try:
        write('x' * 10000)
    except IOError as error:
        assert error.errno == 28 and folder in str(error), error
        failed += 1
counters = log.stats()
assert 0 < counters['buffered'] <= (4 << 20) / 10000 and counters['dropped'] == failed
assert counters['buffered'] + counters['entries'] + failed == 1000, counters
""",
        told='could not be written',
    )


def test_what_cannot_be_written_at_close_is_an_error(tmpdir):
    run_on_small_disk(
        tmpdir,
        262144,
        FULL
        + """
for number in range(1000):
    write(number)
try:
    log.close()
    assert False
except IOError as error:
    assert error.errno == 28 and folder in str(error), error
assert log.close() is False
counters = log.stats()
assert counters['entries'] + counters['dropped'] + counters['buffered'] == 1000
assert counters['entries'] < 1000
assert 'space' in counters['error']
""",
    )


def test_a_folder_that_vanishes_and_comes_back(raw, tmpdir, connection):
    folder = tmpdir.mkdir('folder')
    log = WriteFile(str(folder.join('log')), connection)
    log.write(data(1))
    log.flush()
    folder.remove()
    log.write(data(2))
    with pytest.raises(MclError) as error:
        log.flush()
    assert str(folder) in str(error.value)
    os.mkdir(str(folder))
    wait_for(lambda: log.stats()['buffered'] == 0, "writing to the new folder")
    log.close()
    reader = ReadFile(str(folder.join('log')))
    assert payloads(reader) == [2]
    assert reader.header is not None


def test_payloads_are_packed_as_published(raw, prefix, tmpdir):
    values = [{'a': [1, None, 2.5]}, u'\xe9', b'\0\xff', 2**63, [[]]]
    with raw() as log:
        for value in values:
            log.write(data(value))
    packed = [line.split()[-1] for line in entry_lines(tmpdir)]
    assert packed[2] == ('a200ff' if PY2 else 'c40200ff')
    assert payloads(ReadFile(prefix)) == [
        unpack(bytes(bytearray.fromhex(each))) for each in packed
    ]
