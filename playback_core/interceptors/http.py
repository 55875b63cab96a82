"""`http.client`, and so `urllib.request`: a request and the answer asked for are one call.

What was sent is what went to the connection's `send`. In a replay a connection has a socket of
ours, and all else of it runs as it is.
"""

from __future__ import annotations

from functools import wraps
from io import TextIOBase
from typing import Any, Final

from playback_core.drivers import drive
from playback_core.guard import FailingOpen
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import (
    http_call,
    same_meaning,
    shown_text,
)
from playback_core.interceptors._http_sent import Sent, sent_on
from playback_core.interceptors._sent_bodies import RelayedBody, relayed_body
from playback_core.interceptors._wire import ReplayedFile, received_response, replayed_file
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    Call,
    LibraryCalls,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, within


class _Socket:
    """Stands for the socket of a connection in a replay: gives the answer that was put in."""

    def __init__(self, answer: ReplayedFile | None = None) -> None:
        self._answer = answer

    def makefile(self, *args: Any, **kwargs: Any) -> ReplayedFile | None:
        return self._answer

    def gettimeout(self) -> None:
        return None

    def _nothing(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: there is nobody at the other end."""

    settimeout = setblocking = setsockopt = sendall = shutdown = close = _nothing


class _Connecting(CallTarget):
    """A connection that is opened: only that it fails matters."""

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        connection = args[0]
        host, port = connection.host, connection.port
        return Call(INPUT, f"http connect {host}", {"host": host, "port": port}, connection)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return plain_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        call.about.sock = _Socket()

    def answer_missing(self, call: Call) -> Outcome | None:
        # It was open before the operation began.
        call.about.sock = _Socket()
        return Outcome(None)


class _Breaking(LibraryCalls):
    """A request whose connection broke while it was sent."""

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        connection = args[0]
        sent = sent_on[connection]
        sent.is_broken = True
        request = sent.told()
        return None if request is None else http_call(request, request.url)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return plain_error(error, shown_text(call.about))

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


def _break(connection: Any, error: OSError | None = None) -> None:
    if error is not None:
        raise error


class _Unanswered(LibraryCalls):
    """A request whose answer nobody has asked for, and whose connection nobody has closed."""

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        request = args[0].told()
        call = None if request is None else http_call(request)
        return call if call is not None and call.kind is OUTPUT else None

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


def _leave(sent: Sent) -> None:
    """Do nothing: it was sent."""


_leave_unanswered: Final = drive(_leave, LibraryInterception("http unanswered", _Unanswered()))


def _tell_at_end(sent: Sent) -> None:
    branch = current()
    if branch is None:
        return

    def tell() -> None:
        if not sent.is_told:
            with within(branch):
                _leave_unanswered(sent)

    branch.session.at_end(tell)


class _Sending(Target):
    """What is sent, kept until its answer is asked for; in a replay it goes nowhere."""

    def replacement(self, original: Function) -> Function:
        broken = drive(_break, LibraryInterception(str(self), _Breaking()))

        @wraps(original)
        def send(connection: Any, data: Any) -> Any:
            branch = current()
            if branch is None or not (branch.intercepting and branch.session.open):
                return original(connection, data)
            session = branch.session
            if session.replaying:
                _sent_nowhere(original, connection, data)
                if sent_on[connection].body.is_far_enough:
                    broken(connection)
                return
            if connection.sock is None and connection.auto_open:
                # That it fails is recorded by itself.
                connection.connect()
            with FailingOpen(session, "Keeping what is sent to", connection.host):
                data = _kept(connection, data)
            try:
                original(connection, data)
            except OSError as error:
                sent = sent_on.get(connection)
                if sent is not None and not sent.body.is_ended:
                    broken(connection, error)
                # What gives the body has failed.
                raise
            with FailingOpen(session, "Keeping what is sent to", connection.host):
                sent_on[connection].stay_with(connection.sock)

        return send


def _kept(connection: Any, data: Any) -> Any:
    sent = sent_on.get(connection)
    if sent is None or connection.sock is None or not sent.goes_on(connection):
        sent = sent_on[connection] = Sent(connection)
        _tell_at_end(sent)
    if isinstance(data, TextIOBase):
        data = data.read().encode("iso-8859-1")
    sent.body.is_ended = False
    given = relayed_body(data, sent.body)
    if not isinstance(given, RelayedBody):
        sent.take(given)
    return given


def _sent_nowhere(original: Function, connection: Any, data: Any) -> None:
    from http.client import HTTPConnection

    if connection.sock is None:
        if not connection.auto_open:
            original(connection, data)
        # Whatever way to connect it has of its own: none is gone.
        HTTPConnection.connect(connection)
        sent_on.pop(connection, None)
    given, sent = _kept(connection, data), sent_on[connection]
    if isinstance(given, RelayedBody):
        given.drain()
    sent.foresee()
    sent.stay_with(connection.sock)


class _OfOriginal(CallTarget):
    """A place whose function runs in a replay, too, where the connection has a socket of ours."""

    def replacement(self, original: Function) -> Function:
        self._original = original
        return super().replacement(original)


class _Answers(_OfOriginal):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        connection = args[0]
        sent = sent_on.pop(connection, None)
        request = None if sent is None else sent.told()
        return None if request is None else http_call(request, (connection, request.url))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, received_response(call, value, session)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        return plain_error(error, shown_text(call.about[1]))

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        connection, _ = call.about
        socket = connection.sock
        ours = connection.sock = _Socket(replayed_file(stored, missing))
        answer = self._original(connection)
        # One that was open before the operation goes on as it would have.
        if connection.sock is ours:
            connection.sock = socket
        else:
            socket.close()
        return answer

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if isinstance(error, ConnectionError):
            # As it does when that comes from its socket.
            call.about[0].close()
        return error

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return same_meaning(fields)


class _Closing(_OfOriginal):
    """The end of a connection on which something was sent whose answer nobody asked for."""

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        connection = args[0]
        sent = sent_on.pop(connection, None)
        # One that broke is told already.
        request = None if sent is None or sent.is_told else sent.told()
        call = None if request is None else http_call(request, connection)
        return call if call is not None and call.kind is OUTPUT else None

    def answer(self, call: Call, stored: Any, missing: Missing) -> None:
        self._original(call.about)


INTERCEPTOR: Final = Interceptor(
    library="http",
    targets=[
        _Connecting("http.client", "HTTPConnection.connect"),
        _Connecting("http.client", "HTTPSConnection.connect", optional=True),
        _Sending("http.client", "HTTPConnection.send"),
        _Answers("http.client", "HTTPConnection.getresponse"),
        _Closing("http.client", "HTTPConnection.close"),
    ],
)
