from collections.abc import Collection
from typing import Any, Literal, TypeVar, overload
from typing_extensions import TypeAlias

# Without NumPy, or types for pandas, arrays and frames are Any to a type checker.
import numpy  # type: ignore[import-not-found,unused-ignore]
import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

from mcl._typing import LogEntry
from mcl.logging.file import _Path
from mcl.logging.replay import _Reader
from mcl.messages.messages import Message

__all__ = ['dump_to_array', 'dump_to_csv', 'dump_to_dataframe', 'dump_to_list']

_Source: TypeAlias = _Path | _Reader
_Keys: TypeAlias = str | Collection[str]
_Message = TypeVar('_Message', bound=Message)

@overload
def dump_to_list(
    source: _Source,
    min_time: float | None = None,
    max_time: float | None = None,
    message: Literal[False] = False,
    metadata: Literal[True] = True,
) -> list[LogEntry[Any]]: ...
@overload
def dump_to_list(
    source: _Source,
    min_time: float | None = None,
    max_time: float | None = None,
    message: Literal[True] = ...,
    metadata: Literal[True] = True,
) -> list[LogEntry[Message]]: ...
@overload
def dump_to_list(
    source: _Source,
    min_time: float | None = None,
    max_time: float | None = None,
    message: type[_Message] = ...,
    metadata: Literal[True] = True,
) -> list[LogEntry[_Message]]: ...
@overload
def dump_to_list(
    source: _Source,
    min_time: float | None = None,
    max_time: float | None = None,
    message: type[_Message] = ...,
    metadata: Literal[False] = ...,
) -> list[_Message]: ...
# Otherwise it is told less exactly.
@overload
def dump_to_list(
    source: _Source,
    min_time: float | None = None,
    max_time: float | None = None,
    message: bool | type[Message] | str = False,
    metadata: bool = True,
) -> list[Any]: ...
def dump_to_array(
    source: _Source,
    keys: _Keys,
    min_time: float | None = None,
    max_time: float | None = None,
) -> numpy.ndarray[Any, numpy.dtype[numpy.float64]] | None: ...
def dump_to_csv(
    source: _Source,
    csv_file: _Path,
    keys: _Keys,
    min_time: float | None = None,
    max_time: float | None = None,
) -> None: ...
def dump_to_dataframe(
    source: _Source,
    keys: _Keys | None = None,
    min_time: float | None = None,
    max_time: float | None = None,
) -> pandas.DataFrame: ...
