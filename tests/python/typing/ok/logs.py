"""Writing, reading, recording and replaying logs."""

import multiprocessing
import os
import queue
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from mcl import LogConnection, LogNetwork, Message, ReadDirectory, ReadFile, WriteFile
from mcl.logging.file import retrieve_git_hash
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
from mcl.logging.tools import dump_to_array, dump_to_csv, dump_to_dataframe, dump_to_list
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import LogEntry, LogHeader, LogStats, QueuedData, RecorderStats, ReplayStats
    from typing_extensions import assert_type


class LoggedImu(Message):
    mandatory = ('gyro',)
    connection = Connection('ff15::21')

    def norm(self) -> float:
        return 1.0


class LoggedGps(Message):
    mandatory = ('latitude',)
    connection = Connection('ff15::22')


def writes(received: 'QueuedData[LoggedImu]', folder: 'os.PathLike[str]') -> None:
    with WriteFile('/data/imu', LoggedImu, retrieve_git_hash(__file__), max_time=60) as file:
        file.write(received)
        file.write({'topic': None, 'payload': LoggedImu(), 'time_received': datetime.utcnow()})
        data = {'topic': '', 'payload': 5, 'time_received': datetime.utcnow()}
        file.write(data)
        file.flush()
        assert_type(file.stats(), 'LogStats')
        print(file.stats()['entries'], file.prefix, file.max_entries, file.max_time)
    assert_type(file.close(), bool)
    WriteFile(folder, Connection('ff15::21'), time_origin=datetime.utcnow(), max_entries=5)


def reads() -> None:
    with ReadFile('/data/imu', min_time=1, max_time=2.5, message=LoggedImu) as file:
        assert_type(file, 'ReadFile[LoggedImu]')
        for entry in file:
            assert_type(entry, 'LogEntry[LoggedImu]')
            print(entry['elapsed_time'] + 1.0, entry['topic'].upper(), entry['payload'].norm())
        if file.header is not None:
            assert_type(file.header, 'LogHeader')
            print(file.header['created'], file.header['end'] + 1, file.header['type'] is LoggedImu)
    raw = ReadFile('/data/imu')
    assert_type(raw, 'ReadFile[Any]')
    one = raw.read()
    while one is not None:
        print(one['payload']['gyro'][0])
        one = raw.read()
    assert_type(raw.min_time, Optional[float])
    if raw.is_data_pending():
        raw.reset()
    assert_type(ReadFile('/data/imu', None, None, LoggedImu), 'ReadFile[LoggedImu]')
    for each in ReadFile('/data/imu', message=True):
        assert_type(each['payload'], Message)
    assert_type(ReadFile('/data/imu', message='LoggedImu'), 'ReadFile[Any]')
    for each in ReadDirectory('/data', 1, None, True):
        assert_type(each['payload'], Message)
    with ReadDirectory('/data', ignore_raw=False) as directory:
        for each in directory:
            assert_type(each['payload'], Any)
        print(directory.source, directory.torn(), directory.messages)


def maybe(message: bool) -> 'ReadFile[Any]':
    return ReadFile('/data/imu', message=message)


class Reader:
    """Holds one of each, of bare and of given types."""

    def __init__(self) -> None:
        self.any: ReadFile = ReadFile('/data/imu')
        self.imu: 'ReadFile[LoggedImu]' = ReadFile('/data/imu', message=LoggedImu)
        self.all: 'List[ReadFile[Message]]' = [self.imu, ReadFile('/data/gps', message=True)]


def records() -> None:
    with LogConnection('/data/imu', LoggedImu, open_init=False) as one:
        if not one.is_alive():
            assert_type(one.open(), bool)
        assert_type(one.stats(), 'RecorderStats')
        print(one.stats()['entries'], one.stats()['listener']['rejected'], one.connection)
    imus = [LoggedImu]
    LogNetwork('/data', imus)
    with LogNetwork('/data', [LoggedImu, LoggedGps], retrieve_git_hash('.')) as network:
        if network.is_alive:
            assert_type(network.directory, Optional[str])
        print([kind.name for kind in network.messages], network.root_directory)
        assert_type(network.stats(), 'Dict[str, RecorderStats]')


class OwnReader:
    def read(self) -> Optional[Dict[str, Any]]:
        return None

    def is_data_pending(self) -> bool:
        return False


def replays() -> None:
    replay = Replay(ReadDirectory('/data', message=True), speed=2)
    replay.start()
    replay.speed = 0.5
    if replay.is_alive() and replay.is_data_pending():
        assert_type(replay.pause(), bool)
    assert_type(replay.stats(), 'ReplayStats')
    print(replay.stats()['late_max'] + 1.0, replay.stop())
    Replay(ReadFile('/data/imu', message=LoggedImu))
    Replay(OwnReader())
    ahead = BufferData(OwnReader(), length=100)
    if ahead.is_ready():
        ScheduleBroadcasts(ahead.queue, speed=3.0).start()
    assert_type(ahead.queue.get(), 'LogEntry[Any]')
    entries: 'queue.Queue[LogEntry[LoggedImu]]' = queue.Queue()
    ScheduleBroadcasts(entries)
    scheduler = ScheduleBroadcasts(multiprocessing.Queue())
    scheduler.speed += 1
    print(scheduler.is_alive(), scheduler.queue)


def dumps(choice: bool) -> None:
    assert_type(dump_to_list('/data/imu'), 'List[LogEntry[Any]]')
    assert_type(dump_to_list('/data/imu', 1, 2, True), 'List[LogEntry[Message]]')
    assert_type(dump_to_list('/data/imu', message=LoggedImu), 'List[LogEntry[LoggedImu]]')
    assert_type(dump_to_list('/data', message=LoggedImu, metadata=False), List[LoggedImu])
    for payload in dump_to_list(OwnReader(), metadata=choice):
        print(payload['gyro'])
    dump_to_csv(ReadFile('/data/imu'), '/data/imu.csv', ['elapsed_time', 'gyro'], max_time=5)
    array = dump_to_array('/data/imu', 'gyro')
    dump_to_array('/data/imu', {'gyro', 'accel'})
    if array is not None:
        print(array[0, 0], array.shape)
    frame = dump_to_dataframe('/data/imu', min_time=1)
    print(frame['time'], frame.set_index('time'))
