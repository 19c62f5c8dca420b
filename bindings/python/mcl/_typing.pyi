"""Types of data, for annotations. There is no such module at run time: only type checkers see it.

    if TYPE_CHECKING:
        from mcl._typing import Data

    def show(data: 'Data[ImuMessage]') -> None: ...
"""
from collections.abc import Collection
from datetime import datetime
from typing import Any, Generic, Literal
from typing_extensions import TypeAlias, TypedDict, TypeVar

from mcl.messages.messages import Message

# A bare `Data` is `Data[Any]`.
_Payload = TypeVar('_Payload', default=Any)

# What callbacks, `receive` and iteration give.
class Data(TypedDict, Generic[_Payload]):
    topic: str | None
    payload: _Payload

# The same of a QueuedListener; `time_received` is UTC and naive.
class QueuedData(TypedDict, Generic[_Payload]):
    topic: str | None
    payload: _Payload
    time_received: datetime

# What readers of logs give; `elapsed_time` is in seconds.
class LogEntry(TypedDict, Generic[_Payload]):
    elapsed_time: float
    topic: str
    payload: _Payload

class LogHeader(TypedDict):
    text: str
    end: int
    version: str
    revision: str | None
    created: str
    type: type[Message] | str | None

# A str is a collection of str, too.
Topics: TypeAlias = Collection[str] | None
Policy: TypeAlias = Literal['drop_oldest', 'drop_newest', 'block']

# What the counters count is in mcl.h (mcl_broadcaster_stats, mcl_listener_stats).
class BroadcasterStats(TypedDict):
    messages: int
    datagrams: int
    bytes: int
    send_errors: int

# A QueuedListener on a transport written in Python has `messages`, `delivered`, `rejected`,
# `dropped_queue`, `discarded` and `queued` only.
class ListenerStats(TypedDict):
    datagrams: int
    bytes: int
    filtered: int
    repeated: int
    evicted: int
    assembling: int
    joined: int
    messages: int
    delivered: int
    rejected: int
    dropped_queue: int
    discarded: int
    queued: int
    queued_bytes: int
    dropped_kernel: int
    messages_evicted: int
    assembling_bytes: int
    malformed: dict[str, int]

# mcl_log_writer_stats; `error` is why writing fails at present.
class LogStats(TypedDict):
    entries: int
    bytes: int
    buffered: int
    dropped: int
    errors: int
    files: int
    error: str | None

class RecorderStats(LogStats):
    listener: ListenerStats

# mcl_replay_stats, but for `late_max`: in seconds.
class ReplayStats(TypedDict):
    read: int
    published: int
    errors: int
    discarded: int
    buffered: int
    late_max: float

# mcl_settings in mcl.h. A QueuedListener on a transport written in Python has none.
class Settings(TypedDict):
    interface_index: int
    port: int
    local_port: int
    hops: int
    loopback: int
    recv_buffer_asked: int
    recv_buffer: int
    send_buffer_asked: int
    send_buffer: int
    message_max: int
    reassembly_bytes: int
    reassembly_age_ms: int
    objects_max: int

# What codec.configure gives back.
class CodecOptions(TypedDict):
    text: bool
    bin_type: bool
    errors: str
