"""Django's own test suite, with our hooks in place and recording on: whatever fails has to fail
without us as well. `python -m tests.django.suite` runs it, of the newest Django of a series.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
BARE = "bare"
RUN = Path(__file__).with_name("suite_run.py")

REQUESTS = (
    *("asgi", "async", "auth_tests", "conditional_processing", "csrf_tests", "file_uploads"),
    *("generic_views", "handlers", "httpwrappers", "i18n", "messages_tests", "middleware"),
    *("middleware_exceptions", "requests_tests", "responses", "servers", "sessions_tests"),
    *("signed_cookies_tests", "test_client", "test_client_regress", "urlpatterns_reverse"),
    *("view_tests", "wsgi"),
)
"""Tests that send requests: each request is recorded."""

CALLS = (
    *("backends", "cache", "file_storage", "files", "mail", "sessions_tests", "signing"),
    *("timezones", "transaction_hooks", "transactions"),
    *("aggregation", "async_queryset", "basic", "bulk_create", "delete", "expressions"),
    *("get_or_create", "introspection", "lookup", "model_fields", "multiple_database"),
    *("prefetch_related", "queries", "raw_query", "select_for_update", "update"),
)
"""Tests of what requests call: each test is recorded as if it was one."""

_CREATION = "backends.base.test_creation.TestDbCreationTests.test_migrate_test_setting_"
_MIGRATED = (f"{_CREATION}{end}" for end in ("true", "false", "false_ensure_schema"))
KNOWN = {
    "backends.base.test_base.DatabaseWrapperTests.test_release_memory_without_garbage_collection": (
        "it wants no garbage: what was recorded of the test before is some, once it is stored"
    ),
    **dict.fromkeys(_MIGRATED, "it wants the apps without migrations: ours is one more"),
    "i18n.tests.WatchForTranslationChangesTests.test_i18n_app_dirs_ignore_django_apps": (
        "it says that all apps are Django's own: one is not"
    ),
    "wsgi.tests.WSGITest.test_file_wrapper": (
        "it wants the server's file wrapper itself: a server that gets it sends the file past us"
    ),
}
"""Tests that fail with us for a reason that is no fault, and are expected to."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of the suite has told; `failed` maps the id of a test to why it failed."""

    ran: int
    failed: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def downloaded(requirement: str, folder: Path) -> Path:
    """Download the source distribution of Django; return the folder that it is unpacked to."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(folder), requirement], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def run_suite(source: Path, mode: str, labels: Iterable[str], folder: Path) -> Run:
    """Run tests in a process of their own; `mode` is one of suite_run.py."""
    told = folder / f"{mode}.json"
    output = folder / f"{mode}.txt"
    told.unlink(missing_ok=True)
    paths = os.pathsep.join(map(str, (source, ROOT)))
    environment = {name: os.environ[name] for name in os.environ if "PLAYBACK" not in name}
    environment |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    if mode != BARE:
        cassette = f"sqlite:///{folder / mode}.db"
        environment |= {"PLAYBACK_ENABLED": "1", "PLAYBACK_CASSETTE": cassette}
    with output.open("w") as stream:
        subprocess.run(
            [sys.executable, str(RUN), mode, str(told), *labels],
            cwd=source / "tests",
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    if not told.exists():
        sys.exit(f"The suite did not run to its end:\n{output.read_text()[-4000:]}")
    return Run(**json.loads(told.read_text()))


def compare(name: str, bare: Run, ours: Run) -> bool:
    """Print how two runs differ; tell whether they do, or recordings are missing."""
    new = ours.failed.keys() - bare.failed.keys()
    print(f"{name}: {ours.ran} tests ({bare.ran} without us), {len(bare.failed)} fail without us;")
    print(f"  recorded: {ours.counters}")
    for message in ours.said:
        print(f"  logged: {message}")
    for test in sorted(bare.failed.keys() - ours.failed.keys()):
        print(f"  fails only without us: {test}")
    for test in sorted(new):
        if test in KNOWN:
            print(f"  fails as expected: {test}: {KNOWN[test]}")
        else:
            print(f"  FAILS ONLY WITH US: {test}\n    {ours.failed[test]}")
    is_recorded = "recorded" in ours.counters and "writer failed" not in ours.counters
    return bool(new - KNOWN.keys()) or ours.ran != bare.ran or not is_recorded


def main() -> None:
    """Run the chosen labels with us and without; exit with 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--django", default="django==5.2.*", help="the requirement to download")
    parser.add_argument("--source", type=Path, help="an unpacked source distribution instead")
    parser.add_argument("--keep", type=Path, help="where to leave cassettes and outputs")
    parser.add_argument("--requests", nargs="*", default=REQUESTS, metavar="LABEL")
    parser.add_argument("--calls", nargs="*", default=CALLS, metavar="LABEL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        source = options.source or downloaded(options.django, Path(temporary))
        folder = options.keep or Path(temporary)
        chosen = {"requests": options.requests, "calls": options.calls}
        differs = False
        for mode, labels in chosen.items():
            if labels:
                bare = run_suite(source.resolve(), BARE, labels, folder.resolve())
                ours = run_suite(source.resolve(), mode, labels, folder.resolve())
                differs = compare(mode, bare, ours) or differs
    sys.exit(int(differs))


if __name__ == "__main__":
    main()
