"""LogConnection, LogNetwork, retrieve_git_hash: recording what arrives."""

import datetime
import gc
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from helpers import UNTIL_CTRL_C, communicate, run_python, start_python, wait_for
from logs import ORIGIN, WAIT, data, lines_of, names, payloads, run_on_small_disk
from mcl import (
    LogConnection,
    LogNetwork,
    Message,
    MessageBroadcaster,
    QueuedListener,
    RawBroadcaster,
    ReadDirectory,
    ReadFile,
    WriteFile,
)
from mcl.logging.file import retrieve_git_hash
from mcl.network.udp import Connection
from test_exit import PREAMBLE as EXIT_PREAMBLE
from test_fork import PREAMBLE as FORK_PREAMBLE
from test_transport import Broadcaster, Local, Pose, no_listeners  # noqa: F401


@pytest.fixture
def Imu(new_connection):
    class Imu(Message):
        mandatory = ('gyro',)
        connection = new_connection()

    return Imu


@pytest.fixture
def Gps(new_connection):
    class Gps(Message):
        mandatory = ('lat',)
        connection = new_connection()

    return Gps


@pytest.fixture
def prefix(tmpdir):
    return str(tmpdir.join('log'))


def arrived(recording, count):
    """Wait until so many messages are logged."""
    wait_for(lambda: logged(recording.stats()) >= count, "recording of %d" % count)


def logged(counters):
    return counters['entries'] + counters['buffered'] + counters['dropped']


# ---- LogConnection ----


def test_a_connection_is_recorded(connection, prefix, tmpdir):
    with LogConnection(prefix, connection) as recording, RawBroadcaster(connection) as broadcaster:
        assert recording.is_alive() is True
        assert recording.prefix == prefix and recording.connection == connection
        values = [1, 'two', {'x': 3.5}, None]
        for number, value in enumerate(values):
            broadcaster.publish(value, topic='topic %d' % number if number else None)
        arrived(recording, 4)
    assert recording.is_alive() is False
    assert names(tmpdir) == ['log.log']
    got = list(ReadFile(prefix))
    assert payloads(got) == values
    assert [entry['topic'] for entry in got] == ['', 'topic 1', 'topic 2', 'topic 3']
    assert '#      >>> None' in lines_of(tmpdir.join('log.log'))[1]


def times_of_arrival(connection, listener, broadcaster):
    """Wait until two sockets get the same time for one datagram.

    The kernel begins to take the time at arrival a moment after the first socket asks for that.
    """
    def same():
        broadcaster.publish(0)
        return listener.receive(20)['time_received'] == other.receive(20)['time_received']

    with QueuedListener(connection) as other:
        wait_for(same, "a time of arrival")


def test_times_are_those_of_receiving(connection, prefix):
    origin = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(time.time()) - 10)
    with QueuedListener(connection) as listener, RawBroadcaster(connection) as broadcaster:
        times_of_arrival(connection, listener, broadcaster)
        recording = LogConnection(prefix, connection, time_origin=origin)
        for number in range(10):
            broadcaster.publish(number)
        received = [listener.receive(20)['time_received'] for _ in range(10)]
        arrived(recording, 10)
        recording.close()
    got = [entry['elapsed_time'] for entry in ReadFile(prefix)]
    # Those of one datagram, at two sockets. The log's last digit is ten microseconds.
    for mine, theirs in zip(got, received):
        assert abs(mine - (theirs - origin).total_seconds()) < 2e-5
    assert ReadFile(prefix).header['created'] == str(origin)


def test_everything_that_has_arrived_is_logged_at_close(connection, prefix):
    recording = LogConnection(prefix, connection)
    with RawBroadcaster(connection) as broadcaster:
        for number in range(2000):
            broadcaster.publish(number)
    recording.close()
    assert payloads(ReadFile(prefix)) == list(range(2000))


def test_open_and_close(connection, prefix, tmpdir):
    recording = LogConnection(prefix, connection, open_init=False)
    assert recording.is_alive() is False and recording.close() is False
    with pytest.raises(IOError):
        recording.stats()
    assert recording.open() is True
    assert recording.open() is False
    assert recording.is_alive() is True
    assert recording.close() is True
    assert recording.close() is False
    assert recording.is_alive() is False
    assert names(tmpdir) == []
    assert recording.open() is True  # there is no log yet
    RawBroadcaster(connection).publish(1)
    arrived(recording, 1)
    recording.close()
    assert names(tmpdir) == ['log.log']


