"""One run of Django's test suite in this process: `suite_run.py MODE RESULT LABEL...`.

Mode `bare` runs it as it is. With `requests` each request that a test sends is recorded, also of
the test clients, which call a project past the handlers of servers. With `calls` each test is an
operation, so that all that it calls is intercepted. The middleware is added wherever a test sets
its own.
"""

import json
import logging
import runpy
import sys
import unittest
from dataclasses import asdict
from pathlib import Path
from typing import Any

APP = "playback_django"
MIDDLEWARE = "playback_django.middleware.PlaybackMiddleware"

said: list[str] = []


def keep_result(path: Path, mode: str) -> None:
    """Have the runner write what has become of its tests."""
    from django.test.runner import DiscoverRunner

    run_suite = DiscoverRunner.run_suite

    def run(runner: Any, suite: Any, **options: Any) -> Any:
        result = run_suite(runner, suite, **options)
        told: dict[str, Any] = {"ran": result.testsRun, "failed": failures(result)}
        if mode != "bare":
            told |= {"counters": stored(), "said": sorted(set(said))}
        path.write_text(json.dumps(told))
        return result

    DiscoverRunner.run_suite = run


def failures(result: unittest.TestResult) -> dict[str, str]:
    """Return the ids of what failed, with the last line of why."""
    failed = {}
    for test, text in (*result.failures, *result.errors):
        failed[getattr(test, "test_case", test).id()] = text.strip().splitlines()[-1]
    for test in result.unexpectedSuccesses:
        failed[test.id()] = "It was expected to fail."
    return failed


def stored() -> dict[str, int]:
    """Return the recorder's counters, once everything is stored."""
    from playback_core import recorder

    recorder.readable_cassette()
    writer = asdict(recorder.tape_cassette.counters)
    return recorder.counters | {f"writer {name}": n for name, n in writer.items() if n}


def keep_what_is_said() -> None:
    """Keep what we log: which recordings were dropped, and why."""

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage()[:500])

    logging.getLogger("playback").addHandler(Keeping(logging.WARNING))


def add_app() -> None:
    """Add the app to the settings before they are first gone by."""
    from django.apps import apps
    from django.apps.registry import Apps

    populate = Apps.populate

    def populated(registry: Apps, installed: Any = None) -> None:
        if registry is apps and not registry.ready and APP not in installed:
            installed.insert(0, APP)
        populate(registry, installed)

    Apps.populate = populated


def add_middleware() -> None:
    """Add the middleware to the settings, and wherever a handler loads those of a test.

    Recording begins before the runner connects to databases, as where a server makes a handler.
    """
    from django.conf import settings
    from django.core.handlers.base import BaseHandler
    from django.test.runner import DiscoverRunner

    load, run_tests = BaseHandler.load_middleware, DiscoverRunner.run_tests

    def run(runner: Any, *options: Any, **named: Any) -> Any:
        settings.MIDDLEWARE = [MIDDLEWARE, *settings.MIDDLEWARE]
        project().begin()
        return run_tests(runner, *options, **named)

    def loaded(handler: Any, *options: Any, **named: Any) -> None:
        listed = settings.MIDDLEWARE
        if MIDDLEWARE in listed:
            return load(handler, *options, **named)
        settings.MIDDLEWARE = [MIDDLEWARE, *listed]
        try:
            return load(handler, *options, **named)
        finally:
            settings.MIDDLEWARE = listed

    BaseHandler.load_middleware = loaded
    DiscoverRunner.run_tests = run


def record_clients() -> None:
    """Record the requests of the test clients as those of a server."""
    from django.test import client

    client.ClientHandler.__call__ = by_wsgi(client.ClientHandler.__call__)
    client.AsyncClientHandler.__call__ = by_asgi(client.AsyncClientHandler.__call__)


def by_wsgi(call: Any) -> Any:
    def called(handler: Any, environ: dict[str, Any]) -> Any:
        answers = []

        def run(handler: Any, environ: dict[str, Any], start_response: Any) -> Any:
            answers.append(response := call(handler, environ))
            status = f"{response.status_code} {response.reason_phrase}"
            start_response(status, headers_of(response))
            if not response.streaming:
                return [response.content]
            return [] if response.is_async else response._iterator

        body = project().hooks._by_wsgi(run)(handler, environ, lambda *started: None)
        (response,) = answers
        if response.streaming and not response.is_async:
            response._iterator = body
        return response

    return called


def by_asgi(call: Any) -> Any:
    async def called(handler: Any, scope: dict[str, Any]) -> Any:
        answers = []

        async def run(handler: Any, scope: Any, receive: Any, send: Any) -> None:
            answers.append(response := await call(handler, scope))
            headers = [(name.encode(), value.encode()) for name, value in headers_of(response)]
            start = {"type": "http.response.start", "status": response.status_code}
            await send({**start, "headers": headers})
            body = b"" if response.streaming else response.content
            await send({"type": "http.response.body", "body": body})

        await project().hooks._by_asgi(run)(handler, scope, no_message, no_message)
        return answers.pop()

    return called


async def no_message(*sent: Any) -> dict[str, Any]:
    return {"type": "http.disconnect"}


def headers_of(response: Any) -> list[tuple[str, str]]:
    cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
    return [*response.items(), *cookies]


def project() -> Any:
    from playback_django.project_playback import playback_of_project

    return playback_of_project()


def record_tests() -> None:
    """Make each test an operation of its own."""
    from django.test import SimpleTestCase

    from playback_core import recorder

    def call(test: unittest.TestCase, method: Any) -> None:
        recorder.operation(category=test.id())(method)()

    SimpleTestCase._callTestMethod = call


def main(mode: str, result: str, *labels: str) -> None:
    sys.path[0] = str(Path.cwd())
    sys.argv = ["runtests.py", "--parallel=1", "--settings=test_sqlite", *labels]
    keep_result(Path(result), mode)
    if mode != "bare":
        keep_what_is_said()
        add_app()
        add_middleware()
        if mode == "requests":
            record_clients()
        else:
            record_tests()
    runpy.run_path("runtests.py", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
