"""The tests on every supported Python, and the core on its own."""

import nox

nox.options.sessions = ["tests", "core"]
nox.options.error_on_missing_interpreters = True

PYTHONS = ["3.11", "3.12", "3.13"]
# All but what is about S3, too.
CORE_TESTS = [
    *("tests/core", "tests/cassettes"),
    *("--ignore=tests/cassettes/s3", "--ignore=tests/cassettes/test_hostile.py"),
]
# What the core's tests need beside it; attrs and pydantic make values to be stored.
CORE_TEST_PACKAGES = ["attrs", "hypothesis", "pydantic", "pytest"]
EXTRAS = ["flask", "django", "celery", "boto3", "click", "rich"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests with every extra that `dev` names."""
    session.install("--editable", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def core(session: nox.Session) -> None:
    """Run the core's tests where no extra is installed."""
    session.install("--editable", ".", *CORE_TEST_PACKAGES)
    found = f"[name for name in {EXTRAS} if importlib.util.find_spec(name)]"
    session.run("python", "-c", f"import importlib.util, sys; sys.exit({found} or 0)")
    session.run("pytest", *CORE_TESTS, *session.posargs)


@nox.session(python=PYTHONS[0])
def thorough(session: nox.Session) -> None:
    """Run the tests over made-up values with many more of them than the gate has time for."""
    session.install("--editable", ".[dev]")
    session.run("pytest", "-m", "hypothesis", "--hypothesis-profile=thorough", *session.posargs)


@nox.session(python=PYTHONS[0])
def django_suite(session: nox.Session) -> None:
    """Run Django's own tests with our hooks in place and without; downloads its sources."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "tests.django.suite", *session.posargs)


@nox.session(python=PYTHONS[0])
@nox.parametrize("release", ["5.4.0", "5.5.*", "5.6.*"])
def celery_releases(session: nox.Session, release: str) -> None:
    """Run the tests of Celery on the oldest release that is supported, and on those since.

    Workers of 5.5 and 5.6 may hang in a warm shutdown after a soft time limit, also without us.
    """
    session.install("--editable", ".[dev]", f"celery[redis]=={release}")
    session.run("pytest", "tests/celery", *session.posargs)


@nox.session(python=PYTHONS)
def django_servers(session: nox.Session) -> None:
    """Run the cases of Django over each server with each database; the gate runs half of it."""
    session.install("--editable", ".[dev]")
    cases = ["tests/django/cases", "tests/django/database"]
    session.run("pytest", *cases, *session.posargs, env={"CASES_EVERY": "1"})
