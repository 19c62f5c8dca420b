from collections.abc import Iterable
from typing import Any, Generic, Literal, Protocol, overload
from typing_extensions import Self, TypeVar

from mcl._typing import Data, Policy, QueuedData, Topics
from mcl.messages.messages import Message
from mcl.network import abstract, udp
from mcl.network._receiving import Receiving
from mcl.network.abstract import Connection

__all__ = ['MessageBroadcaster', 'MessageListener', 'QueuedListener', 'RawBroadcaster',
           'RawListener', 'TIMEOUT']

TIMEOUT: int

_Broadcaster = TypeVar('_Broadcaster', bound=abstract.RawBroadcaster, covariant=True)
_Listener = TypeVar('_Listener', bound=abstract.RawListener, covariant=True)
_Message = TypeVar('_Message', bound=Message, default=Any)
_MessageCo = TypeVar('_MessageCo', bound=Message, covariant=True, default=Any)
_Payload = TypeVar('_Payload', covariant=True, default=Any)

# Instances of every connection class but UDP's, which alone has no __getattr__, and an overload of
# its own; not the classes themselves.
class _Broadcasting(Protocol[_Broadcaster]):
    @property
    def broadcaster(self) -> type[_Broadcaster]: ...
    def __getattr__(self, name: str) -> Any: ...

class _Listening(Protocol[_Listener]):
    @property
    def listener(self) -> type[_Listener]: ...
    def __getattr__(self, name: str) -> Any: ...

@overload
def RawBroadcaster(
    connection: udp.Connection, topic: str | None = None, *, coalesce: float = 0
) -> udp.RawBroadcaster: ...
@overload
def RawBroadcaster(
    connection: _Broadcasting[_Broadcaster], topic: str | None = None, **options: Any
) -> _Broadcaster: ...
@overload
def RawListener(
    connection: udp.Connection,
    topics: Topics = None,
    *,
    max_messages: int | None = None,
    max_bytes: int | None = None,
    policy: Policy | None = None,
    decode: bool = True,
) -> udp.RawListener: ...
@overload
def RawListener(
    connection: _Listening[_Listener], topics: Topics = None, **options: Any
) -> _Listener: ...

# What these two make is of the class of the connection's own transport as well. It is typed as that
# of UDP; for another transport, what that class lacks is missing at run time.
class MessageBroadcaster(udp.RawBroadcaster, Generic[_Message]):
    message_type: type[_Message]
    def __new__(
        cls, message: type[_Message], topic: str | None = None, **options: Any
    ) -> Self: ...
    def __init__(
        self, message: type[_Message], topic: str | None = None, *, coalesce: float = 0
    ) -> None: ...
    def publish(self, message: _Message, topic: str | None = None) -> None: ...
    def publish_many(self, messages: Iterable[_Message], topic: str | None = None) -> None: ...

class MessageListener(udp.RawListener[Data[_MessageCo]], Generic[_MessageCo]):
    message_type: type[_MessageCo]
    def __new__(
        cls, message: type[_MessageCo], topics: Topics = None, **options: Any
    ) -> Self: ...
    def __init__(
        self,
        message: type[_MessageCo],
        topics: Topics = None,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        policy: Policy | None = None,
    ) -> None: ...

class QueuedListener(
    Receiving[QueuedData[_Payload]], abstract.RawListener[QueuedData[_Payload]], Generic[_Payload]
):
    message_type: type[Message] | None
    @overload
    def __init__(
        self: QueuedListener[Any],
        connection: Connection,
        topics: Topics = None,
        open_init: bool = True,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        policy: Policy | None = None,
        decode: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: QueuedListener[_Message],
        connection: type[_Message],
        topics: Topics = None,
        open_init: bool = True,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        policy: Policy | None = None,
        decode: Literal[True] = True,
    ) -> None: ...
    # A method here, although a property elsewhere.
    def is_open(self) -> bool: ...  # type: ignore[override]
    def open(self) -> bool: ...
