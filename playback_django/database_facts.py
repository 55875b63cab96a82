"""What Django knows of a database by having asked it: kept with a recording, told to a replay."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, cast

from django.utils.functional import cached_property

from playback_core.codec import Deferred, encode
from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.library_interception import INPUT, Call, LibraryCalls, LibraryInterception
from playback_core.outcome import Outcome
from playback_core.session import Session, current_session, within

_PLAIN: Final = frozenset({type(None), bool, int, float, str})
_ABOUT_BYTES: Final = 512


class _Used(set[str]):
    """The aliases of the databases that a session has used."""


class _Known(Deferred):
    """What is known when the recording is stored: it may be asked for at any time."""

    __slots__ = ("_db",)

    def __init__(self, db: Any) -> None:
        self._db = db

    def encode(self) -> bytes:
        db = self._db
        return encode({"connection": _asked(db), "features": _asked(db.features)})

    def __len__(self) -> int:
        return _ABOUT_BYTES


class _Facts(LibraryCalls):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        db = args[0]
        return Call(INPUT, f"django {db.alias} server", {"vendor": db.vendor}, db)

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, _Known(call.about)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome({})


def _nothing(db: Any) -> dict[str, Any]:
    return {}


_facts: Final = drive(_nothing, LibraryInterception("django server", _Facts()))


def note_used(db: Any) -> None:
    """Note that an operation uses a database, the first time; raise as `number_database` does."""
    session = current_session()
    if session is None:
        return
    used: _Used | None = session.remembered.get(_Used)
    if used is None:
        used = session.remembered.setdefault(_Used, _Used())
    if db.alias not in used:
        # Noted behind it: what refuses a database refuses each statement.
        _tell_address(db, session)
        used.add(db.alias)
        if not session.replaying:
            # Whichever thread is the first one.
            with within(session.root):
                _facts(db)


def _tell_address(db: Any, session: Session) -> None:
    # An alias is one database, whichever thread uses it.
    session.number_database((), f"django {db.alias}", _address(db))


def _address(db: Any) -> str:
    known = {name: str(db.settings_dict[name]) for name in ("HOST", "PORT", "NAME", "USER")}
    if db.vendor == "sqlite":
        return known["NAME"]
    user = f"?user={known['USER']}" if known["USER"] else ""
    return f"{db.vendor}://{known['HOST']}:{known['PORT']}/{known['NAME']}{user}"


def tell_facts(db: Any, facts: dict[str, Any]) -> None:
    """Have the connection of a replay know what the recorded one did."""
    vars(db).update(facts.get("connection", {}))
    vars(db.features).update(facts.get("features", {}))


def recorded_facts(db: Any, session: Session) -> dict[str, Any]:
    """Return what a recording has of a database."""
    with within(session.root):
        facts: dict[str, Any] = _facts(db)
    return facts


def _asked(owner: Any) -> dict[str, Any]:
    known, kind = dict(vars(owner)), cast(Any, type(owner))
    found = {name: known[name] for name in _asked_once(kind) if name in known}
    return {name: value for name, value in found.items() if _is_plain(value)}


@lru_cache(maxsize=64)
def _asked_once(kind: Any) -> list[str]:
    return [name for name in dir(kind) if isinstance(getattr(kind, name, None), cached_property)]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list, set, frozenset)):
        return _PLAIN.issuperset(map(type, value))
    if isinstance(value, dict):
        return all(_is_plain(each) for each in (*value, *value.values()))
    return type(value) in _PLAIN
