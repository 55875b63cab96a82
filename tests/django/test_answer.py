"""What a server of WSGI is given as an answer of a project that is recorded."""

import pytest

ASK = """
import gc, sys
from wsgiref.util import setup_testing_defaults
from django.http import HttpResponse
from shop_wsgi import application

def ask(path):
    environ = {"PATH_INFO": path, "HTTP_HOST": "shop.test"}
    setup_testing_defaults(environ)
    return application(environ, lambda *beginning: None)

"""

URLS = """
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

def home(request):
    return HttpResponse("home")

def streamed(request):
    return StreamingHttpResponse(["a", "b"], headers={"X-From": "there"})

urlpatterns = [path("home/", home, name="home"), path("streamed/", streamed, name="streamed")]
"""


@pytest.fixture
def asked(changed):
    (changed.path / "playback.db").unlink()
    changed.write("shop_urls", URLS)

    def ask(code: str) -> str:
        done = changed.run("-c", ASK + code, PLAYBACK_ENABLED="1")
        assert done.returncode == 0, done.stderr
        return done.stdout

    ask.project = changed
    return ask


def _compared(asked) -> str:
    return asked.project.manage("playback_compare").stdout


def test_a_response_is_itself_for_what_stands_before_the_server(asked):
    code = """
answer = ask("/home/")
assert type(answer) is HttpResponse and bytes(answer).endswith(b"home"), answer
assert b"".join(answer) == b"home"
answer.close()
assert answer.closed
"""
    asked(code)
    assert "1 Equal" in _compared(asked)


def test_a_streamed_response_has_its_status_and_headers(asked):
    code = """
answer = ask("/streamed/")
assert (answer.status_code, answer.headers["X-From"]) == (200, "there")
assert not hasattr(answer, "__len__")
assert b"".join(answer) == b"ab"
answer.close()
"""
    asked(code)
    assert "1 Equal" in _compared(asked)


def test_a_response_that_nobody_closes_ends_its_operation_when_it_is_dropped(asked):
    code = """
gc.disable()
ask("/home/")
from playback_core import recorder
print(recorder.counters)
"""
    assert "'recorded': 1" in asked(code)
