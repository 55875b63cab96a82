"""Where Django calls us: what is recorded of a project, and what is left as it was."""

from typing import Any

from playback_core import Recording, TapeRecorder
from tests.django.conftest import SETTINGS, Project
from tests.http_cases import Case, Client
from tests.recorded import stored_in
from tests.servers import serve

ASK = """
import asyncio, os, sys
from wsgiref.util import setup_testing_defaults
import django
from playback_core import recorder

def ask(path, handler=None):
    from shop_wsgi import application
    environ = {"PATH_INFO": path, "HTTP_HOST": "shop.test"}
    setup_testing_defaults(environ)
    told = []
    answer = (handler or application)(environ, lambda *beginning: told.append(beginning))
    body = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return told[0][0], dict(told[0][1]), body
"""


def _recorded(project: Project, code: str, **more: str) -> tuple[str, list[Recording]]:
    """Run code that asks, and return what it has printed and what is recorded of it alone."""
    (project.path / "playback.db").unlink(missing_ok=True)
    done = project.run("-c", ASK + code, **{"PLAYBACK_ENABLED": "1", **more})
    assert done.returncode == 0, done.stderr
    database = project.path / "playback.db"
    return done.stdout, stored_in(database) if database.exists() else []


def _categories(recordings: list[Recording]) -> list[str]:
    return [each.category for each in recordings]


def test_what_settings_leave_out_is_not_recorded(changed):
    code = "[ask(path) for path in ('/', '/stock/', '/none/')]"
    for settings, categories in [
        ({"EXCLUDE": "stock"}, ["home", "unmatched:404"]),
        ({"INCLUDE": "sto*"}, ["stock"]),
        ({"EXCLUDE": "/none/"}, ["home", "stock"]),
        ({"SAMPLING": "home=0,*=1"}, ["stock", "unmatched:404"]),
        ({"ENABLED": "0"}, []),
    ]:
        more: dict[str, Any] = {f"PLAYBACK_{name}": value for name, value in settings.items()}
        assert _categories(_recorded(changed, code, **more)[1]) == categories


def test_a_request_that_is_shed_is_answered_and_not_recorded(changed):
    code = """
from tests.probe import ProbeByHand
probe = ProbeByHand().put()
for path in ("/stock/", "/stock/", "/none/"):
    status, headers, body = ask(path)
    print(status[:3], "X-Recording-Id" in headers, body[:12])
    probe.press()

async def by_asgi():
    from django.core.asgi import get_asgi_application
    from django.test import AsyncRequestFactory
    scope = AsyncRequestFactory().get("/stock/").scope | {"headers": [(b"host", b"shop.test")]}
    given = iter([{"type": "http.request"}])
    async def receive():
        for message in given:
            return message
        await asyncio.Event().wait()
    async def send(message):
        print(message.get("status"), message.get("body"))
    await get_asgi_application()(scope, receive, send)

asyncio.run(by_asgi())
print(recorder.counters)
"""
    settings = {"PLAYBACK_WHEN_BUSY": "shed", "PLAYBACK_RESPONSE_HEADER": "X-Recording-Id"}
    settings["PLAYBACK_EXCLUDE"] = "unmatched:404"
    printed, recordings = _recorded(changed, code, **settings)
    assert printed.splitlines() == [
        "200 True b'{\"stock\": 3}'",
        "200 False b'{\"stock\": 3}'",
        "404 False b'\\n<!doctype h'",
        "200 None",
        "None b'{\"stock\": 3}'",
        "{'recorded': 1, 'shed': 2, 'excluded': 1}",
    ]
    assert _categories(recordings) == ["stock"]


def test_files_are_left_out_unless_they_are_named(changed):
    changed.write(
        "shop_urls",
        "from django.urls import path\nfrom django.views.static import serve\n"
        "urlpatterns = [path('files/<path:path>', serve, {'document_root': '.'})]",
    )
    code = "ask('/files/manage.py')"
    assert _recorded(changed, code)[1] == []
    _, recordings = _recorded(changed, code, PLAYBACK_INCLUDE="*serve")
    assert _categories(recordings) == ["django.views.static.serve"]


