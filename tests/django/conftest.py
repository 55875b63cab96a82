"""A Django project in a folder of its own, with recordings of four of its requests."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from tests.servers import environment

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "a secret of the tests"
ALLOWED_HOSTS = ["shop.test"]
ROOT_URLCONF = "shop_urls"
INSTALLED_APPS = ["playback_django"]
MIDDLEWARE = ["playback_django.middleware.PlaybackMiddleware"]
DATABASES = {}
PLAYBACK = {"SERVICE": "shop"}
"""

URLS = """
from django.http import HttpResponse, JsonResponse
from django.urls import path
from playback_core import recorder

VERSION = 1

@recorder.intercept_input("stock")
def read_stock(name):
    return {"tea": 3}[name]

def home(request):
    return HttpResponse("home")

def stock(request):
    return JsonResponse({"stock": read_stock("tea") * VERSION})

urlpatterns = [path("", home, name="home"), path("stock/", stock, name="stock")]
"""

WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

RECORD = """
from wsgiref.util import setup_testing_defaults
from shop_wsgi import application
for path in ("/", "/stock/", "/stock/", "/none/"):
    environ = {"PATH_INFO": path, "HTTP_HOST": "shop.test"}
    setup_testing_defaults(environ)
    answer = application(environ, lambda *beginning: None)
    b"".join(answer)
    answer.close()
"""


@dataclass
class Project:
    """A folder with a project, and ways to run Python and `manage.py` in it."""

    path: Path

    def write(self, name: str, text: str) -> None:
        (self.path / f"{name}.py").write_text(text)

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.path,
            env=environment(self.path, DJANGO_SETTINGS_MODULE="shop_settings", **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, given: str | None = None, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments, **more) as process:
            out, err = process.communicate(given, timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def manage(
        self, *arguments: str, given: str | None = None, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of `manage.py`."""
        return self.run("manage.py", *arguments, given=given, **more)

    def record(self) -> None:
        done = self.run("-c", RECORD, PLAYBACK_ENABLED="1")
        assert done.returncode == 0, done.stderr


def make_project(path: Path) -> Project:
    project = Project(path)
    project.write("shop_settings", SETTINGS)
    project.write("shop_urls", URLS)
    project.write("shop_wsgi", WSGI)
    project.write("manage", MANAGE)
    return project


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with recordings, to be left as it is."""
    project = make_project(tmp_path_factory.mktemp("shop"))
    project.record()
    return project


@pytest.fixture
def changed(shop: Project, tmp_path: Path) -> Project:
    """The same recordings and project, to be changed."""
    (tmp_path / "playback.db").write_bytes((shop.path / "playback.db").read_bytes())
    return make_project(tmp_path)


@pytest.fixture
def edited(changed: Project) -> Callable[[str, str], Project]:
    """Return a function that changes what the project's code says."""

    def edit(before: str, after: str) -> Project:
        assert before in URLS
        changed.write("shop_urls", URLS.replace(before, after))
        return changed

    return edit
