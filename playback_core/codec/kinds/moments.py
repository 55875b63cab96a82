"""Dates, times, spans of time and zones."""

from __future__ import annotations

import re
import struct
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from playback_core.codec.kinds.base import Leaf, NotStorable, Unavailable

_SPAN = struct.Struct("<iii")
_ZONE_KEY = re.compile(r"[A-Za-z0-9_+\-/]+", re.ASCII)


class Date(Leaf):
    code = 20

    def pack(self, value: date) -> bytes:
        return value.isoformat().encode()

    def unpack(self, payload: bytes) -> date:
        return date.fromisoformat(payload.decode("ascii"))

    def text(self, value: date) -> str:
        return f"date({value.isoformat()})"


class Datetime(Leaf):
    """Fold, zone and local time: `1Z2026-10-25T02:30:00 Europe/Paris`."""

    code = 21

    def pack(self, value: datetime) -> bytes:
        zone = value.tzinfo
        if zone is None:
            return f"{value.fold}N{value.isoformat()}".encode()
        if zone is UTC:
            return f"{value.fold}U{value.isoformat()[:-6]}".encode()
        return f"{value.fold}{_mark(zone, value.replace(tzinfo=None).isoformat())}".encode()

    def unpack(self, payload: bytes) -> datetime:
        if payload[:2] == b"0U":
            return datetime.fromisoformat(payload[2:].decode("ascii") + "+00:00")
        fold, local, zone = _split(payload)
        moment = datetime.fromisoformat(local)
        return moment if zone is None and not fold else moment.replace(tzinfo=zone, fold=fold)

    def text(self, value: datetime) -> str:
        return f"datetime({_readable(value)})"


class Time(Leaf):
    """As a datetime, without the date."""

    code = 22

    def pack(self, value: time) -> bytes:
        zone = value.tzinfo
        if zone is None:
            return f"{value.fold}N{value.isoformat()}".encode()
        return f"{value.fold}{_mark(zone, value.replace(tzinfo=None).isoformat())}".encode()

    def unpack(self, payload: bytes) -> time:
        fold, local, zone = _split(payload)
        return time.fromisoformat(local).replace(tzinfo=zone, fold=fold)

    def text(self, value: time) -> str:
        return f"time({_readable(value)})"


class Timedelta(Leaf):
    code = 23

    def pack(self, value: timedelta) -> bytes:
        return _SPAN.pack(value.days, value.seconds, value.microseconds)

    def unpack(self, payload: bytes) -> timedelta:
        return timedelta(*_SPAN.unpack(payload))

    def text(self, value: timedelta) -> str:
        return f"timedelta({value.days}, {value.seconds}, {value.microseconds})"


class Zone(Leaf):
    """A `timezone` or a `ZoneInfo` by itself."""

    code = 24

    def pack(self, value: tzinfo) -> bytes:
        return _mark(value, "").encode()

    def unpack(self, payload: bytes) -> tzinfo:
        zone = _split(b"0" + payload)[2]
        if zone is None:
            raise ValueError("a zone without a name")
        return zone

    def text(self, value: tzinfo) -> str:
        return f"{type(value).__name__}({_mark(value, '')[1:].strip() or 'UTC'})"


def _mark(zone: tzinfo, local: str) -> str:
    if zone is UTC:
        return f"U{local}"
    if type(zone) is ZoneInfo and zone.key is not None and _ZONE_KEY.fullmatch(zone.key):
        return f"Z{local} {zone.key}"
    if type(zone) is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        parts = [str(part) for part in (offset.days, offset.seconds, offset.microseconds)]
        return f"F{local} {','.join(parts + name)}"
    raise NotStorable


def _split(payload: bytes) -> tuple[int, str, tzinfo | None]:
    text = payload.decode()
    fold, mark = int(text[0]), text[1]
    local, _, name = text[2:].partition(" ")
    if mark in "NU":
        return fold, local, UTC if mark == "U" else None
    if mark == "F":
        days, seconds, micros, *label = name.split(",", 3)
        return fold, local, timezone(timedelta(int(days), int(seconds), int(micros)), *label)
    if mark == "Z" and _ZONE_KEY.fullmatch(name):
        return fold, local, _zone(name)
    raise ValueError(f"an unknown zone {name!r}")


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise Unavailable(f"zoneinfo.ZoneInfo({key})") from error


def _readable(value: datetime | time) -> str:
    zone = value.tzinfo
    text = value.replace(tzinfo=None).isoformat()
    if zone is not None:
        mark = _mark(zone, "")
        if mark[0] == "U":
            text += "+00:00"
        elif mark[0] == "F":
            days, seconds, micros, *label = mark[2:].split(",", 3)
            offset = timezone(timedelta(int(days), int(seconds), int(micros)))
            text += str(offset)[3:] + (f"[{label[0]}]" if label else "")
        else:
            text += f"[{mark[2:]}]"
    return f"{text}, fold=1" if value.fold else text
