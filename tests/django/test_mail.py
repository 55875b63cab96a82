"""Mail of a project: into files, which a replay does not make, and by the mailers of Django 6.1."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.django.conftest import make_project
from tests.recorded import output_of, stored_in

URLS = """
from django.core.mail import get_connection, send_mail
from django.http import HttpResponse
from django.urls import path

def mailed(request):
    connection = get_connection(fail_silently=True)
    with connection:
        count = send_mail("s", "b", None, ["to@shop.test"], connection=connection)
    count += send_mail("t", "b", None, ["to@shop.test"])
    return HttpResponse(f"{count} {connection.fail_silently}")

urlpatterns = [path("", mailed, name="mailed")]
"""

SETTINGS = """
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "mail"
"""


def test_mail_into_files_replays_where_there_is_no_folder(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("shop_urls", URLS)
    project.write("shop_settings", (tmp_path / "shop_settings.py").read_text() + SETTINGS)
    project.record()
    files = list((tmp_path / "mail").iterdir())
    assert sum(file.read_text().count("Subject: ") for file in files) == 2
    shutil.rmtree(tmp_path / "mail")

    done = project.manage("playback_compare", "mailed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 Equal" in done.stdout
    assert not (tmp_path / "mail").exists()
    project.write("shop_urls", URLS.replace('"t", "b"', '"t", "c"'))
    changed = project.manage("playback_compare", "mailed", "--json")
    assert "output django mail #2 kwargs['body']" in changed.stdout


def test_recording_begins_without_a_warning_of_settings_that_are_to_go(changed) -> None:
    done = changed.run("-W", "error", "-c", "import shop_wsgi", PLAYBACK_ENABLED="1")
    assert done.returncode == 0, done.stderr


MAILERS = """
MAILERS = {
    "default": {"BACKEND": "shop_mail.Backend"},
    "files": {
        "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "OPTIONS": {"file_path": BASE_DIR / "mail"},
    },
}
"""

BACKEND = """
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

class Backend(BaseEmailBackend):
    def send_messages(self, messages):
        (settings.BASE_DIR / "sent").write_text(messages[0].subject)
        return len(messages)
"""

MAILED = """
from django.core.mail import EmailMessage, mailers
from django.http import HttpResponse
from django.urls import path

def mailed(request):
    count = mailers["default"].send_messages([EmailMessage("s", "b", to=["to@shop.test"])])
    count += mailers["files"].send_messages([EmailMessage("t", "b", to=["to@shop.test"])])
    count += EmailMessage("u", "b", to=["to@shop.test"]).send(using="default")
    return HttpResponse(f"{count}")

urlpatterns = [path("", mailed, name="mailed")]
"""


@pytest.mark.skipif(
    find_spec("django.core.mail.handler") is None, reason="this version of Django has no mailers"
)
def test_mail_by_mailers_is_recorded_and_replays_without_them(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("shop_urls", MAILED)
    project.write("shop_mail", BACKEND)
    project.write("shop_settings", (tmp_path / "shop_settings.py").read_text() + MAILERS)
    project.record()
    assert (tmp_path / "sent").read_text() == "u"
    (tmp_path / "sent").unlink()
    shutil.rmtree(tmp_path / "mail")

    done = project.manage("playback_compare", "mailed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 Equal" in done.stdout
    assert not (tmp_path / "mail").exists()
    assert not (tmp_path / "sent").exists()
    project.write("shop_urls", MAILED.replace('"s", "b"', '"s", "c"'))
    changed = project.manage("playback_compare", "mailed", "--json")
    assert "output django mail #1" in changed.stdout
    project.write("shop_urls", MAILED.replace('using="default"', 'using="files"'))
    changed = project.manage("playback_compare", "mailed", "--json")
    assert "output django mail #3 kwargs['using']" in changed.stdout


UNNAMED = """
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.urls import path
from shop_mail import Backend, Sender

def mailed(request):
    count = 0
    for number, connection in enumerate([Backend(), Sender()]):
        message = EmailMessage(f"{number}", "b", to=["to@shop.test"])
        for name in ("_connection", "connection"):
            if hasattr(message, name):
                setattr(message, name, connection)
                break
        count += message.send()
    count += EmailMessage("to nobody", "b").send()
    return HttpResponse(f"{count}")

urlpatterns = [path("", mailed, name="mailed")]
"""

SENDER = """
class Sender:
    def send_messages(self, messages):
        (settings.BASE_DIR / "sent too").write_text(messages[0].subject)
        return len(messages)
"""


def test_mail_by_backends_that_no_setting_names_is_recorded_and_not_sent_by_a_replay(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path)
    project.write("shop_urls", UNNAMED)
    project.write("shop_mail", BACKEND + SENDER)
    project.record()
    assert (tmp_path / "sent").read_text() == "0"
    assert (tmp_path / "sent too").read_text() == "1"
    (tmp_path / "sent").unlink()
    (tmp_path / "sent too").unlink()

    project.write("shop_urls", UNNAMED.replace('f"{number}"', 'f"new {number}"'))
    changed = project.manage("playback_compare", "mailed", "--json")
    for number in (1, 2):
        assert f"output django mail #{number} kwargs['subject']" in changed.stdout
    assert "output django mail #3" not in changed.stdout
    assert not (tmp_path / "sent").exists()
    assert not (tmp_path / "sent too").exists()


WARNED = """
import warnings
from django.core.mail import EmailMessage, mail_managers
from django.http import HttpResponse
from django.urls import path

def mailed(request):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mail_managers("s", "b")
        EmailMessage("s", "b", to=["to@shop.test"]).send(fail_silently=True)
    return HttpResponse(repr(sorted({each.filename.rpartition("/")[2] for each in caught})))

urlpatterns = [path("", mailed, name="mailed")]
"""

MANAGED = """
import django
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MANAGERS = ["a@b.test"] if django.VERSION >= (6,) else [("a", "a@b.test")]
"""


def test_a_warning_of_who_sends_mail_is_of_who_sends_it(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.write("shop_urls", WARNED)
    project.write("shop_settings", (tmp_path / "shop_settings.py").read_text() + MANAGED)
    project.record()
    (recording,) = (
        each for each in stored_in(tmp_path / "playback.db") if each.category == "mailed"
    )
    seen = output_of(recording)["body"].decode()
    assert seen in ("[]", "['shop_urls.py']")
