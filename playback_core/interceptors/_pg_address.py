"""Where the database of a psycopg connection is, as it was asked for: the same in a replay."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

_ASKED: Final = "_playback_asked"
_ADDRESS: Final = "_playback_address"
_TELLING: Final = ("user", "options", "target_session_attrs")
"""What makes another database of the same one: other schemas, other rights, another server."""

_NOT_OF_LIBPQ: Final = frozenset(
    ("autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory")
)
_USUAL: Final = {"target_session_attrs": "any"}


def asked_params(info: str = "", **options: Any) -> dict[str, Any]:
    """Return the parameters of `connect` that are libpq's own, by their names."""
    own = {name: value for name, value in options.items() if name not in _NOT_OF_LIBPQ}
    return conninfo_to_dict(own.pop("conninfo", info), **own)


def note_asked(connection: Any, *args: Any, **kwargs: Any) -> None:
    """Remember what a connection was asked for: of several hosts libpq knows only one."""
    vars(connection)[_ASKED] = args, kwargs


def address_of(connection: Any) -> str | None:
    """Return where the database of a connection is, None where that is not known any more.

    It is a URL without a password; what is not asked for is libpq's default. A list of hosts is
    one address, whichever of them has answered.
    """
    known = vars(connection)
    address: str | None = known.get(_ADDRESS)
    if address is None:
        params = _params(connection)
        address = known[_ADDRESS] = None if params is None else _address(params)
        # It holds the password.
        known.pop(_ASKED, None)
    return address


def set_address(connection: Any, address: str | None) -> None:
    """Let a connection have the address of another one."""
    vars(connection)[_ADDRESS] = address


def _params(connection: Any) -> dict[str, Any] | None:
    asked = vars(connection).get(_ASKED)
    if asked is not None:
        args, kwargs = asked
        return _given(pq.Conninfo.get_defaults()) | asked_params(*args, **kwargs)
    # It was opened before psycopg was intercepted.
    pgconn = connection.pgconn
    return None if pgconn.status == pq.ConnStatus.BAD else _given(pgconn.info)


def _given(options: Any) -> dict[str, Any]:
    return {each.keyword.decode(): each.val.decode() for each in options if each.val is not None}


def _address(params: dict[str, Any]) -> str:
    told = {name: str(params.get(name) or "") for name in ("host", "hostaddr", "port", "user")}
    database = params.get("dbname") or told["user"]
    more = [
        f"{name}={quote(str(params[name]), safe='')}"
        for name in _TELLING
        if params.get(name) and params[name] != _USUAL.get(name)
    ]
    where = f"{told['host'] or told['hostaddr']}:{told['port']}/{database}"
    return f"postgresql://{where}{'?' if more else ''}{'&'.join(more)}"
