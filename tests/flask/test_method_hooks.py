"""Hooks into methods of applications: in any order with other wrappers, and without a trace."""

import functools
import gc
import inspect
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

from playback_core import InMemoryTapeCassette, TapeRecorder
from playback_flask import FlaskPlayback
from playback_flask.method_hooks import ClassHook

KEY = TapeRecorder.OPERATION_REQUEST


def _app(kind: type[Flask] = Flask, name: str = "shop") -> Flask:
    app = kind(name)
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/boom", "boom", lambda: {}["key"])
    app.register_error_handler(KeyError, lambda error: ("sorry", 503))
    return app


def _played_back(app: Flask, recorder: TapeRecorder | None = None) -> tuple[Any, TapeRecorder]:
    recorder = recorder or TapeRecorder(InMemoryTapeCassette())
    app.config["PLAYBACK_ENABLED"] = True
    return FlaskPlayback(app, recorder), recorder


def _get(wsgi_app: Any, path: str = "/", **headers: str) -> bytes:
    answer, _, _ = run_wsgi_app(wsgi_app, create_environ(path, headers=headers), buffered=True)
    return b"".join(answer)


def _handled(recorder: TapeRecorder) -> list[str]:
    (recording_id,) = recorder.readable_cassette().iter_recording_ids("boom")
    recording = recorder.readable_cassette().get_recording(recording_id)
    key = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
    return [each["how"] for each in recording.get_data(key)["args"][0]["exceptions"]]


@contextmanager
def _without_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_an_application_of_which_only_the_wsgi_callable_is_left_goes_on():
    recorder = TapeRecorder(InMemoryTapeCassette())

    def create_app() -> Flask:
        app = _app()
        _played_back(app, recorder)
        return app

    wsgi_app = create_app().wsgi_app
    gc.collect()
    assert _get(wsgi_app) == b"home"
    assert recorder.counters == {"recorded": 1}


def test_the_application_keeps_its_attributes_and_its_bound_methods():
    app = _app()
    app.config["PLAYBACK_ENABLED"] = True
    before = {name: value for name, value in vars(app).items() if name != "extensions"}
    _played_back(app)
    assert {name: value for name, value in vars(app).items() if name != "extensions"} == before
    assert inspect.ismethod(app.wsgi_app)
    assert app.wsgi_app.__self__ is app
    assert [*inspect.signature(app.wsgi_app).parameters] == ["environ", "start_response"]
    assert Flask.wsgi_app.__name__ == "wsgi_app"


@pytest.mark.parametrize("requests", [0, 2])
def test_the_application_is_freed_with_its_last_user(requests):
    app = _app()
    _, recorder = _played_back(app)
    with _without_collection():
        for _ in range(requests):
            _get(app)
        gone = weakref.ref(app)
        del app
        assert gone() is None
    assert recorder.counters == ({"recorded": requests} if requests else {})


def test_a_foreign_callable_in_place_of_the_applications_makes_no_cycle():
    app = _app()

    def foreign(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"foreign"]

    app.wsgi_app = foreign
    _, recorder = _played_back(app)
    left = app.wsgi_app
    assert _get(left) == b"foreign"
    assert recorder.counters == {"recorded": 1}
    with _without_collection():
        gone = weakref.ref(app)
        del app
        assert gone() is None
    assert _get(left) == b"foreign"


def test_an_application_without_playback_is_passed_by():
    recorded, plain = _app(), _app(name="plain")
    _, recorder = _played_back(recorded)
    plain.extensions["playback"] = "something else of that name"
    assert [_get(recorded), _get(plain), _get(plain, "/boom")] == [b"home", b"home", b"sorry"]
    assert recorder.counters == {"recorded": 1}


def _own_kind() -> type[Flask]:
    # Other tests' applications may hold the hooks of Flask itself.
    class Own(Flask):
        wsgi_app = inspect.unwrap(Flask.wsgi_app)

    return Own


