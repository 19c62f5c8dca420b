import abc
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Final, overload
from typing_extensions import Self, TypeAlias

from mcl.network.abstract import Connection

__all__ = ['Message', 'get_message_objects', 'list_messages', 'remove_message_object']

# A str is a collection of str, too.
_Names: TypeAlias = Collection[str]
_Items: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]] | bytes | bytearray | memoryview

_MESSAGES: list[type[Message]]

# Of ABCMeta, since dict is one in typeshed.
class _MessageMeta(abc.ABCMeta):
    def __new__(
        mcs, name: str, bases: tuple[type, ...], names: dict[str, Any]
    ) -> _MessageMeta: ...

class Message(dict[str, Any], metaclass=_MessageMeta):
    # A declaration sets the last two; the base class has none of them.
    name: Final[str]
    mandatory: ClassVar[list[str] | tuple[str, ...]]
    connection: ClassVar[Connection]
    def __init__(self, data: _Items = ..., /, **kwargs: Any) -> None: ...
    def update(self, data: _Items = ..., /, **kwargs: Any) -> None: ...  # type: ignore[override]
    def __ior__(self, other: _Items) -> Self: ...  # type: ignore[override,misc]
    @classmethod
    def fromkeys(  # type: ignore[override]
        cls, iterable: Iterable[str], value: Any = None, /
    ) -> Self: ...
    def __setitem__(self, key: str, value: Any) -> None: ...
    def encode(self) -> bytes: ...
    def to_json(self) -> str: ...

def list_messages(
    include: _Names | None = None, exclude: _Names | None = None
) -> list[type[Message]]: ...
@overload
def get_message_objects(names: str) -> type[Message]: ...
@overload
def get_message_objects(names: list[str] | tuple[str, ...]) -> list[type[Message]]: ...
def remove_message_object(name: str) -> bool: ...
