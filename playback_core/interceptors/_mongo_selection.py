"""Which server a command goes to: a first look at each is recorded, and each failure."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget
from playback_core.interceptors._mongo_hollow import facts_of, hollow_server
from playback_core.library_interception import INPUT, UNRECORDED, Call, LibraryInterception, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Branch, Session, current_session

_ALIAS: Final = "mongodb connect"
_Address = tuple[Any, ...]
_Facts = dict[str, Any]

_clients: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()
"""The client's hosts, by the pool of a server of its own."""


class _Seen:
    """What an operation knows of servers, by their client's hosts.

    `recorded` are the numbers of the selections that a replayed one has recorded.
    """

    def __init__(self, session: Session) -> None:
        self.recorded = _recorded(session) if session.replaying else None
        self.addresses: set[tuple[str, _Address]] = set()
        self.facts: dict[str, list[_Facts]] = {}
        # With the client's topology: so that it stays the only one of its number.
        self.hollow: dict[tuple[int, _Address | bool], tuple[Any, Any]] = {}


def client_of(connection: Any) -> str | None:
    """Return the hosts of the client that a connection is of."""
    pool = connection.pool_ref()
    return None if pool is None else _clients.get(pool)


class Selection(CallTarget):
    """A place that finds a server, by its address or by what is to be done there.

    It is recorded when it is the first of its kind in an operation, and when it fails.
    """

    def replacement(self, original: Function) -> Function:
        return drive(original, _Selecting(str(self), self))

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        session = current_session()
        if session is None:
            return None
        topology, wanted, *_ = args
        client = _hosts(topology)
        number = session.number_output(f"{_ALIAS} {client}")
        seen = _seen(session)
        about = (seen, topology, client, wanted)
        # Nearly all of them found what was found before: there is nothing to look for.
        is_new = seen.recorded is None or number in seen.recorded
        fields: partial[dict[str, Any]] = partial(dict, server=client, number=number)
        return Call(INPUT if is_new else UNRECORDED, _ALIAS, {}, about, fields)

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {"number": fields["number"]}

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, facts_of(value)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        seen, topology, client, wanted = call.about
        seen.facts.setdefault(client, []).append(stored)
        seen.hollow.pop((id(topology), _place(wanted)), None)
        return _server_of(call)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(_server_of(call))


class _Selecting(LibraryInterception):
    """Keeps of the servers that are found those that the operation has not seen yet."""

    def finish(self, branch: Branch, step: Any, value: Any, args: Args, kwargs: Kwargs) -> Any:
        if step is None or value is None:
            return value
        seen, _, client, _ = step.call.about
        _clients[value.pool] = client
        place = (client, value.description.address)
        if place in seen.addresses:
            return value
        seen.addresses.add(place)
        return super().finish(branch, step, value, args, kwargs)


def _seen(session: Session) -> _Seen:
    seen: _Seen | None = session.remembered.get(_Seen)
    if seen is None:
        seen = session.remembered.setdefault(_Seen, _Seen(session))
    return seen


def _recorded(session: Session) -> set[int]:
    entries = () if session.recording is None else session.recording.entries
    return {each.decoded_arguments()[1]["number"] for each in entries if each.alias == _ALIAS}


def _server_of(call: Call) -> Any:
    seen, topology, client, wanted = call.about
    place = _place(wanted)
    known = seen.hollow.get((id(topology), place))
    if known is not None:
        return known[1]
    server = hollow_server(topology, _fitting(seen, client, place))
    seen.hollow[id(topology), place] = (topology, server)
    _clients[server.pool] = client
    return server


def _fitting(seen: _Seen, client: str, place: _Address | bool) -> _Facts | None:
    """Return what is known of a server at an address, or for writing or not."""
    known: list[_Facts] = seen.facts.get(client) or [
        each for part in seen.facts.values() for each in part
    ]
    for facts in reversed(known):
        if place in (tuple(facts["address"]), facts["type"] != "RSSecondary"):
            return facts
    return known[-1] if known else None


def _hosts(topology: Any) -> str:
    settings = topology._settings
    if settings.fqdn is not None:
        return str(settings.fqdn)
    return ",".join(sorted(f"{host}:{port}" for host, port in settings.seeds))


def _place(wanted: Any) -> _Address | bool:
    """Return the address of the server that is wanted, else whether it is one to write to."""
    from pymongo.server_selectors import writable_server_selector

    return tuple(wanted) if isinstance(wanted, tuple) else wanted is writable_server_selector