def test_the_class_is_given_back_with_the_last_application():
    kind = _own_kind()
    original = kind.wsgi_app
    first, second = _app(kind), _app(kind)
    playback, recorder = _played_back(first)
    other, _ = _played_back(second, recorder)
    hooked = kind.wsgi_app
    assert hooked is not original
    playback.uninstall(first)
    assert kind.wsgi_app is hooked
    assert [_get(first), _get(second)] == [b"home", b"home"]
    assert recorder.counters == {"recorded": 1}
    other.uninstall(second)
    assert kind.wsgi_app is original
    assert _get(second) == b"home"


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_class_that_others_have_wrapped_since_is_left_to_them(is_marked):
    kind = _own_kind()
    app, calls = _app(kind), []
    playback, recorder = _played_back(app)
    hooked = kind.wsgi_app

    def foreign(self: Flask, environ: Any, start_response: Any) -> Any:
        calls.append(environ["PATH_INFO"])
        return hooked(self, environ, start_response)

    kind.wsgi_app = functools.wraps(hooked)(foreign) if is_marked else foreign
    playback.uninstall(app)
    assert kind.wsgi_app is not hooked
    assert _get(app) == b"home"
    assert recorder.counters == {}
    playback.init_app(app)
    assert _get(app) == b"home"
    assert recorder.counters == {"recorded": 1}
    assert calls == ["/", "/"]


class _Calling(Flask):
    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        return super().wsgi_app({**environ, "own": "1"}, start_response)

    def handle_user_exception(self, e: Exception) -> Any:
        return super().handle_user_exception(e)


class _NotCalling(Flask):
    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        with self.request_context(environ):
            return self.full_dispatch_request()(environ, start_response)

    def handle_user_exception(self, e: Exception) -> Any:
        return "sorry", 503


@pytest.mark.parametrize("kind", [_Calling, _NotCalling])
def test_a_subclass_with_methods_of_its_own_is_recorded_once_whether_it_calls_its_base(kind):
    app, plain = _app(kind), _app()
    playback, recorder = _played_back(app)
    _played_back(plain, recorder)
    assert [_get(app), _get(app, "/boom"), _get(plain)] == [b"home", b"sorry", b"home"]
    assert recorder.counters == {"recorded": 3}
    assert _handled(recorder) == ["handled"]
    assert isinstance(vars(kind)["wsgi_app"].playback_hook, ClassHook)
    playback.uninstall(app)
    assert not hasattr(kind.wsgi_app, "playback_hook")
    assert _get(app) == b"home"


@pytest.mark.parametrize("is_wrapped_before", [True, False])
def test_middleware_before_or_after_us_runs_once_also_when_replayed(recorded, is_wrapped_before):
    app = recorded.app
    app.add_url_rule("/", "home", lambda: _address())
    if is_wrapped_before:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
        recorded.play_back()
    else:
        recorded.play_back()
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
    with recorded.serve() as server:
        answer = server.get("/", {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"})
    assert answer.body == b"10.0.0.2"
    seen = recorded.recording().get_data(KEY)["environ"]["REMOTE_ADDR"]
    assert seen == ("127.0.0.1" if is_wrapped_before else "10.0.0.2")
    assert recorded.verdicts() == ["Equal"]
    assert recorded.recorder.counters == {"recorded": 1}


@pytest.mark.parametrize("is_wrapped_before", [True, False])
def test_uninstalling_around_or_below_a_middleware_leaves_that_in_place(is_wrapped_before):
    app = _app()
    if is_wrapped_before:
        app.wsgi_app = middleware = ProxyFix(app.wsgi_app)
    playback, recorder = _played_back(app)
    if not is_wrapped_before:
        app.wsgi_app = middleware = ProxyFix(app.wsgi_app)
    playback.uninstall(app)
    assert app.wsgi_app is middleware
    assert _get(app) == b"home"
    assert recorder.counters == {}


def test_an_application_mounted_in_another_has_its_requests_recorded_by_either():
    shop, api = _app(), _app(name="api")
    _, recorder = _played_back(shop)
    _played_back(api, recorder)
    shop.wsgi_app = DispatcherMiddleware(shop.wsgi_app, {"/api": api.wsgi_app})
    assert [_get(shop), _get(shop, "/api/")] == [b"home", b"home"]
    assert recorder.counters == {"recorded": 2}


def test_a_handler_that_others_have_put_on_the_application_is_recorded_around():
    app = _app()
    handle = app.handle_user_exception
    app.handle_user_exception = lambda e: handle(e)
    playback, recorder = _played_back(app)
    assert _get(app, "/boom") == b"sorry"
    assert _handled(recorder) == ["handled"]
    playback.uninstall(app)
    assert _get(app, "/boom") == b"sorry"


def _address() -> str:
    from flask import request

    return str(request.remote_addr)
