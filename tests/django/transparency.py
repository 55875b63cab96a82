"""Runs Django's own tests without us and while everything is recorded, and compares what fails.

    python tests/django/transparency.py [--sdist django-5.2.19.tar.gz] [LABEL...]

Without `--sdist` pip downloads that of the installed version. It ends with 1 where a test fails
that does not fail without us, or where nothing was recorded.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import django

LABELS: Final = (
    *("handlers", "middleware", "middleware_exceptions", "requests_tests", "httpwrappers"),
    *("file_uploads", "asgi", "async", "servers", "test_client", "test_client_regress"),
    *("view_tests", "generic_views", "csrf_tests", "sessions_tests", "messages_tests", "signing"),
    *("signed_cookies_tests", "urlpatterns_reverse", "wsgi", "logging_tests", "auth_tests"),
)
# They ask a server's side for the very object that the project gave, and not for what it sends.
KNOWN: Final = frozenset(
    {
        "test_get_wsgi_application (wsgi.tests.WSGITest.test_get_wsgi_application)",
        "test_file_wrapper (wsgi.tests.WSGITest.test_file_wrapper)",
    }
)
ROOT: Final = Path(__file__).parents[2]

# Django's test client goes past the handlers of servers: what it asks for is recorded as a block.
SETTINGS: Final = """
import asyncio
from test_sqlite import *
from django.test import client
from playback_core import recorder

PLAYBACK = {"ENABLED": True, "CASSETTE": "sqlite:///{folder}/suite.db", "SERVICE": "suite"}
_client, _async_client = client.ClientHandler.__call__, client.AsyncClientHandler.__call__

def _recorded(handler, environ):
    with recorder.start_recording("client", {}):
        return _client(handler, environ)

async def _recorded_async(handler, scope):
    with recorder.start_recording("async client", {}):
        return await _async_client(handler, scope)

client.ClientHandler.__call__ = _recorded
client.AsyncClientHandler.__call__ = _recorded_async
"""
PLACES: Final = (
    ("ALWAYS_INSTALLED_APPS = [", '    "playback_django",'),
    ("ALWAYS_MIDDLEWARE = [", '    "playback_django.middleware.PlaybackMiddleware",'),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdist", type=Path)
    parser.add_argument("labels", nargs="*", default=LABELS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tests = _unpacked(given.sdist or _downloaded(folder), folder)
        without = _failed(tests, "test_sqlite", given.labels)
        _add_playback(tests, folder)
        recorded = _failed(tests, "recorded_sqlite", given.labels)
        count = _recordings(folder / "suite.db")
    new = sorted(recorded - without - KNOWN)
    print(f"{len(without)} fail without us, {len(new)} because of us; {count} recordings.")
    print("\n".join(new))
    return 1 if new or not count else 0


def _downloaded(folder: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:")
    subprocess.run([*pip, "-d", name := str(folder), f"django=={django.__version__}"], check=True)
    return next(Path(name).glob("*.tar.gz"))


def _unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/tests/runtests.py")).parent


def _add_playback(tests: Path, folder: Path) -> None:
    (tests / "recorded_sqlite.py").write_text(SETTINGS.replace("{folder}", str(folder)))
    runner = tests / "runtests.py"
    text = runner.read_text()
    for place, line in PLACES:
        assert place in text, place
        text = text.replace(place, f"{place}\n{line}", 1)
    runner.write_text(text)


def _failed(tests: Path, settings: str, labels: list[str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "runtests.py", "--parallel", "1", "--settings", settings, *labels],
        cwd=tests,
        env={"PYTHONPATH": f"{ROOT}:{tests}", "PATH": "/usr/bin:/bin", "HOME": str(tests)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout[-1500:])
    if "\nRan " not in done.stdout:
        raise SystemExit(f"The tests did not run with {settings}.")
    (tests.parent / f"{settings}.log").write_text(done.stdout)
    return set(re.findall(r"^(?:FAIL|ERROR): (.*)$", done.stdout, re.MULTILINE))


def _recordings(database: Path) -> int:
    from playback_core import SQLiteTapeCassette

    with SQLiteTapeCassette(database, create=False) as tape:
        return sum(1 for name in tape.iter_categories() for _ in tape.iter_recording_ids(name))


if __name__ == "__main__":
    sys.exit(main())
