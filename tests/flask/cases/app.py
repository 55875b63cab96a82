"""One application with every hard case of a request, for real servers; clients.py asks for them.

What a view puts into its answer comes from `lookup`, whose results never come again: a replay is
equal only where all of them are served from the recording.
"""

import asyncio
import io
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    copy_current_request_context,
    request,
    send_file,
    session,
    stream_with_context,
)
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from playback_core import TapeRecorder, recorder
from playback_flask import FlaskPlayback
from tests.flask.cases.clients import PICTURE

if "CASES_SENTRY" in os.environ:
    # A real tool that wraps applications, and listens where we do. It sends nothing.
    import sentry_sdk
    from sentry_sdk.integrations.flask import FlaskIntegration

    sentry_sdk.init(
        "http://key@127.0.0.1:1/1",
        transport=lambda event: None,
        traces_sample_rate=1,
        integrations=[FlaskIntegration()],
        auto_enabling_integrations=False,  # it imports whatever else is installed
    )

_calls = itertools.count()
_FOLDER = Path(os.environ.get("CASES_FOLDER", "."))
# The code that is replayed for case 18, where it is not that which was recorded.
_IS_CHANGED = "CASES_CHANGED" in os.environ

app = Flask("cases", root_path=str(_FOLDER))
app.secret_key = "a secret of the tests"


@recorder.intercept_input("lookup")
def lookup(name: str) -> str:
    time.sleep(0.001)
    return f"{name}={os.getpid()}.{next(_calls)}"


@recorder.intercept_output("mail")
def mail(text: str) -> None:
    with (_FOLDER / "sent").open("a") as sent:
        sent.write(f"{text}\n")


def who() -> str:
    return request.args["who"]


def parts(name: str, count: int = 3) -> Iterator[str]:
    for number in range(count):
        yield f"{lookup(f'{name} {number}')}\n"


# 1: the body is made after the request is torn down.
@app.get("/generated")
def generated() -> Response:
    return Response(parts(who()))


# 2: `teardown_request` runs twice.
@app.get("/in-context")
def in_context() -> Response:
    return Response(stream_with_context(f"{who()} {line}" for line in parts(who())))


# 3: the client leaves; the server finds out when it writes.
@app.get("/endless")
def endless() -> Response:
    name = who()

    def lines() -> Iterator[str]:
        yield lookup(name)
        for _ in range(2000):
            time.sleep(0.002)
            yield "x" * 1000

    return Response(lines())


# 4: an exception after the status is sent.
@app.get("/breaking")
def breaking() -> Response:
    first = parts(who())

    def lines() -> Iterator[str]:
        yield from first
        raise LookupError("the row is gone")

    return Response(lines())


# 5: a wrapper around us takes each step on a thread of its own (see OtherThreads).
@app.get("/handed-over")
def handed_over() -> Response:
    return Response(parts(who()))


# 6
@app.get("/sent-file")
def sent_file() -> Response:
    return send_file(io.BytesIO(PICTURE), mimetype="application/octet-stream")


@app.get("/passed-through")
def passed_through() -> Response:
    return Response((PICTURE[:1000], lookup(who()).encode()), direct_passthrough=True)


# 7
@recorder.intercept_input("awaited lookup")
async def awaited_lookup(name: str) -> str:
    await asyncio.sleep(0.001)
    return f"{name}={os.getpid()}.{next(_calls)}"


@app.get("/awaited")
async def awaited() -> list[str]:
    both = await asyncio.gather(awaited_lookup(f"{who()} a"), awaited_lookup(f"{who()} b"))
    return [*both, lookup(who())]


# 8: the copy's teardown comes before the parent has answered.
@app.get("/copied-context")
def copied_context() -> list[str]:
    found = []

    @copy_current_request_context
    def child() -> None:
        found.append(lookup(f"{who()} child"))

    thread = threading.Thread(target=child)
    thread.start()
    thread.join()
    return [*found, lookup(f"{who()} parent")]


