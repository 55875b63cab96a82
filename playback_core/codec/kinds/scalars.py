"""Numbers, text, bytes and other values without parts."""

from __future__ import annotations

import ipaddress
import pathlib
import struct
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

from playback_core.codec.kinds.base import Leaf, Unavailable

_UNKNOWN_SAFETY = uuid.SafeUUID.unknown
_COMPLEX = struct.Struct("<dd")
_PATHS = {
    cls.__name__: cls
    for cls in (
        *(pathlib.PurePosixPath, pathlib.PureWindowsPath),
        *(pathlib.PosixPath, pathlib.WindowsPath),
    )
}
_ADDRESSES = {
    cls.__name__: cls
    for cls in (
        *(ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network),
        *(ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network),
    )
}


class BigInt(Leaf):
    """An int beyond 64 bits; as bytes, since long decimal text is refused by `int`."""

    code = 10

    def pack(self, value: int) -> bytes:
        return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)

    def unpack(self, payload: bytes) -> int:
        return int.from_bytes(payload, "little", signed=True)

    def text(self, value: int) -> str:
        return str(value) if value.bit_length() < 10_000 else hex(value)


class SurrogateText(Leaf):
    """Text with lone surrogates, which has no UTF-8."""

    code = 11

    def pack(self, value: str) -> bytes:
        return value.encode("utf-8", "surrogatepass")

    def unpack(self, payload: bytes) -> str:
        return payload.decode("utf-8", "surrogatepass")

    def text(self, value: str) -> str:
        return repr(value)


class Bytearray(Leaf):
    code = 12

    def pack(self, value: bytearray) -> bytes:
        return bytes(value)

    def unpack(self, payload: bytes) -> bytearray:
        return bytearray(payload)

    def text(self, value: bytearray) -> str:
        return f"bytearray({bytes(value)!r})"


class Complex(Leaf):
    code = 13

    def pack(self, value: complex) -> bytes:
        return _COMPLEX.pack(value.real, value.imag)

    def unpack(self, payload: bytes) -> complex:
        return complex(*_COMPLEX.unpack(payload))

    def text(self, value: complex) -> str:
        return f"complex({value.real!r}, {value.imag!r})"


class Decimals(Leaf):
    code = 14

    def pack(self, value: Decimal) -> bytes:
        return str(value).encode()

    def unpack(self, payload: bytes) -> Decimal:
        return Decimal(payload.decode("ascii"))

    def text(self, value: Decimal) -> str:
        return f'Decimal("{value}")'


class Fractions(Leaf):
    """A fraction in hexadecimal, which has no limit on digits."""

    code = 15

    def pack(self, value: Fraction) -> bytes:
        return f"{value.numerator:x}/{value.denominator:x}".encode()

    def unpack(self, payload: bytes) -> Fraction:
        above, below = payload.split(b"/")
        return Fraction(int(above, 16), int(below, 16))

    def text(self, value: Fraction) -> str:
        show = BigInt().text
        return f"Fraction({show(value.numerator)}, {show(value.denominator)})"


class Uuid(Leaf):
    code = 16

    def pack(self, value: uuid.UUID) -> bytes:
        number = value.int.to_bytes(16, "big")
        if value.is_safe is _UNKNOWN_SAFETY:
            return number
        return number + struct.pack("b", value.is_safe.value)

    def unpack(self, payload: bytes) -> uuid.UUID:
        safety = _UNKNOWN_SAFETY
        if len(payload) != 16:
            safety = uuid.SafeUUID(struct.unpack("16xb", payload)[0])
        # Past the checks of `UUID()`, which take longer than all the rest.
        value = object.__new__(uuid.UUID)
        object.__setattr__(value, "int", int.from_bytes(payload[:16], "big"))
        object.__setattr__(value, "is_safe", safety)
        return value

    def text(self, value: uuid.UUID) -> str:
        safe = value.is_safe
        return f'UUID("{value}")' if safe.value is None else f'UUID("{value}", {safe.name})'


class Singleton(Leaf):
    """Ellipsis and NotImplemented."""

    code = 17

    def pack(self, value: Any) -> bytes:
        return b"." if value is Ellipsis else b"n"

    def unpack(self, payload: bytes) -> Any:
        return {b".": Ellipsis, b"n": NotImplemented}[payload]

    def text(self, value: Any) -> str:
        return repr(value)


class Path(Leaf):
    """A pathlib path; one of the other system's flavour is unavailable here."""

    code = 18

    def pack(self, value: pathlib.PurePath) -> bytes:
        return f"{type(value).__name__}:{value}".encode("utf-8", "surrogatepass")

    def unpack(self, payload: bytes) -> pathlib.PurePath:
        name, _, text = payload.decode("utf-8", "surrogatepass").partition(":")
        try:
            return _PATHS[name](text)
        except (NotImplementedError, RuntimeError) as error:
            raise Unavailable(f"pathlib.{name}") from error

    def text(self, value: pathlib.PurePath) -> str:
        return f"{type(value).__name__}({str(value)!r})"


class Address(Leaf):
    """The addresses, interfaces and networks of `ipaddress`."""

    code = 19

    def pack(self, value: Any) -> bytes:
        return f"{type(value).__name__}:{value}".encode()

    def unpack(self, payload: bytes) -> Any:
        name, _, text = payload.decode().partition(":")
        return _ADDRESSES[name](text)

    def text(self, value: Any) -> str:
        return f'{type(value).__name__}("{value}")'