@pytest.mark.parametrize('transport', ['udp', 'own'])
@pytest.mark.parametrize('options', [{}, {'max_entries': 2}], ids=['single', 'split'])
def test_recording_goes_on_after_close(connection, prefix, tmpdir, options, transport, capfd):
    connection = connection if transport == 'udp' else Local('again')
    with WriteFile(prefix, connection, **options) as old:
        old.write(data('old'))
    recording = LogConnection(prefix, connection, time_origin=ORIGIN, **options)
    broadcaster = RawBroadcaster(connection)
    for number in range(3):
        broadcaster.publish(number)
        arrived(recording, 1)
        assert recording.stats()['entries'] + recording.stats()['buffered'] == 1
        assert recording.close() is True and recording.is_alive() is False
        assert recording.open() is True and recording.open() is False
        assert recording.is_alive() is True
    recording.close()
    reader = ReadFile(prefix)
    assert payloads(reader) == [0, 1, 2] and reader.header['created'] == str(ORIGIN)
    if options:
        assert names(tmpdir) == ['log_000.log', 'log_000.log.1', 'log_001.log', 'log_002.log']
    else:
        assert names(tmpdir) == ['log.log', 'log.log.1']
    assert capfd.readouterr()[1].count('\n') == 1  # of the old one


def test_messages_are_recorded(Imu, prefix, capfd):
    """And all else that arrives there."""
    with LogConnection(prefix, Imu) as recording:
        with MessageBroadcaster(Imu) as broadcaster:
            broadcaster.publish(Imu(gyro=1), topic='a')
            RawBroadcaster(Imu.connection).publish({'lat': 5})
            RawBroadcaster(Imu.connection).publish({'name': 'Gps', 'gyro': 5})
            RawBroadcaster(Imu.connection).publish('garbage')
            broadcaster.publish(Imu(gyro=2))
        arrived(recording, 5)
        assert recording.stats()['listener']['rejected'] == 0
    got = payloads(ReadFile(prefix))
    assert got[1:4] == [{'lat': 5}, {'name': 'Gps', 'gyro': 5}, 'garbage']
    reader, fit = ReadFile(prefix, message=True), []
    while reader.is_data_pending():
        try:
            fit.append(reader.read()['payload'])
        except IOError as error:
            assert prefix in str(error) and 'Imu' in str(error)
            fit.append(None)
    assert [message and message['gyro'] for message in fit] == [1, None, 5, None, 2]
    assert {type(message) for message in fit if message} == {Imu}
    assert ReadFile(prefix).header['type'] is Imu
    assert capfd.readouterr()[1] == ''


def test_limits_are_attributes(connection, Imu, prefix, tmpdir):
    for options in ({}, {'max_entries': 5}, {'max_time': 2.5}):
        for log in (LogConnection(prefix, connection, open_init=False, **options),
                    LogNetwork(str(tmpdir), [Imu], open_init=False, **options)):
            for name in ('max_entries', 'max_time'):
                assert getattr(log, name) == options.get(name)
                with pytest.raises(AttributeError):
                    setattr(log, name, 7)


def test_the_header_s_fields_and_splitting(connection, prefix, tmpdir):
    options = {'revision': 'abc', 'time_origin': ORIGIN, 'max_entries': 3}
    with LogConnection(prefix, connection, **options) as recording:
        with RawBroadcaster(connection) as broadcaster:
            for number in range(7):
                broadcaster.publish(number)
        arrived(recording, 7)
        assert recording.stats()['files'] >= 1
    assert names(tmpdir) == ['log_000.log', 'log_001.log', 'log_002.log']
    reader = ReadFile(prefix)
    assert payloads(reader) == list(range(7))
    assert reader.header['revision'] == 'abc' and reader.header['created'] == str(ORIGIN)


def test_splitting_by_time(connection, prefix, tmpdir):
    with LogConnection(prefix, connection, max_time=0.05) as recording:
        with RawBroadcaster(connection) as broadcaster:
            for number in range(3):
                broadcaster.publish(number)
                arrived(recording, number + 1)
                time.sleep(0.06)  # of data: nothing can be waited for
    assert names(tmpdir) == ['log_000.log', 'log_001.log', 'log_002.log']


def test_stats(connection, prefix):
    with LogConnection(prefix, connection) as recording:
        with RawBroadcaster(connection) as broadcaster:
            for number in range(10):
                broadcaster.publish(number)
        arrived(recording, 10)
        counters = recording.stats()
        assert logged(counters) == counters['listener']['delivered'] == 10
        assert sorted(counters) == [
            'buffered', 'bytes', 'dropped', 'entries', 'error', 'errors', 'files', 'listener',
        ]
    counters = recording.stats()
    assert counters['entries'] == 10 and counters['buffered'] == counters['dropped'] == 0
    assert counters['files'] == 1 and counters['errors'] == 0 and counters['error'] is None
    assert counters['bytes'] == os.path.getsize(prefix + '.log')
    listener = counters['listener']
    assert listener['messages'] == 10 and listener['dropped_kernel'] == 0
    assert listener['malformed']['msgpack'] == 0


