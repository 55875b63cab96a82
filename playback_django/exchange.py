"""Exchanges with what Django knows of them, as WSGI and ASGI carry them."""

import asyncio
from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import Resolver404

from playback_core.asgi.exchange import AsgiExchange, Scope
from playback_core.exchanges.exchange import Exchange
from playback_core.exchanges.rules import ExchangeRules
from playback_core.exchanges.shed_exchange import ShedExchange
from playback_core.http_exchange import RecordedException
from playback_core.operation import OpenOperation
from playback_core.shed_operation import ShedOperation
from playback_core.wsgi.exchange import WsgiExchange
from playback_django.translate import category_of_request, recorded_project


class ShedDjangoExchange(ShedExchange):
    """A request to a Django project that is shed: what Django finds out names its category."""

    def __init__(
        self,
        rules: ExchangeRules,
        operation: ShedOperation,
        path: object,
        carrier: str,
        given: object,
    ) -> None:
        super().__init__(rules, operation, path)
        self._carrier = carrier
        self._given = given
        self._request: HttpRequest | None = None

    def is_of(self, request: HttpRequest) -> bool:
        """Tell whether a request is this one, and not one that is made within it."""
        return getattr(request, self._carrier, None) is self._given

    def begin(self, request: HttpRequest) -> None:
        """Take the request as Django's middlewares have it."""
        self._request = request

    def match(self) -> None:
        """Do nothing: the request itself has what the routing found."""

    def note(self, error: BaseException, how: str) -> None:
        """Keep nothing."""

    def _category(self, status: int | None) -> str:
        return category_of_request(self._request, status)


class DjangoExchange(Exchange):
    """One request to a Django project; `given` is its environment or scope."""

    # Without slots: their names would not go together with those of the other base.
    _carrier: ClassVar[str]
    _interface: ClassVar[str]

    def __init__(self, *exchange: Any, given: object) -> None:
        self._given = given
        self._request: HttpRequest | None = None
        super().__init__(*exchange)

    def is_of(self, request: HttpRequest) -> bool:
        """Tell whether a request is this one, and not one that is made within it."""
        return getattr(request, self._carrier, None) is self._given

    def begin(self, request: HttpRequest) -> None:
        """Take the request as Django's middlewares have it."""
        self._request = request

    def match(self) -> None:
        """Take what the routing found: it makes the category, and decides whether to record."""
        with self._guard:
            if not self._named:
                self.select(self._category(None))

    def _told(self, error: BaseException, how: str) -> RecordedException:
        told = super()._told(error, how)
        if isinstance(error, Resolver404) and error.args and isinstance(error.args[0], dict):
            # All patterns of the project are in it, and where its modules are.
            told["message"] = f"no URL pattern matches {error.args[0].get('path')!r}"
        return told

    def _category(self, status: int | None) -> str:
        return category_of_request(self._request, status)

    def _app_settings(self) -> dict[str, Any]:
        return recorded_project(self._interface)

    def _metadata(self, status: int) -> dict[str, Any]:
        metadata = super()._metadata(status)
        match = None if self._request is None else self._request.resolver_match
        metadata["view"] = None if match is None else match.view_name
        metadata["route"] = None if match is None else match.route
        return metadata


class DjangoWsgiExchange(DjangoExchange, WsgiExchange):
    """One request by WSGI."""

    _carrier = "environ"
    _interface = "wsgi"

    def __init__(
        self, rules: ExchangeRules, operation: OpenOperation, environ: dict[str, Any]
    ) -> None:
        super().__init__(rules, operation, environ, given=environ)


class DjangoAsgiExchange(DjangoExchange, AsgiExchange):
    """One request by ASGI."""

    _carrier = "scope"
    _interface = "asgi"

    def __init__(self, rules: ExchangeRules, operation: OpenOperation, scope: Scope) -> None:
        super().__init__(rules, operation, scope, given=scope)

    def finish(self) -> None:
        # Django cancels the view, and ends as if nothing had happened.
        if self._was_never_answered() and self._error is None:
            self._error = asyncio.CancelledError("the client left before it was answered")
        super().finish()

    def _refusal(self) -> str | None:
        if self._was_never_answered() and not self._body.is_broken:
            return "the client left before it was answered, at a moment that no replay can repeat"
        return super()._refusal()

    def _was_never_answered(self) -> bool:
        return self._is_left and self._status is None
