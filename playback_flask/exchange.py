"""FlaskExchange: an exchange with what Flask knows of it."""

from typing import Any, Final

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from playback_core.exchanges.exchange import UNMATCHED
from playback_core.exchanges.rules import ExchangeRules
from playback_core.exchanges.shed_exchange import ShedExchange
from playback_core.operation import OpenOperation
from playback_core.shed_operation import ShedOperation
from playback_core.wsgi.exchange import WsgiExchange
from playback_flask.translate import category_of_request, recorded_app

_REQUEST: Final = "werkzeug.request"
"""Where in its environment werkzeug leaves the request."""


class FlaskExchange(WsgiExchange):
    """One request to an application of Flask."""

    __slots__ = ("_app", "_endpoint", "_rule")

    def __init__(
        self, app: Flask, rules: ExchangeRules, operation: OpenOperation, environ: dict[str, Any]
    ) -> None:
        super().__init__(rules, operation, environ)
        self._app = app
        self._endpoint: str | None = None
        self._rule: str | None = None

    def match(self, request: Request) -> None:
        """Take what the routing found: it makes the category, and decides whether to record."""
        with self._guard:
            self._path = request.path
            rule = request.url_rule
            self._endpoint = request.endpoint
            self._rule = rule.rule if rule is not None else None
            self.select(category_of_request(request))

    def note(self, error: BaseException, how: str) -> None:
        # Those of werkzeug are answers.
        if not isinstance(error, HTTPException):
            super().note(error, how)

    def _app_settings(self) -> dict[str, Any]:
        return recorded_app(self._app)

    def _session_cookie(self) -> str:
        cookie: str = self._app.config["SESSION_COOKIE_NAME"]
        return cookie

    def _metadata(self, status: int) -> dict[str, Any]:
        metadata = super()._metadata(status)
        metadata["endpoint"] = self._endpoint
        metadata["rule"] = self._rule
        return metadata


class ShedFlaskExchange(ShedExchange):
    """One request to an application of Flask that is shed."""

    def __init__(
        self, rules: ExchangeRules, operation: ShedOperation, environ: dict[str, Any]
    ) -> None:
        super().__init__(rules, operation, environ.get("PATH_INFO", ""))
        self._environ = environ
        self._request: Request | None = None

    def begin_answer(self, status: object) -> None:
        super().begin_answer(status)
        # Flask takes it away when it is done with the request, before the answer ends.
        self._request = self._environ.get(_REQUEST)

    def _category(self, status: int | None) -> str:
        return UNMATCHED if self._request is None else category_of_request(self._request)