def test_the_sum_is_exact_at_every_moment(connection, prefix):
    with LogConnection(prefix, connection) as recording:
        def publish():
            with RawBroadcaster(connection) as broadcaster:
                for number in range(5000):
                    broadcaster.publish(number)

        thread = threading.Thread(target=publish)
        thread.start()
        looks = 0
        while thread.is_alive() or looks < 10:
            counters = recording.stats()
            assert logged(counters) == counters['listener']['delivered']
            looks += 1
        thread.join()


@pytest.mark.parametrize(
    'arguments',
    [
        {'prefix': None},
        {'connection': 'ff15::1'},
        {'connection': Message},
        {'revision': 1},
        {'time_origin': 1.0},
        {'max_entries': 0},
        {'max_time': '1'},
    ],
    ids=repr,
)
@pytest.mark.parametrize('open_init', [True, False])
def test_wrong_types_of_arguments(connection, prefix, arguments, open_init):
    given = dict({'prefix': prefix, 'connection': connection, 'open_init': open_init}, **arguments)
    with pytest.raises(TypeError) as error:
        LogConnection(**given)
    (name,) = arguments
    assert name in str(error.value).lower()


@pytest.mark.parametrize('extension', ['.log', '.tmp'])
def test_an_extension_is_refused(connection, prefix, extension):
    with pytest.raises(TypeError):
        LogConnection(prefix + extension, connection)


@pytest.mark.parametrize('open_init', [True, False])
@pytest.mark.parametrize('transport', ['udp', 'own'])
def test_what_cannot_be_written_is_an_error_at_once(connection, prefix, tmpdir, open_init,
                                                    transport):
    connection = connection if transport == 'udp' else Local('a')
    tmpdir.join('log.tmp').write('precious')
    for path in (prefix, str(tmpdir), str(tmpdir.join('missing', 'log'))):
        with pytest.raises(IOError) as error:
            LogConnection(path, connection, open_init=open_init)
        assert path in str(error.value)
    assert tmpdir.join('log.tmp').read() == 'precious' and names(tmpdir) == ['log.tmp']


@pytest.mark.parametrize('open_init', [True, False])
def test_what_cannot_be_heard_is_an_error_at_once(prefix, tmpdir, open_init):
    for connection, part in ((Connection('::1'), '::1'), (Local('broken'), 'broken')):
        with pytest.raises(IOError) as error:
            LogConnection(prefix, connection, open_init=open_init)
        assert part in str(error.value)
        kind = type(Message)('Kind' + part.strip(':'), (Message,),
                             {'mandatory': (), 'connection': connection})
        with pytest.raises(IOError) as error:
            LogNetwork(str(tmpdir), [kind], open_init=open_init)
        assert part in str(error.value)
    assert names(tmpdir) == []


def test_nothing_is_recorded_before_it_is_opened(connection, prefix, tmpdir):
    stop = []

    def publish():
        with RawBroadcaster(connection) as broadcaster:
            while not stop:
                broadcaster.publish(1)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for _ in range(20):
            LogConnection(prefix, connection, open_init=False)
    finally:
        stop.append(1)
        thread.join()
    assert names(tmpdir) == []


def test_a_callback_that_never_returns_does_not_matter(connection, prefix):
    """Recording has nothing to do with the program's own listeners."""
    over = threading.Event()
    with QueuedListener(connection) as listener:
        listener.subscribe(lambda data: over.wait(60))
        with LogConnection(prefix, connection) as recording:
            with RawBroadcaster(connection) as broadcaster:
                for number in range(100):
                    broadcaster.publish(number)
            arrived(recording, 100)
        over.set()
    assert payloads(ReadFile(prefix)) == list(range(100))


SENDER = """
import sys, time
from mcl import RawBroadcaster
from mcl.network.udp import Connection
rate, seconds = 20000, 5
with RawBroadcaster(Connection(sys.argv[1])) as broadcaster:
    began, sent = time.time(), 0
    while sent < rate * seconds:
        due = min(rate * seconds, int((time.time() - began) * rate))
        for number in range(sent, due):
            broadcaster.publish('%06d' % number + 'x' * 194)
        sent = due
        time.sleep(0.001)
print(sent)
"""


