"""PlaybackMiddleware: tells the exchange of a request what Django finds out about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from playback_django.hooks import exchange_of
from playback_django.project_playback import playback_of_project

GetResponse = Callable[[HttpRequest], Any]


class PlaybackMiddleware:
    """Names the recording of a request by its view; it is the first of MIDDLEWARE.

    It is sync or async as what it wraps is. With the first one recording begins, unless it is off
    here. Raise SettingsError where a setting is unknown or wrong, naming it, and where the app is
    missing.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        playback_of_project().begin()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
            # Django would call a sync one in another thread.
            self.process_view = self._process_view_async  # type: ignore[assignment,method-assign]

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass a request on."""
        exchange = exchange_of(request)
        if exchange is not None:
            exchange.begin(request)
        answer: HttpResponseBase | Awaitable[HttpResponseBase] = self.get_response(request)
        return answer

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        """Take what the routing found, before the view runs."""
        exchange = exchange_of(request)
        if exchange is not None:
            exchange.match()

    async def _process_view_async(self, request: HttpRequest, *view: Any) -> None:
        PlaybackMiddleware.process_view(self, request, *view)
