"""`http.client`, and so `urllib.request`: a request and the answer asked for are one call.

What was sent is what went to the connection's `send`. In a replay a connection has a socket of
ours, and all else of it runs as it is.
"""

from __future__ import annotations

from functools import wraps
from io import TextIOBase
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from playback_core.guard import FailingOpen
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.interceptors._errors import plain_error
from playback_core.interceptors._http import SentRequest, http_call, same_meaning, shown_text
from playback_core.interceptors._sent_bodies import RelayedBody, SentBody, as_bytes, relayed_body
from playback_core.interceptors._wire import ReplayedFile, received_response, replayed_file
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session, current, current_session

_PORTS: Final = {"http": 80, "https": 443}


class _Sent:
    """What was sent on a connection since its last answer."""

    def __init__(self) -> None:
        self.head = b""
        self.body = SentBody(current_session())
        self._is_in_body = False
        self._socket: ref[Any] | None = None

    def goes_on(self, connection: Any) -> bool:
        """Tell whether what is sent now belongs to this: it is the same socket as it was."""
        return self._socket is None or self._socket() is connection.sock

    def stay_with(self, socket: Any) -> None:
        self._socket = ref(socket)

    def take(self, data: bytes) -> None:
        if self._is_in_body:
            self.body.take(data)
            return
        self.head, end, rest = (self.head + as_bytes(data)).partition(b"\r\n\r\n")
        if end:
            self._is_in_body = True
            if rest:
                self.body.take(rest)

    def request(self, connection: Any) -> SentRequest | None:
        line, *lines = self.head.decode("latin-1").split("\r\n")
        method, _, rest = line.partition(" ")
        target = rest.rpartition(" ")[0]
        if not target:
            return None
        headers = tuple((name, value.strip()) for name, _, value in map(_partitioned, lines))
        self.body.is_chunked = any(
            name.lower() == "transfer-encoding" and value.lower() == "chunked"
            for name, value in headers
        )
        return SentRequest(method, _full_url(connection, target), headers, self.body)


def _partitioned(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _full_url(connection: Any, target: str) -> str:
    if not target.startswith("/"):
        # That of a request to a proxy.
        return target
    scheme = "https" if connection.default_port == _PORTS["https"] else "http"
    host = connection._tunnel_host or connection.host
    number = connection._tunnel_port if connection._tunnel_host else connection.port
    port = "" if number == _PORTS[scheme] else f":{number}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{port}{target}"


_sent: Final[WeakKeyDictionary[Any, _Sent]] = WeakKeyDictionary()


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


class _Sending(Target):
    """What is sent, kept until its answer is asked for; in a replay it goes nowhere."""

    def replacement(self, original: Function) -> Function:
        @wraps(original)
        def send(connection: Any, data: Any) -> Any:
            branch = current()
            if branch is None or not (branch.intercepting and branch.session.open):
                return original(connection, data)
            session = branch.session
            if session.replaying:
                return _sent_nowhere(original, connection, data)
            with FailingOpen(session, "Keeping what is sent to", connection.host):
                data = _kept(connection, data)
            original(connection, data)
            with FailingOpen(session, "Keeping what is sent to", connection.host):
                _sent[connection].stay_with(connection.sock)

        return send


def _kept(connection: Any, data: Any) -> Any:
    sent = _sent.get(connection)
    if sent is None or connection.sock is None or not sent.goes_on(connection):
        sent = _sent[connection] = _Sent()
    if isinstance(data, TextIOBase):
        data = data.read().encode("iso-8859-1")
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
        _sent.pop(connection, None)
    given = _kept(connection, data)
    if isinstance(given, RelayedBody):
        given.drain()
    _sent[connection].stay_with(connection.sock)


class _OfOriginal(CallTarget):
    """A place whose function runs in a replay, too, where the connection has a socket of ours."""

    def replacement(self, original: Function) -> Function:
        self._original = original
        return super().replacement(original)


class _Answers(_OfOriginal):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        connection = args[0]
        sent = _sent.pop(connection, None)
        request = None if sent is None else sent.request(connection)
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
        sent = _sent.pop(connection, None)
        request = None if sent is None else sent.request(connection)
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