def test_a_busy_interpreter_loses_nothing(new_connection, prefix):
    """20,000 messages a second of 200 bytes from another process, while two threads here spin."""
    connection = new_connection(recv_buffer=32 << 20)
    stop = []

    def spin():
        while not stop:
            pass

    with LogConnection(prefix, connection) as recording:
        spinning = [threading.Thread(target=spin) for _ in range(2)]
        for thread in spinning:
            thread.start()
        try:
            process = start_python(SENDER, connection.url)
            output, errors = communicate(process)
        finally:
            stop.append(1)
            for thread in spinning:
                thread.join()
        assert errors == ''
        sent = int(output)
        assert sent == 100000
        wait_for(
            lambda: recording.stats()['listener']['messages']
            + recording.stats()['listener']['dropped_kernel'] >= sent,
            "receiving",
        )
    counters = recording.stats()
    assert (counters['entries'], counters['listener']['dropped_kernel']) == (sent, 0)
    numbers = [int(payload[:6]) for payload in payloads(ReadFile(prefix))]
    assert numbers == list(range(sent))


# ---- a transport of one's own ----


def test_a_transport_of_ones_own(prefix, tmpdir):
    with LogConnection(prefix, Local('a'), revision='r') as recording:
        broadcaster = RawBroadcaster(Local('a'), topic='t')
        for number in range(100):
            broadcaster.publish(number)
        assert recording.is_alive() is True
    assert recording.is_alive() is False and recording.close() is False
    assert names(tmpdir) == ['log.log']
    got = list(ReadFile(prefix))
    assert payloads(got) == list(range(100))
    assert {entry['topic'] for entry in got} == {'t'}
    assert ReadFile(prefix).header['revision'] == 'r'
    counters = recording.stats()
    assert counters['entries'] == 100 and counters['error'] is None
    assert counters['listener']['messages'] == 100


def test_messages_of_a_transport_of_ones_own(Pose, prefix, capsys):  # noqa: F811
    with LogConnection(prefix, Pose) as recording:
        MessageBroadcaster(Pose).publish(Pose(x=1))
        Broadcaster(Pose.connection).publish({'y': 1})
        arrived(recording, 2)
        assert recording.stats()['listener']['rejected'] == 0
    got = payloads(ReadFile(prefix))
    assert got[0]['x'] == 1 and got[1] == {'y': 1}
    assert ReadFile(prefix).header['type'] is Pose
    assert capsys.readouterr()[1] == ''


def test_what_cannot_be_packed_is_told_once(prefix, capsys):
    with LogConnection(prefix, Local('a')) as recording:
        broadcaster = RawBroadcaster(Local('a'))
        for value in (1, object(), object(), 2):
            broadcaster.publish(value)
        arrived(recording, 4)
        assert recording.stats()['dropped'] == 2
    assert payloads(ReadFile(prefix)) == [1, 2]
    assert capsys.readouterr()[1].count('log') == 1


def test_a_transport_that_cannot_be_opened(prefix, tmpdir):
    with pytest.raises(IOError):
        LogConnection(prefix, Local('broken'))
    assert names(tmpdir) == []


# ---- LogNetwork ----

DIRECTORY = r'\d{8}T\d{6}_' + re.escape(socket.gethostname()) + r'(_\d+)?\Z'


def test_a_network_is_recorded(Imu, Gps, tmpdir):
    recording = LogNetwork(str(tmpdir), [Imu, Gps], revision='abc')
    assert recording.is_alive is True
    assert recording.root_directory == str(tmpdir) and recording.messages == [Imu, Gps]
    directory = recording.directory
    assert os.path.dirname(directory) == str(tmpdir)
    assert re.match(DIRECTORY, os.path.basename(directory))
    with MessageBroadcaster(Imu) as imu, MessageBroadcaster(Gps) as gps:
        for number in range(10):
            imu.publish(Imu(gyro=number))
            gps.publish(Gps(lat=number), topic='rtk')
    for name in ('Imu', 'Gps'):
        wait_for(lambda: logged(recording.stats()[name]) == 10, "recording")
    assert recording.close() is True
    assert recording.close() is False
    assert recording.is_alive is False and recording.directory is None
    assert names(directory) == ['Gps.log', 'Imu.log']
    got = payloads(ReadDirectory(directory, message=True))
    assert [message['gyro'] for message in got if type(message) is Imu] == list(range(10))
    assert [message['lat'] for message in got if type(message) is Gps] == list(range(10))
    headers = [ReadFile(os.path.join(directory, name)).header for name in ('Imu', 'Gps')]
    assert headers[0]['created'] == headers[1]['created']
    assert [each['revision'] for each in headers] == ['abc', 'abc']
    assert [each['type'] for each in headers] == [Imu, Gps]


