"""The app of Django: what it puts in place, and when."""

from tests.django.conftest import RECORD

ANEW = """
import django, os
django.setup()
from django.conf import settings
from django.test import override_settings
with override_settings(INSTALLED_APPS=["django.contrib.contenttypes", *settings.INSTALLED_APPS]):
    exec(os.environ["RECORD"])
exec(os.environ["RECORD"])
"""


def test_a_project_is_recorded_also_where_its_tests_set_the_apps_anew(changed):
    (changed.path / "playback.db").unlink()
    done = changed.run("-c", ANEW, PLAYBACK_ENABLED="1", RECORD=RECORD)
    assert done.returncode == 0, done.stderr
    listed = changed.manage("playback_list", "home", "--json").stdout
    assert listed.count("home/") == 2, listed