# 9
@app.get("/threads")
def threads() -> list[str]:
    found: dict[int, str] = {}
    name = who()

    def work(number: int) -> None:
        found[number] = lookup(f"{name} {number}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    with ThreadPoolExecutor(2) as pool:
        pooled = list(pool.map(lookup, [f"{name} x", f"{name} y"]))
    for worker in workers:
        worker.join()
    return [found[0], found[1], *pooled]


# 10
@app.get("/slashed/")
def slashed() -> str:
    return lookup(who())


# 11
api, v1 = Blueprint("api", "api", url_prefix="/api"), Blueprint("v1", "v1", url_prefix="/v1")


@v1.get("/users")
def users() -> str:
    return lookup(who())


api.register_blueprint(v1)
app.register_blueprint(api)


# 12: an exception that leaves the application, which has to be one of its own.
strict = Flask("strict", root_path=str(_FOLDER))
strict.config["PROPAGATE_EXCEPTIONS"] = True


@strict.get("/raising")
def raising() -> str:
    raise ValueError(f"of {strict_lookup(who())}")


strict_recorder = TapeRecorder()
strict_lookup = strict_recorder.intercept_input("strict lookup")(
    lambda name: f"{name}={os.getpid()}.{next(_calls)}"
)

# 13
brittle = Blueprint("brittle", "brittle")


@brittle.get("/teardown")
def teardown() -> str:
    return lookup(who())


@brittle.teardown_request
def raise_at_teardown(error: BaseException | None) -> None:
    raise RuntimeError("while tearing down")


app.register_blueprint(brittle)

# 14, and a blueprint's own error handler.
forgiving = Blueprint("forgiving", "forgiving")


@forgiving.get("/forgiven")
def forgiven() -> str:
    raise KeyError(lookup(who()))


@forgiving.errorhandler(Exception)
def forgive(error: Exception) -> tuple[str, int]:
    return f"sorry for {error.args[0]}", 503


app.register_blueprint(forgiving)


@app.get("/unhandled")
def unhandled() -> str:
    raise ZeroDivisionError(lookup(who()))


# 15
@app.post("/read-as-stream")
def read_as_stream() -> list[str]:
    return [request.stream.read().decode(), request.get_data(as_text=True), lookup(who())]


# 16
@app.post("/form-first")
def form_first() -> list[str]:
    return [
        request.form["title"],
        request.files["file"].read().decode(),
        request.get_data(as_text=True),
    ]


@app.post("/data-first")
def data_first() -> list[str]:
    return [request.get_data(as_text=True), *request.form, *request.files]


# 17
@app.post("/chunked")
def chunked() -> list[Any]:
    return [request.get_data(as_text=True), "wsgi.input_terminated" in request.environ]


# 18
@app.post("/unread")
def unread() -> str:
    return f"{lookup(who())} {request.get_data(as_text=True) if _IS_CHANGED else 'unread'}"


# 19: a cookie that is another one each second.
@app.post("/login")
def login() -> str:
    session["name"] = lookup(who())
    session.permanent = True
    return "welcome"


@app.get("/me")
def me() -> str:
    return lookup(f"{who()} {session['name']}")


# 20
@app.get("/outer")
def outer() -> list[str]:
    before = lookup(f"{who()} before")
    inner = app.test_client().get("/generated", query_string={"who": who()}).text
    return [before, inner, lookup(f"{who()} after")]


# 21: wrappers around us and within, with objects in the environment (see ForeignTool).
@app.get("/instrumented")
def instrumented() -> list[str]:
    mail(f"to {who()}")
    return [request.environ["tools"], str(request.remote_addr), lookup(who())]


WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class ForeignTool:
    """As tools for tracing do: an object of its own in the environment, a body passed on."""

    def __init__(self, wsgi_app: WsgiApp, name: str) -> None:
        self._wsgi_app = wsgi_app
        self._name = name

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        tools = f"{environ.get('tools', '')} {self._name}"
        inner = {**environ, "tools": tools, f"{self._name}.span": object()}
        return self._wsgi_app(inner, start_response)


class OtherThreads:
    """Takes each step of some answers on a thread of its own, and unmarks some chunked bodies."""

    def __init__(self, wsgi_app: WsgiApp) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_X_UNTERMINATED" in environ:
            environ.pop("wsgi.input_terminated", None)
        answer = self._wsgi_app(environ, start_response)
        return _Stepwise(answer) if environ["PATH_INFO"] == "/handed-over" else answer


class _Stepwise:
    def __init__(self, answer: Iterable[bytes]) -> None:
        self._answer: Any = answer

    def __iter__(self) -> Iterator[bytes]:
        steps = iter(self._answer)
        while chunk := _elsewhere(lambda: next(steps, b"")):
            yield chunk

    def close(self) -> None:
        _elsewhere(self._answer.close)


def _elsewhere(step: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(step).result()


app.config["PLAYBACK_CASSETTE"] = f"sqlite:///{_FOLDER}/app.db"
app.wsgi_app = ForeignTool(app.wsgi_app, "inner")
FlaskPlayback(app)
strict.config["PLAYBACK_CASSETTE"] = f"sqlite:///{_FOLDER}/strict.db"
FlaskPlayback(strict, strict_recorder)
mounted = DispatcherMiddleware(app.wsgi_app, {"/strict": strict})
app.wsgi_app = ForeignTool(OtherThreads(ProxyFix(mounted, x_for=1)), "outer")