@pytest.fixture
def local_time():
    """Local time that is far from UTC, set by a program that runs already."""
    before = os.environ.get('TZ')
    os.environ['TZ'] = 'XYZ-9:30'  # before UTC, as POSIX counts
    time.tzset()
    yield
    if before is None:
        del os.environ['TZ']
    else:
        os.environ['TZ'] = before
    time.tzset()


def test_the_directory_is_named_by_local_time(Imu, tmpdir, local_time):
    before = time.strftime('%Y%m%dT%H%M%S')
    with LogNetwork(str(tmpdir), [Imu]) as recording:
        directory = recording.directory
        MessageBroadcaster(Imu).publish(Imu(gyro=1))
        wait_for(lambda: logged(recording.stats()['Imu']) == 1, "recording")
    stamp = os.path.basename(directory)[:15]
    assert before <= stamp <= time.strftime('%Y%m%dT%H%M%S')
    # And the origin, which is that moment, is in UTC.
    created = ReadFile(os.path.join(directory, 'Imu')).header['created'][:19]
    created = datetime.datetime.strptime(created, '%Y-%m-%d %H:%M:%S')
    assert (created + datetime.timedelta(hours=9.5)).strftime('%Y%m%dT%H%M%S') == stamp


def test_the_directory_is_as_it_was_given(Imu, tmpdir):
    tmpdir.mkdir('logs')
    with tmpdir.as_cwd():
        for given in ('.', 'logs', u'logs', os.path.join('..', tmpdir.basename)):
            with LogNetwork(given, [Imu]) as recording:
                assert recording.root_directory == given
                root, name = recording.directory.rsplit('/', 1)
                assert root == given and re.match(DIRECTORY, name)
                assert type(recording.directory) is type(given)
                assert os.path.isdir(recording.directory)


def test_a_network_of_no_types(tmpdir):
    with LogNetwork(str(tmpdir), []) as recording:
        directory = recording.directory
        assert recording.is_alive is True and recording.open() is False
        assert recording.messages == [] and recording.stats() == {}
    assert recording.is_alive is False and recording.directory is None
    assert list(ReadDirectory(directory, message=True)) == []


def test_each_recording_has_its_directory(Imu, tmpdir):
    recording = LogNetwork(str(tmpdir), [Imu], open_init=False)
    assert recording.is_alive is False and recording.directory is None
    assert recording.close() is False
    with pytest.raises(IOError):
        recording.stats()
    directories = set()
    for _ in range(3):
        assert recording.open() is True
        assert recording.open() is False
        directories.add(recording.directory)
        assert recording.close() is True
    assert len(directories) == 3
    assert {os.path.join(str(tmpdir), name) for name in names(tmpdir)} == directories


def test_the_types_are_those_given(Imu, tmpdir):
    for messages in ([Imu], (Imu,)):
        with LogNetwork(str(tmpdir), messages) as recording:
            assert recording.messages is messages
            with pytest.raises(AttributeError):
                recording.messages = []


def test_a_network_s_logs_are_split(Imu, Gps, tmpdir):
    with LogNetwork(str(tmpdir), (Imu, Gps), max_entries=2) as recording:
        directory = recording.directory
        with MessageBroadcaster(Imu) as broadcaster:
            for number in range(3):
                broadcaster.publish(Imu(gyro=number))
        wait_for(lambda: logged(recording.stats()['Imu']) == 3, "recording")
    assert names(directory) == ['Imu_000.log', 'Imu_001.log']
    assert len(payloads(ReadDirectory(directory, message=True))) == 3


def test_networks_of_several_transports(Imu, Pose, tmpdir):  # noqa: F811
    with LogNetwork(str(tmpdir), [Imu, Pose]) as recording:
        directory = recording.directory
        MessageBroadcaster(Imu).publish(Imu(gyro=1))
        MessageBroadcaster(Pose).publish(Pose(x=2))
        for name in ('Imu', 'Pose'):
            wait_for(lambda: logged(recording.stats()[name]) == 1, "recording")
    assert names(directory) == ['Imu.log', 'Pose.log']
    got = payloads(ReadDirectory(directory, message=True))
    assert {type(message) for message in got} == {Imu, Pose}


def test_all_or_none(Imu, Pose, tmpdir):  # noqa: F811
    class Broken(Message):
        mandatory = ()
        connection = Local('broken')

    before = sockets()
    with pytest.raises(IOError):
        LogNetwork(str(tmpdir), [Imu, Pose, Broken])
    assert names(tmpdir) == []
    assert sockets() == before


def sockets():
    count = 0
    for name in os.listdir('/proc/self/fd'):
        try:
            count += 'socket:' in os.readlink('/proc/self/fd/' + name)
        except OSError:
            pass
    return count


