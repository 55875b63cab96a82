"""Recordings as tests of a project's own suite."""

TESTS = """
from playback_django.test import PlaybackTestCase, with_recordings

@with_recordings("home", "stock", limit=1)
class Replays(PlaybackTestCase):
    cassette = "sqlite:///playback.db"

class Chosen(PlaybackTestCase):
    def test_one(self):
        self.client.get("/", headers={"host": "shop.test"})
        self.assert_replays_equal(ONE)
"""


def _tests(project, code=TESTS):
    listed = project.manage("playback_list", "stock").stdout.split()
    one = next(word for word in listed if word.startswith("stock/"))
    project.write("test_shop", code.replace("ONE", repr(one)))
    return project.manage("test", "test_shop", "-v2")


def test_recordings_are_tests_that_pass_on_the_same_code(changed):
    done = _tests(changed)
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
    for name in ("test_home_", "test_stock_", "test_one"):
        assert name in done.stderr


def test_a_test_fails_with_what_differs(edited):
    done = _tests(edited("VERSION = 1", "VERSION = 2"))
    assert done.returncode == 1
    assert "FAILED (failures=2)" in done.stderr
    assert "Different - response body $.stock" in done.stderr


def test_a_test_fails_where_nothing_is_verified(edited):
    done = _tests(edited('read_stock("tea")', 'read_stock("coffee")'))
    assert done.returncode == 1
    assert "EqualizerFailure" in done.stderr


def test_a_test_case_without_recordings_does_not_pass(changed):
    done = _tests(changed, TESTS.replace('"home"', '"no-such-view"'))
    assert done.returncode == 1
    assert "No recordings of category 'no-such-view'" in done.stderr
    (changed.path / "playback.db").unlink()
    changed.run("-c", "import shop_wsgi", PLAYBACK_ENABLED="1")
    changed.write("test_shop", TESTS.replace('"home", "stock", ', "").replace("ONE", "''"))
    done = changed.manage("test", "test_shop")
    assert done.returncode == 1
    assert "There are no recordings to make tests of for Replays" in done.stderr


def test_the_tests_of_a_project_run_in_parallel(changed):
    listed = changed.manage("playback_list", "stock").stdout.split()
    one = next(word for word in listed if word.startswith("stock/"))
    changed.write("test_shop", TESTS.replace("ONE", repr(one)))
    done = changed.manage("test", "test_shop", "--parallel", "2")
    assert done.returncode == 0, done.stderr
