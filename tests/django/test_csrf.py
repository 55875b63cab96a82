"""Forms with CSRF tokens: accepted and refused as they were, wherever the secret is kept."""

import pytest

from tests.django.conftest import SETTINGS
from tests.django.test_hooks import ASK
from tests.recorded import output_of, request_of, stored_in

URLS = """
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.urls import path

def form(request):
    if request.method == "GET":
        return HttpResponse(get_token(request))
    rotate_token(request)
    return HttpResponse("taken")

urlpatterns = [path("", form, name="form")]
"""

SEND = """
import io
from http.cookies import SimpleCookie

cookies = SimpleCookie()

def send(method, body="", **headers):
    from shop_wsgi import application
    kept = "; ".join(f"{name}={each.coded_value}" for name, each in cookies.items())
    environ = {
        "PATH_INFO": "/", "HTTP_HOST": "shop.test", "REQUEST_METHOD": method,
        "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body.encode()), **headers,
    }
    environ |= {"HTTP_COOKIE": kept} if kept else {}
    setup_testing_defaults(environ)
    status = []
    def start(line, headers):
        status.append(line[:3])
        for name, value in headers:
            if name == "Set-Cookie":
                cookies.load(value)
    answer = application(environ, start)
    text = b"".join(answer).decode()
    answer.close()
    print(status[0], end=" ")
    return text

send("POST", "csrfmiddlewaretoken=x")
token = send("GET")
send("POST", f"csrfmiddlewaretoken={token}")
send("POST", f"csrfmiddlewaretoken={token}")
token = send("GET")
send("PUT", HTTP_X_CSRFTOKEN=token)
send("POST", HTTP_X_CSRFTOKEN=token[:-1])
"""


@pytest.mark.parametrize("redacted", ["", "csrfmiddlewaretoken,x-csrftoken"])
@pytest.mark.parametrize("in_sessions", [False, True])
@pytest.mark.parametrize("key", ["", "a key of sixteen letters"])
def test_forms_replay_as_they_were_accepted_and_refused(changed, redacted, in_sessions, key):
    changed.write(
        "shop_settings",
        f"{SETTINGS}\nCSRF_USE_SESSIONS = {in_sessions}\n"
        "SESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'\n"
        "MIDDLEWARE += ['django.contrib.sessions.middleware.SessionMiddleware',"
        " 'django.middleware.csrf.CsrfViewMiddleware']\n",
    )
    changed.write("shop_urls", URLS)
    (changed.path / "playback.db").unlink()
    settings = {"PLAYBACK_REDACT": redacted, "PLAYBACK_REDACT_KEY": key}
    done = changed.run("-c", ASK + SEND, PLAYBACK_ENABLED="1", **settings)
    # The second one has the token from before it was rotated.
    assert done.stdout.split() == ["403", "200", "200", "403", "200", "200", "403"], done.stderr
    done = changed.manage("playback_compare", "--json", **settings)
    assert done.returncode == 0, done.stdout
    recordings = stored_in(changed.path / "playback.db")
    assert len(recordings) == 7
    tokens = [
        output_of(each)["body"].decode()
        for each in recordings
        if b"DOCTYPE" not in output_of(each)["body"]
    ]
    assert len([each for each in tokens if len(each) == 64]) == 2
    if redacted:
        assert not any(token in str(request_of(each)) for each in recordings for token in tokens)
