"""What goes to the `send` of a connection of `http.client`, put together to a request."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from playback_core.interceptors._http import Cut, SentRequest, recorded_cut
from playback_core.interceptors._sent_bodies import SentBody, as_bytes
from playback_core.session import current_session

_PORTS: Final = {"http": 80, "https": 443}


class Sent:
    """What was sent on a connection since its last answer."""

    def __init__(self, connection: Any) -> None:
        self.head = b""
        self.is_told = False
        self._origin = _origin(connection)
        self.body = SentBody(current_session())
        self.is_broken = False
        self.is_head_complete = False
        self._is_foreseen = False
        self._socket: ref[Any] | None = None

    def goes_on(self, connection: Any) -> bool:
        """Tell whether what is sent now belongs to this: it is the same socket as it was."""
        if self.is_broken:
            return False
        return self._socket is None or self._socket() is connection.sock

    def foresee(self) -> None:
        """Prepare for a replay whose connection broke when the head, or some of the body, went."""
        if self._is_foreseen or not self.is_head_complete:
            return
        self._is_foreseen = True
        request = self.request()
        cut = Cut() if request is None else recorded_cut(request)
        self.body.stop_after = cut.at if cut.failed else None

    def stay_with(self, socket: Any) -> None:
        self._socket = ref(socket)

    def take(self, data: bytes) -> None:
        if self.is_head_complete:
            self.body.take(data)
            return
        self.head, end, rest = (self.head + as_bytes(data)).partition(b"\r\n\r\n")
        if end:
            self.is_head_complete = True
            if rest:
                self.body.take(rest)

    def told(self) -> SentRequest | None:
        """Return the request, which is told hereby."""
        self.is_told = True
        return self.request()

    def request(self) -> SentRequest | None:
        self.body.is_ended = not self.is_broken
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
        # That of a request to a proxy is a whole URL.
        url = f"{self._origin}{target}" if target.startswith("/") else target
        return SentRequest(method, url, headers, self.body)


def _partitioned(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _origin(connection: Any) -> str:
    scheme = "https" if connection.default_port == _PORTS["https"] else "http"
    host = connection._tunnel_host or connection.host
    number = connection._tunnel_port if connection._tunnel_host else connection.port
    port = "" if number == _PORTS[scheme] else f":{number}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{port}"


sent_on: Final[WeakKeyDictionary[Any, Sent]] = WeakKeyDictionary()
"""The connections on which something was sent whose answer was not asked for yet."""
