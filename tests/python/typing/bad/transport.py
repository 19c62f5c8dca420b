"""Mistakes in a transport of one's own, and with events, errors and the codec."""

from typing import Any, Optional

from mcl import Event, MclError, RawBroadcaster, codec, errors
from mcl.network import abstract


class Broadcaster(abstract.RawBroadcaster):
    @property
    def is_open(self) -> bool:
        return True

    def _open(self) -> bool:
        return True

    def publish(self, data: Any, topic: Optional[str] = None) -> None: ...

    def close(self) -> bool:
        return False


class Half(abstract.RawBroadcaster):
    def publish(self, data: Any, topic: Optional[str] = None) -> None: ...


class Listener(abstract.RawListener):
    def is_open(self) -> bool:  # E: override "is_open"
        return True

    def _open(self) -> bool:
        self.__trigger__(5)  # E: arg-type "int"
        self.__trigger__({'topic': None})  # E: typeddict-item "payload"
        self.__trigger__({'topic': 5, 'payload': 5})  # E: typeddict-item "topic"
        return True

    def close(self) -> bool:
        return True


class Swapped(abstract.Connection):
    mandatory = 'address'  # E: assignment "str"
    optional = 'speed'  # E: assignment "str"
    broadcaster = Listener  # E: assignment "Listener"
    listener = Broadcaster  # E: assignment "Broadcaster"


class Typed(abstract.Connection):
    mandatory = ('address',)
    broadcaster = Broadcaster
    listener = Listener

    address: str


Half(Typed('a'))  # E: abstract "close"
Typed('a').address + 1  # E: operator "int"
Typed('a').speed = 5  # E: attr-defined "speed"
RawBroadcaster(Typed('a')).stats()  # E: attr-defined "stats"

Event().subscribe(5)  # E: arg-type "int"
Event().trigger()  # E: attr-defined "trigger"
Event().num_subscriptions  + 1  # E: operator "int"

MclError('text').code.upper()  # E: attr-defined "upper"
errors.TimeoutError  # E: attr-defined "TimeoutError"

codec.configure(bin=True)  # E: call-arg "bin"
codec.configure()['raw']  # E: typeddict-item "raw"
codec.pack({}).encode()  # E: attr-defined "encode"
codec.unpack('text')  # E: arg-type "str"
