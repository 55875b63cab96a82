"""MongoDB by `pymongo`, sync and async: each command that goes over a connection is a call.

The driver itself runs in a replay, too: its cursors, batches, retries, sessions and errors come
about as they did. It finds hollow servers there, opens nothing, and watches nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._mongo_commands import is_read, is_upkeep, told
from playback_core.interceptors._mongo_hollow import hollow_connection
from playback_core.interceptors._mongo_messages import peeked
from playback_core.interceptors._mongo_replies import (
    ReceivingInterception,
    expect,
    give,
    give_consent,
)
from playback_core.interceptors._mongo_selection import Selection, client_of
from playback_core.library_interception import INPUT, OUTPUT, UNRECORDED, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session, within

_ID_BYTES: Final = 12


class _Sending(CallTarget):
    """A place that sends a command: what it gets for that belongs to it."""

    def replacement(self, original: Function) -> Function:
        return _but_for_monitors(original, super().replacement(original))

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        from pymongo import _csot

        connection, message, *_ = args
        name, collection, cursor, is_answered = peeked(message)
        if is_upkeep(name):
            return Call(UNRECORDED, "mongodb upkeep", {}, (connection, True))
        place: dict[str, Any] = {"server": client_of(connection)}
        session = current_session()
        if cursor is not None and session is not None:
            # A batch that came once is not there again for who asks once more.
            place["number"] = session.number_output(f"mongodb {name} {cursor}")
        is_timed = _csot.get_timeout() is not None
        return Call(
            INPUT if is_read(name, message) else OUTPUT,
            f"mongodb {name} {collection}".rstrip(),
            {},
            (connection, is_answered),
            partial(told, message, place, is_timed=is_timed),
            len(message),
        )

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "server": None}

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        connection, is_answered = call.about
        return value, expect(connection, session) if is_answered else None

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        connection, is_answered = call.about
        if is_answered:
            give(connection, stored or [], missing)

    def answer_missing(self, call: Call) -> Outcome | None:
        if call.kind is not UNRECORDED:
            return None
        give_consent(call.about[0])
        return Outcome()


class _Receiving(Target):
    """A place that waits for a reply."""

    def replacement(self, original: Function) -> Function:
        return _but_for_monitors(original, drive(original, ReceivingInterception(str(self))))


def _but_for_monitors(original: Function, ours: Function) -> Function:
    # They belong to no operation, and would be noted as calls from outside of each replay.
    def chosen(owner: Any, *args: Any, **kwargs: Any) -> Any:
        return (original if owner.is_sdam else ours)(owner, *args, **kwargs)

    return chosen


class _Upkeep(CallTarget):
    """A place that looks after connections: not recorded, and not done in a replay."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, str(self), {}, args[0])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome()


class _Connecting(_Upkeep):
    """A place that opens a connection: in a replay a hollow one."""

    def replacement(self, original: Function) -> Function:
        return _but_for_monitors(original, super().replacement(original))

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(hollow_connection(call.about))


class _Opening(_Upkeep):
    """A place where a client begins to look for its servers: in a replay it does not."""

    def answer_missing(self, call: Call) -> Outcome | None:
        client = call.about
        if client._topology is None:
            # Its hosts are in the DNS; it asks again when it is opened.
            name = client._resolve_srv_info["fqdn"]
            client._init_based_on_options([(name, 27017)], None, None, None)
            client._init_background()
        return Outcome(client._topology)


class _Drawing(CallTarget):
    """A place that draws random numbers for the driver's own use."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, str(self), {})


class _Watching(Target):
    """A place that starts a thread or task which goes on after the operation: no part of it.

    It looks after servers, cursors or events, of which there are none in a replay.
    """

    def replacement(self, original: Function) -> Function:
        def start(*args: Any) -> Any:
            branch = current()
            if branch is not None and branch.session.replaying:
                return None
            with within(None):
                return original(*args)

        return start


class _Identifying(Target):
    """A place that makes an `ObjectId`: a recorded drawing, so that a replay makes the same."""

    def replacement(self, original: Function) -> Function:
        def made(identifier: Any, oid: Any = None) -> None:
            # Of a document that is read, each has one.
            branch = current() if oid is None else None
            if branch is None or branch.reads is None:
                original(identifier, oid)
                return

            def drawn(size: int) -> bytes:
                # Not with the time that it reads.
                with within(branch.inner):
                    original(identifier)
                binary: bytes = identifier.binary
                return binary

            identifier._ObjectId__id = branch.reads.random("urandom", drawn, (_ID_BYTES,))

        return made


def _each(kind: Callable[[str, str], Target], package: str, *places: str) -> list[Target]:
    return [kind(f"pymongo.{package}.{module}", name) for module, _, name in map(_parted, places)]


def _parted(place: str) -> tuple[str, str, str]:
    return place.partition(":")


def _targets(package: str, prefix: str) -> list[Target]:
    """Return the places of the sync or the async half of the driver."""
    connection, client = f"pool:{prefix}Connection", f"mongo_client:{prefix}MongoClient"
    return [
        *_each(_Sending, package, f"{connection}.send_message"),
        *_each(_Receiving, package, f"{connection}.receive_message"),
        *_each(_Connecting, package, "pool:Pool.connect"),
        *_each(_Upkeep, package, f"{connection}.authenticate", f"{client}.close"),
        *_each(_Opening, package, f"{client}._get_topology"),
        *_each(
            Selection,
            package,
            *("topology:Topology.select_server", "topology:Topology.select_server_by_address"),
        ),
        *_each(_Upkeep, package, "topology:Topology.handle_error"),
    ]


INTERCEPTOR: Final = Interceptor(
    library="pymongo",
    targets=[
        # First what versions before 4.18 have elsewhere: there commands take other ways.
        _Drawing("pymongo.client_session_shared", "_ServerSession.__init__"),
        _Drawing("pymongo.message", "_randint"),
        _Watching("pymongo.periodic_executor", "PeriodicExecutor.open"),
        _Watching("pymongo.periodic_executor", "AsyncPeriodicExecutor.open"),
        *_targets("synchronous", ""),
        *_targets("asynchronous", "Async"),
        _Identifying("bson.objectid", "ObjectId.__init__"),
    ],
)
