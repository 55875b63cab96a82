"""Middlewares of the project: sync alone, async alone, and one for both."""

from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware


class SyncOnly:
    """One of the old kind, which puts whatever is around it into its own mode."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)


class Forgiving:
    """Answers for the exceptions of a view."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, ConnectionError):
            return HttpResponse(f"sorry for {error}", status=503)
        return None


@sync_and_async_middleware
def Counting(get_response: Any) -> Any:
    """Count the visits of each client in the database, and tell them with the answer."""

    def visits(request: HttpRequest) -> str:
        name = request.GET.get("who", "")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO visits (who) VALUES (%s)", [name])
            cursor.execute("SELECT count(*) FROM visits WHERE who = %s", [name])
            return str(cursor.fetchone()[0])

    if iscoroutinefunction(get_response):

        async def counting(request: HttpRequest) -> Any:
            count = await sync_to_async(visits)(request)
            response = await get_response(request)
            response["X-Visits"] = count
            return response

        return counting

    def counting_sync(request: HttpRequest) -> Any:
        count = visits(request)
        response = get_response(request)
        response["X-Visits"] = count
        return response

    return counting_sync


@sync_and_async_middleware
def Switching(get_response: Any) -> Any:
    """Choose the URLs by the request."""

    def switch(request: HttpRequest) -> None:
        if request.path.startswith("/other/"):
            request.urlconf = "tests.django.cases.other_urls"  # type: ignore[attr-defined]

    if iscoroutinefunction(get_response):

        async def switching(request: HttpRequest) -> Any:
            switch(request)
            return await get_response(request)

        return switching

    def switching_sync(request: HttpRequest) -> Any:
        switch(request)
        return get_response(request)

    return switching_sync
