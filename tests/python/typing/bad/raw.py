"""Mistakes with raw broadcasters, listeners and connections."""

from typing import TYPE_CHECKING, Any, Dict

from mcl import RawBroadcaster, RawListener, RawReader  # E: attr-defined "RawReader"
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import Data, QueuedData

HERE = Connection('ff15::1')
Connection()  # E: call-arg "url"
Connection(1)  # E: arg-type "int"
Connection('ff15::1', '26000')  # E: arg-type "str"
Connection('ff15::1', 26000, 3)  # E: arg-type "int"
Connection('ff15::1', hop=3)  # E: call-arg "hop"
Connection('ff15::1', loopback=3)  # E: arg-type "loopback"
HERE.url = 'ff15::2'  # E: misc "read-only"
HERE.hops = 3  # E: misc "final"
HERE.adress  # E: attr-defined "adress"

RawBroadcaster('ff15::1')  # E: call-overload "str"
RawBroadcaster(Connection)  # E: call-overload "RawBroadcaster"
RawBroadcaster(HERE, topic=5)  # E: call-overload "int"
RawListener(HERE, topics=5)  # E: call-overload "int"
RawListener(HERE, depth=5)  # E: call-overload "RawListener"
RawListener(HERE, policy='drop')  # E: call-overload "RawListener"

broadcaster = RawBroadcaster(HERE)
broadcaster.publish()  # E: call-arg "data"
broadcaster.publish(1, 2)  # E: arg-type "int"
broadcaster.send(1)  # E: attr-defined "send"
broadcaster.is_open()  # E: operator "bool"
broadcaster.topic = 'other'  # E: misc "read-only"
broadcaster.stats()['dropped']  # E: typeddict-item "dropped"
broadcaster.settings()['hop']  # E: typeddict-item "hop"

listener = RawListener(HERE)
listener.subscribe(5)  # E: arg-type "int"
listener.subscribe(lambda: None)  # E: arg-type
listener.subscribe(lambda data: data.payload)  # E: attr-defined "payload"
listener.subscribe(lambda data: data['time_received'])  # E: typeddict-item "time_received"
listener.is_open()  # E: operator "bool"
listener.receive('1')  # E: call-overload "str"
listener.receive(0)['payload']  # E: index "indexable"
listener.receive()['paylod']  # E: typeddict-item "paylod"
listener.stats()['lost']  # E: typeddict-item "lost"
listener.connection = HERE  # E: misc "read-only"
for data in listener:
    data['topic'].upper()  # E: union-attr "None"


def with_time(data: 'QueuedData') -> None: ...


def with_dict(data: Dict[str, Any]) -> None: ...


def two(data: 'Data', more: int) -> None: ...


listener.subscribe(with_time)  # E: arg-type "QueuedData"
listener.subscribe(with_dict)  # E: arg-type "Data"
listener.subscribe(two)  # E: arg-type "int"
