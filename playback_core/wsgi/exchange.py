"""WsgiExchange: an exchange as a WSGI server and its application hand it to each other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from playback_core.exchanges.exchange import STOP_AFTER, Exchange
from playback_core.exchanges.rules import ExchangeRules
from playback_core.http_exchange import SCALARS, Scalar
from playback_core.operation import OpenOperation
from playback_core.wsgi.request_body import record_body

StartResponse = Callable[..., Any]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class WsgiExchange(Exchange):
    """One call of a WSGI application."""

    __slots__ = ()

    def __init__(
        self, rules: ExchangeRules, operation: OpenOperation, environ: dict[str, Any]
    ) -> None:
        path, stop_after = str(environ.get("PATH_INFO", "")), environ.pop(STOP_AFTER, None)
        plain, body = recorded_environ(environ), record_body(environ, rules.settings.body_limit)
        super().__init__(rules, operation, plain, path, stop_after)
        self._request_body = body

    def starting(self, start_response: StartResponse) -> StartResponse:
        """Return the `start_response` to give to the application."""
        has_header = self._rules.settings.response_header is not None

        def started(
            status: str, headers: list[tuple[str, str]], *exc_info: Any, **named: Any
        ) -> Any:
            self.name_by(status)
            shown = self._with_recording_id(headers) if has_header else headers
            write = start_response(status, shown, *exc_info, **named)
            self._status, self._headers = status, list(headers)
            return self._writing(write)

        return started

    def _writing(self, write: Any) -> Any:
        def written(data: bytes) -> Any:
            self.take(data)
            return write(data)

        return written if callable(write) else write


def recorded_environ(environ: Mapping[str, Any]) -> dict[str, Scalar]:
    """Return what of a WSGI environment is plain: no streams, sockets, objects of frameworks."""
    return {key: value for key, value in environ.items() if type(value) in SCALARS}


def is_websocket(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request opens a websocket: what follows is no answer, and no end is known."""
    return (
        str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"
        and "upgrade" in str(environ.get("HTTP_CONNECTION", "")).lower()
    )
