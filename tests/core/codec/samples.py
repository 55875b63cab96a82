"""Classes the codec tests store and load."""

from __future__ import annotations

import abc
import collections
import dataclasses
import datetime
import enum
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import pydantic

T = TypeVar("T")


@dataclasses.dataclass
class Order:
    id: int
    lines: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    amount: Any
    currency: str = "EUR"


@attrs.define
class Slotted:
    x: Any
    y: Any = None


@attrs.frozen(cache_hash=True)
class Cached:
    x: Any


@attrs.define(slots=False)
class Unslotted:
    x: Any


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", arbitrary_types_allowed=True)
    name: str
    tags: list[str] = []
    parent: Any = None
    _secret: int = pydantic.PrivateAttr(default=7)


class Root(pydantic.RootModel[list[int]]):
    pass


Point = collections.namedtuple("Point", "x y")


class Typed(NamedTuple):
    left: Any
    right: Any = 0


class Color(enum.Enum):
    RED = "red"
    BLUE = ("b", 1)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    YES = "yes"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 4


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Plain:
    def __init__(self, **names: Any) -> None:
        self.__dict__.update(names)


class WithSlots:
    __slots__ = ("__hidden", "a")

    def __init__(self, a: Any, hidden: Any) -> None:
        self.a = a
        self.__hidden = hidden

    @property
    def hidden(self) -> Any:
        return self.__hidden


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


class Text(str):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Blob(bytes):
    pass


class Items(list[Any]):
    pass


class Table(dict[Any, Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.touched = True

    def __setitem__(self, key: Any, value: Any) -> None:
        raise AssertionError("the codec must not run this")


class Members(set[Any]):
    pass


class Pair(tuple[Any, ...]):
    pass


class Ordered(collections.OrderedDict[Any, Any]):
    pass


class Defaults(collections.defaultdict[Any, Any]):
    pass


class Line(collections.deque[Any]):
    pass


class BadKey(OSError, ValueError):
    pass


class ShopError(Exception):
    def __init__(self, order: int, reason: str) -> None:
        super().__init__(f"order {order}: {reason}")
        self.order = order


class SpokenError(ValueError):
    def __str__(self) -> str:
        return f"spoken {self.args!r}"


class Resource:
    """Has a finaliser, so that it must never be built from data."""

    deleted: list[str] = []  # noqa: RUF012

    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        Resource.deleted.append(self.name)


class Lazy:
    """Stands for a queryset: every use of it would query."""

    def __init__(self) -> None:
        self.pk = 5
        self.label = "secret"

    def __reduce__(self) -> Any:
        raise AssertionError("evaluated")

    def __iter__(self) -> Any:
        raise AssertionError("evaluated")

    def __repr__(self) -> str:
        raise AssertionError("evaluated")

    def __len__(self) -> int:
        raise AssertionError("evaluated")


def double(number: int) -> int:
    return 2 * number


class Buffer(bytearray):
    pass


class Moment(datetime.datetime):
    pass


class Day(datetime.date):
    pass


class Phase(complex):
    pass


class Frozen(frozenset[Any]):
    pass


class Zone(datetime.tzinfo):
    """A time zone of the application's own, which has no name to be stored by."""

    def utcoffset(self, moment: Any) -> Any:
        return datetime.timedelta(hours=1)


class Shape(abc.ABC):  # noqa: B024 - made abstract by a test
    pass


class SurrogateError(Exception):
    def __str__(self) -> str:
        return str(self.args[0])


class ClosingError(OSError):
    def __del__(self) -> None:
        pass


class SeveralErrors(ExceptionGroup[Exception]):
    pass


class Guarded(dict[Any, Any]):
    """A dict none of whose methods may be run."""

    def refuse(self, *_: Any) -> Any:
        raise AssertionError("the codec must not run this")

    __iter__ = keys = items = values = refuse
    copy = update = __getitem__ = __setitem__ = __len__ = __contains__ = refuse