@pytest.mark.parametrize('open_init', [True, False])
@pytest.mark.parametrize('where', ['missing', 'file'])
def test_no_root_directory(Imu, tmpdir, where, open_init):
    tmpdir.join('file').write('x')
    with pytest.raises(IOError) as error:
        LogNetwork(str(tmpdir.join(where)), [Imu], open_init=open_init)
    assert where in str(error.value) and error.value.errno


@pytest.mark.parametrize('open_init', [True, False])
def test_wrong_arguments_of_a_network(Imu, tmpdir, open_init):
    for wrong in (None, 'Imu', [None], ['Imu'], Message, Imu, {Imu}, [Message], Imu(), [Imu()]):
        with pytest.raises(TypeError):
            LogNetwork(str(tmpdir), wrong, open_init=open_init)
    for wrong in ({'directory': None}, {'directory': 5}, {'directory': ''}, {'max_entries': 0},
                  {'max_time': 'a'}, {'revision': 5}, {'open_init': 0}, {'open_init': None},
                  {'open_init': 'True'}):
        given = dict({'directory': str(tmpdir), 'messages': [Imu], 'open_init': open_init}, **wrong)
        with pytest.raises(TypeError) as error:
            LogNetwork(**given)
        assert list(wrong)[0] in str(error.value)
    with pytest.raises(ValueError):
        LogNetwork(str(tmpdir), [Imu, Imu], open_init=open_init)
    assert names(tmpdir) == []


def named(name, connection):
    """Return a message type of a name that no class statement can give it."""
    return type(Message)(name, (Message,), {'mandatory': (), 'connection': connection})


@pytest.mark.parametrize('name', ['../x', '/x', 'x/', 'a/../../x', '.', '..', '.x', '', 'x\ny',
                                  'x.log', 'x.tmp', 'x' * 250])
def test_types_that_would_be_recorded_elsewhere_are_refused(Imu, connection, tmpdir, name):
    root = tmpdir.mkdir('a').mkdir('root')
    with pytest.raises((TypeError, ValueError, IOError)) as refused:
        LogNetwork(str(root), [Imu, named(name, connection)])
    assert repr(name)[1:-1] in str(refused.value) or name in str(refused.value)
    assert names(root) == [] and names(tmpdir) == ['a'] and names(tmpdir.join('a')) == ['root']


@pytest.mark.parametrize('name', ['a b', '-x', '~', "x'", 'x:y', '$HOME', 'x..', '*'])
def test_types_of_odd_names_are_recorded_in_their_folder(connection, tmpdir, name):
    Odd = named(name, connection)
    with LogNetwork(str(tmpdir), [Odd]) as recording, MessageBroadcaster(Odd) as broadcaster:
        broadcaster.publish(Odd(n=1))
        wait_for(lambda: logged(recording.stats()[name]) == 1, "recording")
        directory = recording.directory
    assert names(tmpdir) == [os.path.basename(directory)]
    with ReadDirectory(directory, message=True) as reader:
        assert [(entry['payload'].name, entry['payload']['n']) for entry in reader] == [(name, 1)]


# ---- ends ----

START = EXIT_PREAMBLE + """
log = mcl.LogConnection(sys.argv[1], C)
broadcaster = mcl.RawBroadcaster(C)
def publish(count):
    for number in range(count):
        broadcaster.publish(number)
"""


def test_exit_without_close(tmpdir, prefix):
    run_python(START + "publish(500)", prefix)
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == list(range(500))


def test_a_forgotten_recording_goes_on(tmpdir, prefix):
    run_python(START + "del log\nimport gc\ngc.collect()\npublish(500)", prefix)
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == list(range(500))


def test_exit_of_a_network_without_close(tmpdir):
    run_python(
        EXIT_PREAMBLE
        + """
class Imu(mcl.Message):
    mandatory = ('gyro',)
    connection = C
mcl.LogNetwork(sys.argv[1], [Imu])
mcl.MessageBroadcaster(Imu).publish(Imu(gyro=1))
""",
        str(tmpdir),
    )
    (directory,) = names(tmpdir)
    assert names(tmpdir.join(directory)) == ['Imu.log']


def test_exit_with_a_transport_of_ones_own(prefix, tmpdir):
    run_python(
        EXIT_PREAMBLE
        + """
sys.path.insert(0, %r)
from test_transport import Local
log = mcl.LogConnection(sys.argv[1], Local('a'))
for number in range(500):
    mcl.RawBroadcaster(Local('a')).publish(number)
"""
        % os.path.dirname(os.path.abspath(__file__)),
        prefix,
    )
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == list(range(500))


