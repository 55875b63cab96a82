"""The app of Django: what it puts in place, and when."""

import pytest

from tests.django.conftest import RECORD

ANEW = """
import django, os
django.setup()
from django.test import override_settings
with override_settings(INSTALLED_APPS=ANEW_):
    exec(os.environ["RECORD"])
exec(os.environ["RECORD"])
"""


@pytest.mark.parametrize("apps", ["['django.contrib.contenttypes', 'playback_django']", "[]"])
def test_a_project_is_recorded_also_where_its_tests_set_the_apps_anew(changed, apps):
    (changed.path / "playback.db").unlink()
    code = ANEW.replace("ANEW_", apps)
    done = changed.run("-c", code, PLAYBACK_ENABLED="1", RECORD=RECORD)
    assert done.returncode == 0, done.stderr
    listed = changed.manage("playback_list", "home", "--json").stdout
    assert listed.count("home/") == 2, listed
