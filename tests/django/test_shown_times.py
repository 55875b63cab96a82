"""Pages that say what time it is, or how long ago something was."""

from tests.django.conftest import SETTINGS, make_project

MORE = """
INSTALLED_APPS += ["django.contrib.humanize"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
"""

URLS = """
import time
from datetime import UTC, datetime
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import path

def work():
    # No clock that is recorded tells how long it takes.
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass

PAGE = "{% load humanize %}{% now 'U.u' %} {{ then|naturaltime }} {{ then|timesince }}"

def page(request):
    then = datetime(2020, 2, 1, tzinfo=UTC)
    work()
    return HttpResponse(Template(PAGE).render(Context({"then": then})))

urlpatterns = [path("", page, name="page")]
"""

CODE = """
from shop_wsgi import application
from wsgiref.util import setup_testing_defaults
from playback_core import recorder
from playback_django.replay import playback_function

environ, told = {"PATH_INFO": "/", "HTTP_HOST": "shop.test"}, []
setup_testing_defaults(environ)
answer = application(environ, lambda status, headers: told.append(dict(headers)))
print(b"".join(answer).decode())
answer.close()
recorder.tape_cassette.flush()
replayed = recorder.play(told[0]["X-Recording"], playback_function)
print(replayed.playback_outputs[-1].value["args"][0]["body"].decode())
"""


def test_a_replayed_page_says_the_moment_that_the_recorded_one_said(tmp_path):
    project = make_project(tmp_path)
    project.write("shop_settings", SETTINGS + MORE)
    project.write("shop_urls", URLS)
    settings = {"ENABLED": "1", "CASSETTE": "memory://", "RESPONSE_HEADER": "X-Recording"}
    done = project.run("-c", CODE, **{f"PLAYBACK_{name}": each for name, each in settings.items()})
    assert done.returncode == 0, done.stderr
    (recorded, *said), (replayed, *said_again) = (
        line.split(" ") for line in done.stdout.splitlines()
    )
    assert abs(float(recorded) - float(replayed)) < 0.02
    assert said == said_again
