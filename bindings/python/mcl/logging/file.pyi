import os
from datetime import datetime
from typing import Any, Generic, Literal, overload, type_check_only
from typing_extensions import Self, TypeAlias, TypeVar

from mcl._typing import LogEntry, LogHeader, LogStats, QueuedData, RecorderStats
from mcl.messages.messages import Message
from mcl.network.abstract import Connection

__all__ = ['COMMENT_BLOCK', 'COMMENT_CHARACTER', 'LogConnection', 'LogNetwork', 'MESSAGE_MARKER',
           'ReadDirectory', 'ReadFile', 'TIME_PADDING', 'TOPIC_PADDING', 'VERSION',
           'VERSION_MARKER', 'WriteFile', 'retrieve_git_hash']

VERSION: float
TIME_PADDING: int
TOPIC_PADDING: int
COMMENT_CHARACTER: str
COMMENT_BLOCK: str
VERSION_MARKER: str
MESSAGE_MARKER: str

_Path: TypeAlias = str | os.PathLike[str]
_Message = TypeVar('_Message', bound=Message)
_Payload = TypeVar('_Payload', covariant=True, default=Any)

def retrieve_git_hash(repository_path: _Path) -> str | None: ...

class WriteFile:
    def __init__(
        self,
        prefix: _Path,
        connection: Connection | type[Message],
        revision: str | None = None,
        time_origin: datetime | None = None,
        max_entries: int | None = None,
        max_time: float | None = None,
    ) -> None: ...
    @property
    def prefix(self) -> str: ...
    @property
    def max_entries(self) -> int | None: ...
    @property
    def max_time(self) -> float | None: ...
    def write(self, message: QueuedData[Any] | dict[str, Any]) -> None: ...
    def flush(self) -> None: ...
    def stats(self) -> LogStats: ...
    def close(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

# Readers have no parameter at run time.
@type_check_only
class _Reader(Generic[_Payload]):
    @property
    def min_time(self) -> float | None: ...
    @property
    def max_time(self) -> float | None: ...
    def read(self) -> LogEntry[_Payload] | None: ...
    def is_data_pending(self) -> bool: ...
    def reset(self) -> None: ...
    def torn(self) -> int: ...
    def left_out(self) -> int: ...
    def close(self) -> bool: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> LogEntry[_Payload]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

class ReadFile(_Reader[_Payload], Generic[_Payload]):
    @overload
    def __init__(
        self: ReadFile[Any],
        filename: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: Literal[False] = False,
    ) -> None: ...
    @overload
    def __init__(
        self: ReadFile[Message],
        filename: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: Literal[True] = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: ReadFile[_Message],
        filename: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: type[_Message] = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: ReadFile[Any],
        filename: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: bool | type[Message] | str = False,
    ) -> None: ...
    @property
    def filename(self) -> str: ...
    @property
    def header(self) -> LogHeader | None: ...

class ReadDirectory(_Reader[_Payload], Generic[_Payload]):
    @overload
    def __init__(
        self: ReadDirectory[Any],
        source: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: Literal[False] = False,
        ignore_raw: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: ReadDirectory[Message],
        source: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: Literal[True] = ...,
        ignore_raw: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: ReadDirectory[Any],
        source: _Path,
        min_time: float | None = None,
        max_time: float | None = None,
        message: bool = False,
        ignore_raw: bool = True,
    ) -> None: ...
    @property
    def source(self) -> str: ...
    @property
    def messages(self) -> list[type[Message]] | None: ...

class LogConnection:
    def __init__(
        self,
        prefix: _Path,
        connection: Connection | type[Message],
        revision: str | None = None,
        time_origin: datetime | None = None,
        max_entries: int | None = None,
        max_time: float | None = None,
        open_init: bool = True,
    ) -> None: ...
    @property
    def prefix(self) -> str: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def max_entries(self) -> int | None: ...
    @property
    def max_time(self) -> float | None: ...
    def open(self) -> bool: ...
    def close(self) -> bool: ...
    def is_alive(self) -> bool: ...
    def stats(self) -> RecorderStats: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

class LogNetwork:
    def __init__(
        self,
        directory: _Path,
        messages: list[type[_Message]] | tuple[type[Message], ...],
        revision: str | None = None,
        max_entries: int | None = None,
        max_time: float | None = None,
        open_init: bool = True,
    ) -> None: ...
    @property
    def root_directory(self) -> str: ...
    @property
    def directory(self) -> str | None: ...
    @property
    def messages(self) -> list[type[Message]] | tuple[type[Message], ...]: ...
    @property
    def max_entries(self) -> int | None: ...
    @property
    def max_time(self) -> float | None: ...
    # A property here, although a method of LogConnection.
    @property
    def is_alive(self) -> bool: ...
    def open(self) -> bool: ...
    def close(self) -> bool: ...
    def stats(self) -> dict[str, RecorderStats]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
