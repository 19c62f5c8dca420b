"""A transport of one's own, and what works on it."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from mcl import Message, MessageListener, QueuedListener, RawBroadcaster, RawListener
from mcl.network import abstract

if TYPE_CHECKING:
    from mcl._typing import Topics
    from typing_extensions import assert_type

LISTENERS: List['Listener'] = []


class Broadcaster(abstract.RawBroadcaster):
    def __init__(self, connection: abstract.Connection, topic: Optional[str] = None) -> None:
        super().__init__(connection, topic=topic)
        self._is_open = False
        self._open()

    @property
    def is_open(self) -> bool:
        return self._is_open

    def _open(self) -> bool:
        changed, self._is_open = not self._is_open, True
        return changed

    def publish(self, data: Any, topic: Optional[str] = None) -> None:
        for listener in LISTENERS:
            if listener.connection == self.connection:
                listener.__trigger__({'topic': topic or self.topic, 'payload': data})

    def close(self) -> bool:
        changed, self._is_open = self._is_open, False
        return changed

    def flush(self) -> int:
        return 0


class Listener(abstract.RawListener):
    def __init__(self, connection: abstract.Connection, topics: 'Topics' = None) -> None:
        super().__init__(connection, topics)
        self.speed: int = self.connection.speed
        self._open()

    @property
    def is_open(self) -> bool:
        return self in LISTENERS

    def _open(self) -> bool:
        LISTENERS.append(self)
        return True

    def close(self) -> bool:
        LISTENERS.remove(self)
        return True


class Connection(abstract.Connection):
    mandatory = ('address',)
    optional = {'speed': 9600, 'parity': None}
    broadcaster = Broadcaster
    listener = Listener


class Local(abstract.Connection):
    """With a list, no optional fields, the type of a field, and a method."""

    mandatory = ['channel']
    broadcaster = Broadcaster
    listener = Listener

    channel: int

    def next(self) -> 'Local':
        return self._replace(channel=self.channel + 1)


class Line(Message):
    mandatory = ('text',)
    connection = Connection('/dev/ttyS0')


def use() -> None:
    connection = Connection('/dev/ttyS1', speed=300)
    print(connection.address, connection.speed + 1, connection[0], connection._asdict()['speed'])
    assert_type(Connection.from_dict({'address': 'a'}), Connection)
    assert_type(connection.to_dict(), Dict[str, Any])
    assert_type(Local(1).next().channel, int)
    with RawBroadcaster(connection, topic='a') as broadcaster:
        assert_type(broadcaster, Broadcaster)
        broadcaster.publish(5)
        broadcaster.flush()
    with RawListener(connection, topics={'a'}) as listener:
        assert_type(listener, Listener)
        listener.subscribe(lambda data: print(data['topic'], data['payload']))
    with QueuedListener(connection) as queued:
        queued.subscribe(lambda data: print(data['time_received'].hour, data['payload']))
    MessageListener(Line).subscribe(lambda data: print(data['payload'].to_json()))


def anywhere(connection: abstract.Connection, line: Union[Connection, Local]) -> None:
    """Of a transport that is not known here."""
    assert_type(RawBroadcaster(connection), abstract.RawBroadcaster)
    RawListener(connection, topics='a').subscribe(lambda data: print(data['payload']))
    RawListener(line, topics='a').subscribe(lambda data: print(data['payload']))