def test_the_id_of_a_recording_is_in_the_answer_and_in_the_logs_if_wanted(changed):
    changed.write(
        "shop_settings",
        SETTINGS
        + """
LOGGING = {
    "version": 1,
    "filters": {"id": {"()": "playback_django.RecordingIdFilter"}},
    "formatters": {"id": {"format": "%(playback_recording_id)s"}},
    "handlers": {"out": {
        "class": "logging.StreamHandler", "filters": ["id"], "formatter": "id",
        "stream": "ext://sys.stdout",
    }},
    "loggers": {"shop": {"handlers": ["out"]}},
}
""",
    )
    changed.write(
        "shop_urls",
        "import logging\nfrom django.http import HttpResponse\nfrom django.urls import path\n"
        "def home(request):\n    logging.getLogger('shop').error('x')\n    return HttpResponse()\n"
        "urlpatterns = [path('', home, name='home')]",
    )
    code = "print(ask('/')[1]['X-Recording'])"
    out, (recording,) = _recorded(changed, code, PLAYBACK_RESPONSE_HEADER="X-Recording")
    assert out.split() == [recording.id, recording.id]


def test_a_handler_of_ones_own_records_a_request_once(changed):
    code = """
from django.core.handlers.wsgi import WSGIHandler
django.setup()
class Own(WSGIHandler):
    def __call__(self, environ, start_response):
        environ["shop.own"] = "mine"
        return super().__call__(environ, start_response)
print(ask("/", Own())[2])
"""
    out, (recording,) = _recorded(changed, code)
    assert out == "b'home'\n"
    assert recording.get_data(TapeRecorder.OPERATION_REQUEST)["environ"]["shop.own"] == "mine"


def test_hooks_are_there_once_and_go_again(changed):
    code = """
from django.core.handlers import base, exception, wsgi, asgi
places = lambda: (
    wsgi.WSGIHandler.__call__, asgi.ASGIHandler.__call__, exception.response_for_exception,
    base.BaseHandler.process_exception_by_middleware,
)
before = places()
django.setup()
assert not set(before) & set(places())
from django.apps import apps
app = apps.get_app_config("playback_django")
app.ready()
assert all(ours.__wrapped__ is own for ours, own in zip(places(), before)), places()
ask("/")
app.uninstall()
assert places() == before
from django.middleware import csrf
assert not hasattr(csrf._does_token_match, "__wrapped__")
print(ask("/")[2])
"""
    out, recordings = _recorded(changed, code)
    assert out == "b'home'\n"
    assert _categories(recordings) == ["home"]


def test_a_request_that_is_answered_above_the_middleware_is_recorded_without_a_view(changed):
    secure = "django.middleware.security.SecurityMiddleware"
    ours = "playback_django.middleware.PlaybackMiddleware"
    changed.write(
        "shop_settings", f"{SETTINGS}\nSECURE_SSL_REDIRECT = True\nMIDDLEWARE = {[secure, ours]}"
    )
    out, recordings = _recorded(changed, "print(ask('/')[0])")
    assert out == "301 Moved Permanently\n"
    assert _categories(recordings) == ["unmatched:301"]
    assert changed.manage("playback_compare").returncode == 0


def test_a_host_that_is_not_allowed_is_answered_as_ever_and_recorded(changed):
    changed.write(
        "shop_settings",
        SETTINGS.replace('"shop.test"', '"other.test"').replace(
            "MIDDLEWARE = [",
            'MIDDLEWARE = ["playback_django.middleware.PlaybackMiddleware",'
            ' "django.middleware.common.CommonMiddleware"]; _ = [',
        ),
    )
    out, (recording,) = _recorded(changed, "print(ask('/')[0])")
    assert out == "400 Bad Request\n"
    assert recording.category == "unmatched:400"
    # The recorded hosts are those of the replay.
    changed.write(
        "shop_settings",
        (changed.path / "shop_settings.py").read_text().replace("other.test", "shop.test"),
    )
    assert changed.manage("playback_compare").returncode == 0


