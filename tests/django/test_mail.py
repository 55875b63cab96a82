"""Mail into files: a replay makes neither the folder nor a file."""

import shutil
from pathlib import Path

from tests.django.conftest import make_project

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