def test_ctrl_c(tmpdir, prefix):
    process = start_python(START + "publish(100)" + UNTIL_CTRL_C, prefix)
    assert process.stdout.readline() == 'go\n'
    process.send_signal(signal.SIGINT)
    assert 'KeyboardInterrupt' in communicate(process)[1]
    assert names(tmpdir) == ['log.log']
    assert payloads(ReadFile(prefix)) == list(range(100))


def test_ctrl_c_amid_closing(prefix, new_connection):
    """The log is complete then, and the last counters are to be had."""
    connection, delay = new_connection(), None
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        while True:
            recording = LogConnection(prefix, connection)
            with RawBroadcaster(connection) as broadcaster:
                broadcaster.publish_many(range(1000))
                arrived(recording, 1000)
            began = time.time()
            try:
                if delay:
                    signal.setitimer(signal.ITIMER_REAL, delay)
                recording.close()
                signal.setitimer(signal.ITIMER_REAL, 0)
                delay = (time.time() - began) / 2
            except KeyboardInterrupt:
                if not recording.is_alive():
                    break
                recording.close()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            os.remove(prefix + '.log')
    finally:
        signal.signal(signal.SIGALRM, before)
    counters = recording.stats()
    assert counters['entries'] == counters['listener']['delivered'] == 1000
    assert payloads(ReadFile(prefix)) == list(range(1000))


def test_a_killed_recording(tmpdir, prefix):
    process = start_python(
        START
        + """
publish(100)
while log.stats()['entries'] < 100:     # written within a second
    time.sleep(0.01)
say('go')
while True:
    publish(10)
""",
        prefix,
    )
    assert process.stdout.readline() == 'go\n'
    process.kill()
    communicate(process)
    assert names(tmpdir) == ['log.tmp']
    assert payloads(ReadFile(prefix))[:100] == list(range(100))


@pytest.mark.parametrize('end', [
    "os._exit(0)", "sys.exit(0)", "del log; gc.collect(); sys.exit(0)"])
def test_fork(tmpdir, prefix, end):
    run_python(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + FORK_PREAMBLE
        + """
log = mcl.LogConnection(sys.argv[1], C)
broadcaster = mcl.RawBroadcaster(C)
broadcaster.publish(1)
pid = os.fork()
if pid == 0:
    assert log.is_alive() is False and log.close() is False
    for function in (log.open, log.stats):
        text = raises(mcl.ForkError, function)
        assert 'fork' in text and sys.argv[1] in text, text
    own = mcl.LogConnection(sys.argv[1] + '2', D)
    mcl.RawBroadcaster(D).publish('child')
    assert own.close()
    %s
join(pid)
assert log.is_alive()
broadcaster.publish(2)
"""
        % end,
        prefix,
    )
    assert names(tmpdir) == ['log.log', 'log2.log']
    assert payloads(ReadFile(prefix)) == [1, 2]
    assert payloads(ReadFile(prefix + '2')) == ['child']


def test_a_recording_made_before_a_fork_opens_in_the_child(tmpdir, prefix):
    run_python(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + FORK_PREAMBLE
        + """
other = mcl.RawListener(D)
log = mcl.LogConnection(sys.argv[1], C, open_init=False)
def child():
    assert log.open()
    mcl.RawBroadcaster(C).publish('child')
    assert log.close()
join(fork(child))
assert log.is_alive() is False
""",
        prefix,
    )
    assert payloads(ReadFile(prefix)) == ['child']


def test_a_network_s_fork(tmpdir):
    run_python(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + FORK_PREAMBLE
        + """
class Imu(mcl.Message):
    mandatory = ('gyro',)
    connection = C
log = mcl.LogNetwork(sys.argv[1], [Imu])
def child():
    assert log.is_alive is False and log.close() is False and log.directory is None
    raises(mcl.ForkError, log.open)
    raises(mcl.ForkError, log.stats)
join(fork(child))
assert log.is_alive and log.close()
""",
        str(tmpdir),
    )


def test_a_full_disk(tmpdir):
    run_on_small_disk(
        tmpdir,
        262144,
        WAIT
        + """
import os, sys
import mcl
from mcl.network.udp import Connection
folder, connection = sys.argv[1], Connection('ff15::1')
recording = mcl.LogConnection(folder + '/log', connection)
with open(folder + '/filler', 'wb', 0) as file:
    try:
        while True:
            file.write(b'x' * 4096)
    except IOError:
        pass
broadcaster = mcl.RawBroadcaster(connection)
for number in range(1000):
    broadcaster.publish(number)
wait_for(lambda: recording.stats()['error'])
counters = recording.stats()
assert 'space' in counters['error'] and counters['errors'] >= 1
os.remove(folder + '/filler')
def all_written():
    counters = recording.stats()
    return counters['entries'] == 1000 and counters['error'] is None
wait_for(all_written)
broadcaster.publish(1000)
recording.close()
assert [entry['payload'] for entry in mcl.ReadFile(folder + '/log')] == list(range(1001))
""",
        told='space',
    )


