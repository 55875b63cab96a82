"""What `manage.py check`, and the start of a server, say of the settings."""

import pytest

from tests.django.conftest import SETTINGS

MIDDLEWARE = "playback_django.middleware.PlaybackMiddleware"
OTHER = "django.middleware.common.CommonMiddleware"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('"CASSETTE": "mysql://x"', "CASSETTE in the configuration is 'mysql://x'; it must be"),
        ('"SAMPLING": 2', "SAMPLING in the configuration is 2; it must be a share from 0 to 1"),
        ('"CASETTE": "memory://"', "Unknown setting CASETTE in the configuration; did you mean"),
        ('"INTERCEPTORS": ["oracle"]', "there is no 'oracle'; choose from"),
    ],
)
def test_a_wrong_setting_is_named_with_the_choices_and_stops_a_server(changed, setting, said):
    changed.write("shop_settings", f"{SETTINGS}\nPLAYBACK = {{{setting}}}")
    done = changed.manage("check")
    assert done.returncode == 1
    assert "playback.E001" in done.stderr
    assert said in done.stderr
    started = changed.run("-c", "import shop_wsgi")
    assert started.returncode == 1
    assert said in started.stderr.splitlines()[-1]


def test_the_environment_goes_over_the_settings(shop):
    done = shop.manage("check", PLAYBACK_SAMPLING="lots")
    assert "PLAYBACK_SAMPLING in the environment is 'lots'" in done.stderr
    assert shop.manage("check", PLAYBACK_SAMPLING="0.5").returncode == 0


def test_a_tuner_that_is_none_is_named_and_stops_nothing(changed):
    changed.write("shop_tuning", "class Tuner: pass")
    changed.write("shop_settings", f'{SETTINGS}\nPLAYBACK = {{"TUNER": "shop_tuning:Tuner"}}')
    none = changed.manage("check")
    assert (none.returncode, "playback.W002" in none.stderr) == (0, True)
    assert "'shop_tuning:Tuner' is no tuner: it has no create_category_tuning" in none.stderr
    missing = changed.manage("check", PLAYBACK_TUNER="nowhere:Tuner")
    assert "The tuner 'nowhere:Tuner' cannot be loaded: ModuleNotFoundError" in missing.stderr
    right = changed.manage("check", PLAYBACK_TUNER="playback_core.studio:DefaultTuner")
    assert "no issues" in right.stdout


@pytest.mark.parametrize(
    ("listed", "code", "check"),
    [
        ([], 1, "playback.E002"),
        ([MIDDLEWARE, MIDDLEWARE], 1, "playback.E003"),
        ([OTHER, MIDDLEWARE], 0, "playback.W001"),
    ],
)
def test_the_middleware_has_to_be_there_once_and_first(changed, listed, code, check):
    changed.write("shop_settings", f"{SETTINGS}\nMIDDLEWARE = {listed}")
    done = changed.manage("check")
    assert done.returncode == code
    assert check in done.stderr


def test_nothing_is_said_of_what_is_right(shop):
    done = shop.manage("check")
    assert done.returncode == 0
    assert "no issues" in done.stdout


def test_the_middleware_without_the_app_says_what_is_missing(changed):
    changed.write("shop_settings", SETTINGS.replace('["playback_django"]', "[]"))
    done = changed.run("-c", "import shop_wsgi")
    assert done.returncode == 1
    assert "add 'playback_django' to its INSTALLED_APPS" in done.stderr.splitlines()[-1]


def test_what_only_manages_the_project_opens_no_cassette(changed):
    (changed.path / "playback.db").unlink()
    assert changed.manage("check", PLAYBACK_ENABLED="1").returncode == 0
    assert not (changed.path / "playback.db").exists()


TESTS = """
from django.test import SimpleTestCase
from playback_core import recorder

class Tests(SimpleTestCase):
    def test_home(self):
        self.assertEqual(self.client.get("/", headers={"host": "shop.test"}).content, b"home")
        self.assertFalse(recorder.recording_enabled)
"""


def test_nothing_is_recorded_by_the_tests_of_a_project(changed):
    (changed.path / "playback.db").unlink()
    changed.write("test_shop", TESTS)
    done = changed.manage("test", "test_shop")
    assert done.returncode == 0, done.stderr
    assert not (changed.path / "playback.db").exists()


def test_a_cassette_that_cannot_be_opened_stops_no_server(changed):
    (changed.path / "playback.db").write_bytes(b"\x00\xff" * 5000)
    code = "import shop_wsgi; print('up')"
    done = changed.run("-c", code, PLAYBACK_ENABLED="1")
    assert done.stdout == "up\n"
    assert "Nothing is recorded" in done.stderr


OTHER_APPS = """
from django.test import SimpleTestCase, override_settings

class Tests(SimpleTestCase):
    @override_settings(INSTALLED_APPS=[])
    def test_home(self):
        self.assertEqual(self.client.get("/", headers={"host": "shop.test"}).content, b"home")
"""


def test_a_test_of_a_project_may_have_other_apps(changed):
    changed.write("test_shop", OTHER_APPS)
    done = changed.manage("test", "test_shop")
    assert done.returncode == 0, done.stderr
