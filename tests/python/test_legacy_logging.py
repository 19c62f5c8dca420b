"""The legacy API of logs and replay: arguments by position and by name, and what the other tests do
not cover. Their names and defaults are in test_api.py.

The rest is in test_log_file.py (WriteFile), test_log_read.py (ReadFile), test_log_directory.py
(ReadDirectory), test_recording.py (LogConnection, LogNetwork, retrieve_git_hash), test_replay.py
(BufferData, ScheduleBroadcasts, Replay), test_log_tools.py and test_log_arrays.py (dump_to_...).
"""

import datetime

import pytest

from helpers import queue, wait_for
from logs import ORIGIN, data, names
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
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
from mcl.logging.tools import dump_to_array, dump_to_csv, dump_to_list


@pytest.fixture
def Pose(connection):
    return type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': connection})


@pytest.fixture
def prefix(tmpdir):
    return str(tmpdir.join('log'))


@pytest.mark.parametrize('typed', [False, True])
def test_write_file(Pose, prefix, tmpdir, typed):
    source = Pose if typed else Pose.connection
    for number, log in enumerate((
        WriteFile(prefix + '0', source, 'abc', ORIGIN, 2, 60.0),
        WriteFile(prefix=prefix + '1', connection=source, revision='abc', time_origin=ORIGIN,
                  max_entries=2, max_time=60),
    )):
        for seconds in range(3):
            assert log.write(data(Pose(x=seconds), 'topic', seconds)) is None
        assert log.close() is True and log.close() is False
        assert names(tmpdir)[2 * number:] == ['log%d_00%d.log' % (number, n) for n in range(2)]
        header = ReadFile(prefix + str(number)).header
        assert (header['revision'], header['created']) == ('abc', str(ORIGIN))
        assert header['type'] is (Pose if typed else None)


def test_read_file(Pose, prefix):
    with WriteFile(prefix, Pose) as log:
        for seconds in range(5):
            log.write(data(Pose(x=seconds), None, seconds))
    for reader in (
        ReadFile(prefix, 1, 3.0, True),
        ReadFile(filename=prefix, min_time=1, max_time=3, message=Pose),
        ReadFile(prefix, 1, 3),
        ReadFile(prefix + '.log', min_time=1.0, max_time=3),
    ):
        assert (reader.min_time, reader.max_time) == (1, 3)
        for _ in range(2):
            for seconds in (1, 2, 3):
                assert reader.is_data_pending() is True
                entry = reader.read()
                assert type(entry) is dict and set(entry) == {'elapsed_time', 'topic', 'payload'}
                assert (entry['elapsed_time'], entry['topic']) == (seconds, '')
                assert type(entry['elapsed_time']) is float and type(entry['topic']) is str
                assert entry['payload']['x'] == seconds
            assert reader.is_data_pending() is False
            assert reader.read() is reader.read() is None
            assert reader.reset() is None
    assert set(reader.header) == {'text', 'end', 'version', 'revision', 'created', 'type'}


@pytest.mark.parametrize('typed', [False, True])
def test_log_connection(Pose, prefix, tmpdir, typed):
    source = Pose if typed else Pose.connection
    origin = datetime.datetime(2020, 1, 1)
    with RawBroadcaster(Pose.connection) as broadcaster:
        for number, log in enumerate((
            LogConnection(prefix + '0', source, 'abc', origin, 1, 60.0, False),
            LogConnection(prefix=prefix + '1', connection=source, revision='abc',
                          time_origin=origin, max_entries=1, max_time=60, open_init=False),
        )):
            assert log.is_alive() is False and log.close() is False
            assert log.open() is True and log.open() is False and log.is_alive() is True
            for x in range(2):
                broadcaster.publish({'x': x})
            wait_for(lambda: log.stats()['listener']['messages'] == 2)
            assert log.close() is True and log.close() is False and log.is_alive() is False
            assert names(tmpdir)[2 * number:] == ['log%d_00%d.log' % (number, n) for n in range(2)]
            header = ReadFile(prefix + str(number)).header
            assert (header['revision'], header['created']) == ('abc', str(origin))
            assert header['type'] is (Pose if typed else None)
    log = LogConnection(prefix + '2', source)
    assert log.is_alive() is True and log.close() is True


def test_log_network_and_read_directory(Pose, new_connection, tmpdir):
    class Other(Message):
        mandatory = ()
        connection = new_connection()

    root = str(tmpdir)
    for network in (
        LogNetwork(root, [Pose, Other], 'abc', 1, 60.0, False),
        LogNetwork(directory=root, messages=[Pose, Other], revision='abc', max_entries=1,
                   max_time=60, open_init=False),
    ):
        assert network.is_alive is False and network.close() is False
        assert (network.root_directory, network.directory) == (root, None)
        assert list(network.messages) == [Pose, Other]
        assert network.open() is True and network.open() is False and network.is_alive is True
        directory = network.directory
        with MessageBroadcaster(Pose) as pose, MessageBroadcaster(Other) as other:
            pose.publish(Pose(x=1), 'a')
            other.publish(Other(y=2))
            pose.publish(Pose(x=3))
        assert network.close() is True and network.close() is False and network.is_alive is False
        assert names(directory) == ['Other_000.log', 'Pose_000.log', 'Pose_001.log']
        for reader in (
            ReadDirectory(directory, 0, 60.0, True, False),
            ReadDirectory(source=directory, min_time=0, max_time=60, message=True,
                          ignore_raw=False),
        ):
            entries = [reader.read() for _ in range(3)]
            assert reader.read() is None and reader.is_data_pending() is False
            times = [entry['elapsed_time'] for entry in entries]
            assert times == sorted(times)
            assert {type(entry['payload']) for entry in entries} == {Pose, Other}
            assert (reader.min_time, reader.max_time) == (0, 60)
            reader.reset()
            assert reader.is_data_pending() is True


