"""Queued listeners, of raw data and of messages."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from mcl import Message, QueuedListener
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import Data, Policy, QueuedData
    from typing_extensions import assert_type


class QueuedImu(Message):
    mandatory = ('gyro',)
    connection = Connection('ff15::11')


def show(data: 'QueuedData') -> None:
    assert_type(data['time_received'], datetime)
    print(data['time_received'].isoformat(), data['topic'], data['payload'])


def show_imu(data: 'QueuedData[QueuedImu]') -> None:
    assert_type(data['payload'], QueuedImu)


def show_any(data: 'Data') -> None:
    print(data['payload'])


def raw(policy: 'Optional[Policy]' = None) -> None:
    listener = QueuedListener(Connection('ff15::1'), open_init=False, max_bytes=1000, policy=policy)
    assert_type(listener, 'QueuedListener[Any]')
    if not listener.is_open():
        assert_type(listener.open(), bool)
    listener.subscribe(show)
    listener.subscribe(show_any)
    listener.subscribe(lambda data: print(data['time_received'].year))
    with listener:
        for data in listener:
            assert_type(data['time_received'], datetime)
            assert_type(data['payload'], Any)
    print(listener.stats()['queued'], listener.settings()['port'])
    print(listener.fileno(), listener.topics)
    assert_type(listener.close(), bool)


def messages() -> None:
    with QueuedListener(QueuedImu, topics='left') as listener:
        assert_type(listener, QueuedListener[QueuedImu])
        listener.subscribe(show_imu)
        listener.subscribe(show)
        assert_type(listener.receive()['payload'], QueuedImu)
        data = listener.receive(1.5)
        if data is not None:
            print(data['payload'].to_json())


class Recorder(QueuedListener):
    """A class of one's own; a bare QueuedListener is one of Any."""

    def __init__(self, path: str) -> None:
        super().__init__(Connection('ff15::1'), max_messages=5)
        self.path = path
        self.subscribe(self.write)

    def write(self, data: 'QueuedData') -> None:
        print(self.path, data['payload'])


def stop(listener: QueuedListener, imu: 'QueuedListener[QueuedImu]') -> None:
    listener.close()
    stop(imu, QueuedListener(QueuedImu))
