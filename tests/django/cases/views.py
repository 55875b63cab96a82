"""Views with every hard case of a request, for real servers; clients.py asks for them.

What a view puts into its answer comes from `lookup`, whose results never come again: a replay is
equal only where all of them are served from the recording.
"""

import asyncio
import io
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.core.signing import BadSignature
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    RawPostDataException,
    StreamingHttpResponse,
)
from django.template import engines
from django.test import Client
from django.utils.translation import gettext
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from playback_core import recorder

_calls = itertools.count()
_IS_CHANGED = "CASES_CHANGED" in os.environ
_colour: ContextVar[str] = ContextVar("colour", default="none")
PICTURE = bytes(range(256)) * 200


@recorder.intercept_input("lookup")
def lookup(name: str) -> str:
    time.sleep(0.001)
    return f"{name}={os.getpid()}.{next(_calls)}"


@recorder.intercept_input("awaited lookup")
async def lookup_async(name: str) -> str:
    await asyncio.sleep(0.001)
    return f"{name}={os.getpid()}.{next(_calls)}"


@recorder.intercept_output("mail")
def mail(text: str) -> None:
    with (Path(settings.BASE_DIR) / "sent").open("a") as sent:
        sent.write(f"{text}\n")


def who(request: HttpRequest) -> str:
    return request.GET["who"]


def plain(request: HttpRequest, number: int = 0) -> HttpResponse:
    return HttpResponse(lookup(who(request)))


# 1: each step of the body is made when the server asks for it.
def streamed(request: HttpRequest) -> StreamingHttpResponse:
    name = who(request)
    return StreamingHttpResponse(f"{lookup(f'{name} {number}')}\n" for number in range(3))


# 2
async def streamed_async(request: HttpRequest) -> StreamingHttpResponse:
    name = who(request)

    async def lines() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{await lookup_async(f'{name} {number}')}\n"

    return StreamingHttpResponse(lines())


def breaking(request: HttpRequest) -> StreamingHttpResponse:
    name = who(request)

    def lines() -> Iterator[str]:
        yield lookup(name)
        raise LookupError("the row is gone")

    return StreamingHttpResponse(lines())


def endless(request: HttpRequest) -> StreamingHttpResponse:
    name = who(request)

    def lines() -> Iterator[str]:
        yield lookup(name)
        for _ in range(2000):
            time.sleep(0.002)
            yield "x" * 1000

    async def lines_async() -> AsyncIterator[str]:
        yield await lookup_async(name)
        for _ in range(2000):
            await asyncio.sleep(0.002)
            yield "x" * 1000

    # What is not of the server's kind is taken whole before anything of it is sent.
    by_asgi = isinstance(request, ASGIRequest)
    return StreamingHttpResponse(lines_async() if by_asgi else lines())


# 3
def file(request: HttpRequest) -> FileResponse:
    if who(request) == "c0":
        return FileResponse(io.BytesIO(PICTURE), filename="picture")
    path = Path(settings.BASE_DIR) / "picture"
    return FileResponse(path.open("rb"), as_attachment=True)


# 4
def raising(request: HttpRequest) -> HttpResponse:
    raise ValueError(lookup(who(request)))


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404(lookup(who(request)))