def test_nothing_is_left_of_closed_recordings(connection, tmpdir, prefix):
    LogConnection(prefix, connection).close()
    gc.collect()
    before = len(os.listdir('/proc/self/fd'))
    for number in range(20):
        recording = LogConnection(prefix + str(number), connection)
        RawBroadcaster(connection).publish(1)
        arrived(recording, 1)
        recording.close()
    del recording
    gc.collect()
    assert len(os.listdir('/proc/self/fd')) <= before


# ---- retrieve_git_hash ----


@pytest.fixture
def repository(tmpdir):
    folder = tmpdir.mkdir('repository')
    environment = dict(
        os.environ,
        GIT_AUTHOR_NAME='a', GIT_AUTHOR_EMAIL='a@example.org',
        GIT_COMMITTER_NAME='a', GIT_COMMITTER_EMAIL='a@example.org',
    )

    def git(*arguments):
        return subprocess.check_output(
            ('git',) + arguments, cwd=str(folder), env=environment, universal_newlines=True
        ).strip()

    git('init', '-q')
    folder.mkdir('sub').join('file.py').write('x')
    return folder, git


def test_the_commit_of_a_file_s_repository(repository):
    folder, git = repository
    file = folder.join('sub', 'file.py')
    assert retrieve_git_hash(str(file)) is None  # there is no commit yet
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    commit = git('rev-parse', 'HEAD')
    for path in (file, folder.join('sub'), folder):
        got = retrieve_git_hash(str(path))
        assert got == commit and type(got) is str
    with folder.join('sub').as_cwd():
        assert retrieve_git_hash('file.py') == commit


def test_the_commit_of_a_repository_itself(repository, tmpdir):
    """Its .git, a bare repository, and the file .git of a worktree."""
    folder, git = repository
    assert retrieve_git_hash(str(folder.join('.git'))) is None  # there is no commit yet
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    git('clone', '-q', '--bare', '.', str(tmpdir.join('bare')))
    git('worktree', 'add', '-q', str(tmpdir.join('tree')), '-b', 'other')
    paths = [folder.join('.git'), tmpdir.join('bare'), tmpdir.join('tree', '.git'),
             tmpdir.join('tree', 'sub', 'file.py'), folder.join('.git', 'worktrees', 'tree')]
    for path in paths:
        assert retrieve_git_hash(str(path)) == git('rev-parse', 'HEAD'), path
    relative = os.path.relpath(str(folder.join('.git')))
    assert retrieve_git_hash(repository_path=relative) == git('rev-parse', 'HEAD')


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_the_repository_of_another_user(repository):
    """Git since 2.35.2 refuses that, where it looks for a repository by itself."""
    folder, git = repository
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    commit = git('rev-parse', 'HEAD')
    for place, _, files in os.walk(str(folder)):
        for path in [place] + [os.path.join(place, name) for name in files]:
            os.chown(path, 12345, 12345)
    for path in (folder, folder.join('.git'), folder.join('sub', 'file.py')):
        assert retrieve_git_hash(str(path)) == commit


def test_no_repository(tmpdir):
    assert retrieve_git_hash(str(tmpdir)) is None
    assert retrieve_git_hash(str(tmpdir.mkdir('.git'))) is None
    tmpdir.join('HEAD').write('x')
    tmpdir.mkdir('objects')
    assert retrieve_git_hash(str(tmpdir)) is None


@pytest.mark.parametrize('missing', ['missing', os.path.join('missing', '.git')])
def test_no_such_path(repository, missing):
    path = str(repository[0].join(missing))
    with pytest.raises(IOError) as error:
        retrieve_git_hash(path)
    assert path in str(error.value) and error.value.errno == 2


def test_another_repository_in_the_environment(repository, tmpdir, monkeypatch):
    folder, git = repository
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    monkeypatch.setenv('GIT_DIR', str(folder.join('.git')))
    assert retrieve_git_hash(str(tmpdir)) is None


def test_git_is_not_installed(repository, tmpdir, monkeypatch):
    folder, git = repository
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    monkeypatch.setenv('PATH', str(tmpdir))
    assert retrieve_git_hash(str(folder)) is None


def test_a_path_is_a_string():
    for wrong in (None, 5):
        with pytest.raises(TypeError):
            retrieve_git_hash(wrong)
