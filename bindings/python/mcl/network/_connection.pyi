import abc
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from typing_extensions import Self

from mcl.network.abstract import RawBroadcaster, RawListener

# Of ABCMeta, since tuple is one in typeshed.
class ConnectionMeta(abc.ABCMeta):
    def __new__(
        mcs, name: str, bases: tuple[type, ...], names: dict[str, Any]
    ) -> ConnectionMeta: ...

class Connection(tuple[Any, ...], metaclass=ConnectionMeta):
    # A declaration sets these; the base class has none of them.
    mandatory: ClassVar[list[str] | tuple[str, ...]]
    optional: ClassVar[dict[str, Any]]
    broadcaster: ClassVar[type[RawBroadcaster]]
    listener: ClassVar[type[RawListener]]
    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    # The fields that a declaration names. One that annotates them (`address: str`) has their types.
    def __getattr__(self, name: str) -> Any: ...
    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self: ...
    def _replace(self, **kwargs: Any) -> Self: ...
    def _asdict(self) -> OrderedDict[str, Any]: ...
    def to_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> Self: ...