def test_an_exception_that_leaves_the_handler_is_the_outcome(changed):
    changed.write("shop_settings", f"{SETTINGS}\nDEBUG_PROPAGATE_EXCEPTIONS = True")
    changed.write(
        "shop_urls",
        "from django.urls import path\ndef fails(request):\n    raise ValueError('left')\n"
        "urlpatterns = [path('', fails, name='fails')]",
    )
    code = """
try:
    ask("/")
except ValueError as error:
    print(error)
"""
    out, (recording,) = _recorded(changed, code)
    assert out == "left\n"
    assert recording.get_metadata()[TapeRecorder.EXCEPTION_IN_OPERATION]
    changed.write("shop_settings", SETTINGS)
    assert changed.manage("playback_compare").returncode == 0


def test_what_asgi_carries_beside_requests_is_passed_on(changed):
    code = """
django.setup()
from django.core.asgi import get_asgi_application
application = get_asgi_application()
try:
    asyncio.run(application({"type": "websocket"}, None, None))
except ValueError as error:
    print(error)
"""
    out, recordings = _recorded(changed, code)
    assert "can only handle ASGI/HTTP connections" in out
    assert recordings == []


def test_another_secret_key_is_said_once(changed):
    _recorded(changed, "ask('/'); ask('/')")
    changed.write("shop_settings", SETTINGS.replace("a secret", "another secret"))
    done = changed.manage("playback_compare")
    assert done.returncode == 0
    assert done.stderr.count("The SECRET_KEY of this project is not the one") == 1
    changed.write("shop_settings", SETTINGS.replace("a secret of the tests", ""))
    done = changed.manage("playback_compare", "--in-process")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_development_server_records_requests_and_no_static_files(changed):
    changed.write(
        "shop_settings",
        SETTINGS.replace('["playback_django"]', '["django.contrib.staticfiles", "playback_django"]')
        + "DEBUG = True\nSTATIC_URL = '/static/'\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\n",
    )
    (changed.path / "assets").mkdir()
    (changed.path / "assets" / "a.txt").write_text("static")
    (changed.path / "playback.db").unlink()
    server = ("manage.py", "runserver", "--noreload", "127.0.0.1:0")
    with serve(server, changed.path, DJANGO_SETTINGS_MODULE="shop_settings") as (port, _):
        client = Client("c", port)
        host = {"Host": "shop.test"}
        for case in (
            Case(0, "/static/a.txt", "", headers=host, expected="static"),
            Case(0, "/", "home", headers=host, expected="home"),
        ):
            case.check(client, client.send(case))
        client.connection.close()
    assert _categories(stored_in(changed.path / "playback.db")) == ["home"]
    done = changed.manage("playback_compare")
    assert done.returncode == 0, done.stdout


def test_a_server_loads_nothing_that_only_replays(changed):
    code = """
ask("/")
loaded = {name.partition(".")[0] for name in sys.modules} & {"click", "rich", "jinja2"}
print(loaded | ({"playback_core.studio", "playback_core.commands"} & set(sys.modules)))
"""
    assert _recorded(changed, code)[0] == "set()\n"


def test_a_place_that_django_does_not_have_costs_the_recording_and_no_answer(changed):
    code = """
from django.core.handlers import base
process = base.BaseHandler.process_exception_by_middleware
del base.BaseHandler.process_exception_by_middleware
django.setup()
base.BaseHandler.process_exception_by_middleware = process
print(ask("/")[2])
"""
    out, recordings = _recorded(changed, code)
    assert out == "b'home'\n"
    assert recordings == []
