"""The kinds of values, by type for encoding and by code for decoding.

A new type goes into the module of its family as one small class, and into `_EXACT` here (an
exact type) or `_BY_FLAVOUR` (a family of classes). A code, once released, keeps its meaning.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import ipaddress
import pathlib
import types
import uuid
import zoneinfo
from typing import Any

from playback_core.codec.kinds import containers, moments, scalars, subclasses
from playback_core.codec.kinds.base import Leaf, Node
from playback_core.codec.kinds.exceptions import ExceptionKind, GroupKind
from playback_core.codec.kinds.instances import Formed, Instance
from playback_core.codec.kinds.references import Class, EnumMember, Function
from playback_core.codec.kinds.unknown import StandIn, Unknown
from playback_core.codec.layout import Flavour, layout_of
from playback_core.codec.opaque import Opaque

Kind = Leaf | Node

UNKNOWN = Unknown()
STAND_IN = StandIn()
MAPPING = containers.Mapping()
LIST = containers.List()
TUPLE = containers.Tuple()
BIG_INT = scalars.BigInt()
SURROGATE_TEXT = scalars.SurrogateText()
_PATH, _ADDRESS, _ZONE = scalars.Path(), scalars.Address(), moments.Zone()
_SINGLETON, _FUNCTION = scalars.Singleton(), Function()

_EXACT: dict[type, Kind] = {
    int: BIG_INT,
    str: SURROGATE_TEXT,
    bytearray: scalars.Bytearray(),
    complex: scalars.Complex(),
    decimal.Decimal: scalars.Decimals(),
    fractions.Fraction: scalars.Fractions(),
    uuid.UUID: scalars.Uuid(),
    types.EllipsisType: _SINGLETON,
    types.NotImplementedType: _SINGLETON,
    pathlib.PurePosixPath: _PATH,
    pathlib.PureWindowsPath: _PATH,
    pathlib.PosixPath: _PATH,
    pathlib.WindowsPath: _PATH,
    ipaddress.IPv4Address: _ADDRESS,
    ipaddress.IPv6Address: _ADDRESS,
    ipaddress.IPv4Network: _ADDRESS,
    ipaddress.IPv6Network: _ADDRESS,
    ipaddress.IPv4Interface: _ADDRESS,
    ipaddress.IPv6Interface: _ADDRESS,
    datetime.date: moments.Date(),
    datetime.datetime: moments.Datetime(),
    datetime.time: moments.Time(),
    datetime.timedelta: moments.Timedelta(),
    datetime.timezone: _ZONE,
    zoneinfo.ZoneInfo: _ZONE,
    list: LIST,
    tuple: TUPLE,
    set: containers.Set(),
    frozenset: containers.Frozenset(),
    dict: MAPPING,
    collections.OrderedDict: containers.OrderedMapping(),
    collections.Counter: containers.Count(),
    collections.defaultdict: containers.DefaultMapping(),
    collections.deque: containers.Deque(),
    range: containers.Range(),
    slice: containers.Slice(),
    types.SimpleNamespace: containers.Namespace(),
    Opaque: STAND_IN,
}

_BY_FLAVOUR: dict[Flavour, Kind] = {
    Flavour.CLASS: Class(),
    Flavour.FUNCTION: _FUNCTION,
    Flavour.ENUM: EnumMember(),
    Flavour.EXCEPTION: ExceptionKind(),
    Flavour.GROUP: GroupKind(),
    Flavour.NAMEDTUPLE: subclasses.NamedTuple(),
    Flavour.STRUCTSEQ: subclasses.StructSequence(),
    Flavour.SUBCLASS: subclasses.Subclass(),
    Flavour.DATACLASS: Instance(80, Flavour.DATACLASS),
    Flavour.ATTRS: Instance(81, Flavour.ATTRS),
    Flavour.PYDANTIC: Instance(82, Flavour.PYDANTIC),
    Flavour.PLAIN: Instance(83, Flavour.PLAIN),
    Flavour.FORMED: Formed(),
    Flavour.STAND_IN: STAND_IN,
    Flavour.OPAQUE: UNKNOWN,
}

_KINDS = (UNKNOWN, *_EXACT.values(), *_BY_FLAVOUR.values())
LEAVES: dict[int, Leaf] = {kind.code: kind for kind in _KINDS if not isinstance(kind, Node)}
NODES: dict[int, Node] = {kind.code: kind for kind in _KINDS if isinstance(kind, Node)}
del NODES[STAND_IN.code]


PACKERS = {
    cls: (kind.pack, kind.code) for cls, kind in _EXACT.items() if not isinstance(kind, Node)
}
"""How instances of exact types without parts are encoded: the short way for the tree form."""


def kind_of(cls: type) -> Any:
    """Return the kind that encodes instances of exactly `cls`."""
    return _EXACT.get(cls) or _BY_FLAVOUR[layout_of(cls).flavour]