class Source(object):
    """A reader as a program of the legacy system has it."""

    def __init__(self, kind, count):
        self.entries = [{'elapsed_time': 0.0, 'topic': 'a', 'payload': kind(x=x)}
                        for x in range(count)]
        self.reset()

    def reset(self):
        self.rest = list(self.entries)

    def is_data_pending(self):
        return bool(self.rest)

    def read(self):
        return self.rest.pop(0) if self.rest else None


def test_replay(Pose, prefix):
    with WriteFile(prefix, Pose) as log:
        log.write(data(Pose(x=0), 'a'))
    with QueuedListener(Pose) as listener:
        for replay in (
            Replay(ReadFile(prefix, message=True), 2.0),
            Replay(reader=Source(Pose, 1), speed=2),
        ):
            assert replay.speed == 2
            assert replay.is_alive() is False and replay.is_data_pending() is True
            assert replay.pause() is False and replay.stop() is False
            assert replay.start() is True
            received = listener.receive(20)
            assert (received['topic'], received['payload']['x']) == ('a', 0)
            wait_for(lambda: not replay.is_alive())
            assert replay.is_data_pending() is False and replay.stop() is False


def test_buffer_data_and_schedule_broadcasts(Pose):
    buffered = BufferData(reader=Source(Pose, 5), length=3)
    assert buffered.length == 3 and buffered.queue.empty()
    assert buffered.is_alive() is False and buffered.is_ready() is False
    assert buffered.is_data_pending() is True and buffered.stop() is False
    assert buffered.start() is True and buffered.start() is False
    wait_for(buffered.is_ready)
    assert buffered.is_alive() is True and buffered.queue.qsize() == 3
    with QueuedListener(Pose) as listener:
        scheduler = ScheduleBroadcasts(queue=buffered.queue, speed=2.0)
        assert scheduler.queue is buffered.queue and scheduler.speed == 2
        assert scheduler.is_alive() is False and scheduler.stop() is False
        assert scheduler.start() is True and scheduler.start() is False
        assert [listener.receive(20)['payload']['x'] for _ in range(5)] == list(range(5))
        wait_for(lambda: not scheduler.is_alive())
        assert scheduler.stop() is False
    wait_for(lambda: not buffered.is_alive())
    assert buffered.is_data_pending() is False and buffered.stop() is False
    assert buffered.reset() is None
    assert buffered.is_data_pending() is True
    assert ScheduleBroadcasts(queue.Queue(), 3).speed == 3
    assert BufferData(Source(Pose, 1), 7).length == 7


def test_dumps(Pose, prefix, tmpdir):
    with WriteFile(prefix, Pose) as log:
        for seconds in range(5):
            log.write(data(Pose(x=seconds), 'a', seconds))
    for entries in (
        dump_to_list(prefix, 1, 3.0, True, True),
        dump_to_list(source=prefix, min_time=1, max_time=3, message=True, metadata=True),
    ):
        assert [entry['elapsed_time'] for entry in entries] == [1, 2, 3]
        assert all(type(entry['payload']) is Pose for entry in entries)
    assert [payload['x'] for payload in dump_to_list(prefix, 1, 3, False, False)] == [1, 2, 3]
    path = str(tmpdir.join('a.csv'))
    for call in (
        lambda: dump_to_csv(prefix, path, ['elapsed_time', 'x'], 1, 3.0),
        lambda: dump_to_csv(source=prefix, csv_file=path, keys=('elapsed_time', 'x'), min_time=1,
                            max_time=3),
    ):
        assert call() is None
        lines = tmpdir.join('a.csv').read_binary().split(b'\r\n')
        assert lines == [b'1.0,1', b'2.0,2', b'3.0,3', b'']
        tmpdir.join('a.csv').remove()


def test_dump_to_array(Pose, prefix):
    numpy = pytest.importorskip('numpy')
    with WriteFile(prefix, Pose) as log:
        for seconds in range(5):
            log.write(data(Pose(x=seconds), 'a', seconds))
    for array in (
        dump_to_array(prefix, ['elapsed_time', 'x'], 1, 3.0),
        dump_to_array(source=prefix, keys=['elapsed_time', 'x'], min_time=1, max_time=3),
    ):
        assert type(array) is numpy.ndarray and array.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert dump_to_array(prefix, ['x'], 7, 8) is None