async def denied(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied(await lookup_async(who(request)))


def forgiven(request: HttpRequest) -> HttpResponse:
    raise ConnectionError(lookup(who(request)))


class ByMethod(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(lookup(who(request)))


class ByMethodAsync(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(await lookup_async(who(request)))


# 6
@csrf_exempt
def read_first(request: HttpRequest) -> JsonResponse:
    read = request.read(3).decode()
    try:
        rest = request.body.decode()
    except RawPostDataException as error:
        rest = type(error).__name__
    return JsonResponse([read, rest, lookup(who(request))], safe=False)


# 7
@csrf_exempt
def form_first(request: HttpRequest) -> JsonResponse:
    title, size = request.POST.get("title"), request.FILES["file"].size
    try:
        rest = request.body.decode()
    except RawPostDataException as error:
        rest = type(error).__name__
    return JsonResponse([title, size, rest], safe=False)


# 8
@csrf_exempt
def uploaded(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    return JsonResponse([type(file).__name__, file.size, file.read()[-3:].decode()], safe=False)


# 9
@csrf_exempt
def too_much(request: HttpRequest) -> HttpResponse:
    lookup(who(request))
    return HttpResponse(request.body)


# 10
@csrf_exempt
def body(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"<" + request.body + b">")


@csrf_exempt
def unread(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body if _IS_CHANGED else f"{lookup(who(request))} unread")


# 12, 13
def form(request: HttpRequest) -> HttpResponse:
    page = engines["django"].from_string("<form>{% csrf_token %}</form>{{ csp_nonce }} {{ found }}")
    return HttpResponse(page.render({"found": lookup(who(request))}, request))


# 19
async def gathered(request: HttpRequest) -> JsonResponse:
    name = who(request)
    found = await asyncio.gather(
        lookup_async(f"{name} a"),
        lookup_async(f"{name} b"),
        sync_to_async(lookup)(f"{name} c"),
        sync_to_async(lookup, thread_sensitive=False)(f"{name} d"),
    )
    return JsonResponse(found, safe=False)


def threads(request: HttpRequest) -> JsonResponse:
    name, found = who(request), []
    thread = threading.Thread(target=lambda: found.append(lookup(f"{name} thread")))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        found += pool.map(lookup, [f"{name} x", f"{name} y"])
    return JsonResponse(found, safe=False)


# 20: the task goes on when the request has been answered.
_tasks: set[Any] = set()


async def outliving(request: HttpRequest) -> HttpResponse:
    name = who(request)
    answered = asyncio.Event()

    async def late() -> None:
        await answered.wait()
        await asyncio.sleep(0.05)
        await lookup_async(f"{name} late")

    task = asyncio.get_running_loop().create_task(late())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    response = HttpResponse(await lookup_async(name))
    response._resource_closers.append(answered.set)  # type: ignore[attr-defined]
    return response


# 21: the client leaves while the view waits.
async def hanging(request: HttpRequest) -> HttpResponse:
    await lookup_async(who(request))
    (Path(settings.BASE_DIR) / "is-hanging").touch()
    await asyncio.sleep(60)
    return HttpResponse("too late")


# A request by the test client within a view is no request to a server.
def inner(request: HttpRequest) -> JsonResponse:
    name = who(request)
    before = lookup(f"{name} before")
    got = Client(headers={"host": "127.0.0.1"}).get(f"/shop/plain/1/?who={name}").content.decode()
    return JsonResponse([before, got, lookup(f"{name} after")], safe=False)


# Signed cookies: the client has sent what a replay knows the pseudonym of.
def signed(request: HttpRequest) -> HttpResponse:
    try:
        seen = request.get_signed_cookie("basket", default="none", max_age=3600)
    except BadSignature as error:
        seen = type(error).__name__
    response = HttpResponse(f"{seen} {lookup(who(request))}")
    response.set_signed_cookie("basket", f"tea of {who(request)}")
    return response


# A session in a signed cookie, and messages in another one.
def remembered(request: HttpRequest) -> JsonResponse:
    seen = request.session.get("basket", [])
    told = [str(message) for message in messages.get_messages(request)]
    request.session["basket"] = [*seen, lookup(who(request))]
    messages.info(request, f"{len(seen)} of {who(request)}")
    return JsonResponse([seen, told], safe=False)


# The language is in a cookie.
def translated(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(f"{gettext('Monday')} {lookup(who(request))}")
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, "de")
    return response


# 22: a sync view under ASGI leaks what it sets.
def varied(request: HttpRequest) -> HttpResponse:
    _colour.set(who(request))
    return HttpResponse(f"{_colour.get()} {lookup(who(request))}")


@csrf_exempt
def mailed(request: HttpRequest) -> HttpResponse:
    mail(f"to {who(request)}")
    return HttpResponse("sent", status=201)
