from collections.abc import Iterable
from typing import Any, ClassVar, Final, Generic
from typing_extensions import Self, TypeVar

from mcl._typing import BroadcasterStats, Data, Policy, Settings, Topics
from mcl.network import abstract
from mcl.network._receiving import Receiving

__all__ = ['ALLOWED_MULTICAST_HOPS', 'Connection', 'MTU', 'MTU_MAX', 'READ_TIMEOUT',
           'RawBroadcaster', 'RawListener', 'UDP_PORT']

UDP_PORT: int
MTU: int
MTU_MAX: int
ALLOWED_MULTICAST_HOPS: int
READ_TIMEOUT: int

_Data = TypeVar('_Data', covariant=True, default=Data[Any])

class RawBroadcaster(abstract.RawBroadcaster):
    def __init__(
        self, connection: Connection, topic: str | None = None, coalesce: float = 0
    ) -> None: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def is_open(self) -> bool: ...
    def _open(self) -> bool: ...
    def publish(self, data: Any, topic: str | None = None) -> None: ...
    def publish_many(self, data: Iterable[Any], topic: str | None = None) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> bool: ...
    def stats(self) -> BroadcasterStats: ...
    def settings(self) -> Settings: ...

class RawListener(Receiving[_Data], abstract.RawListener[_Data], Generic[_Data]):
    def __init__(
        self,
        connection: Connection,
        topics: Topics = None,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        policy: Policy | None = None,
        decode: bool = True,
    ) -> None: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def is_open(self) -> bool: ...

class Connection(abstract.Connection):
    def __new__(
        cls,
        url: str,
        port: int = 26000,
        *,
        interface: str | None = None,
        hops: int | None = None,
        loopback: bool | None = None,
        recv_buffer: int | None = None,
        send_buffer: int | None = None,
        message_max: int | None = None,
        objects_max: int | None = None,
        reassembly_bytes: int | None = None,
        reassembly_age_ms: int | None = None,
    ) -> Self: ...
    @property
    def url(self) -> str: ...
    @property
    def port(self) -> int: ...
    interface: Final[str | None]
    hops: Final[int | None]
    loopback: Final[bool | None]
    recv_buffer: Final[int | None]
    send_buffer: Final[int | None]
    message_max: Final[int | None]
    objects_max: Final[int | None]
    reassembly_bytes: Final[int | None]
    reassembly_age_ms: Final[int | None]
    # All fields are above, and another name is a mistake: here, unlike in other declarations.
    __getattr__: ClassVar[None]  # type: ignore[assignment,misc]

def open_source(
    connection: Connection, topics: tuple[str, ...], limits: dict[str, int], decode: bool
) -> Any: ...
