"""A replay runs one attempt as a worker did, on the code there is now."""

import logging
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import VERSION, Task, group
from celery.result import allow_join_result, denied_join_result

from playback_celery import playback_function
from playback_core import TapeRecorder
from playback_core.errors import TapeRecorderException
from tests.celery.conftest import RecordedApp, replayed_result, statuses


def test_an_attempt_has_the_request_it_had(shop: RecordedApp) -> None:
    @shop.task("tell", bind=True)
    def tell(self: Task) -> list[Any]:
        request = self.request
        return [
            *(request.id, request.root_id, request.parent_id, request.retries, request.is_eager),
            *(request.delivery_info, request.headers, request.hostname, request.origin),
            *(request.correlation_id, request.called_directly, request.eta, request.group),
            *(request.args, request.kwargs, request.timelimit, request.ignore_result),
        ]

    with shop.worker():
        told = shop.wait(
            tell.apply_async(headers={"tenant": "acme"}, retries=2, root_id="r", parent_id="p")
        )
    assert told[1:4] == ["r", "p", 2]
    assert told[6] == {"tenant": "acme"}
    assert replayed_result(shop.play("tell")) == told


def test_signals_and_handlers_run_as_in_a_worker(shop: RecordedApp) -> None:
    calls: list[str] = []

    class Watched(Task):  # type: ignore[misc] # Celery has no types
        def before_start(self, *_: Any) -> None:
            calls.append("before")

        def on_success(self, *_: Any) -> None:
            calls.append("success")
            if VERSION >= (5, 7):
                raise RuntimeError("a worker only logs this, since 5.7")

        def after_return(self, *_: Any) -> None:
            calls.append("after")

    @shop.task("watched", base=Watched)
    def watched() -> int:
        return 1

    with shop.worker():
        assert shop.wait(watched.delay()) == 1
    assert calls == ["before", "success", "after"]
    assert replayed_result(shop.play("watched")) == 1
    assert calls == ["before", "success", "after"] * 2


@pytest.mark.parametrize("forbidden", [False, True])
def test_a_task_may_wait_for_others_only_where_its_worker_allowed_it(
    shop: RecordedApp, forbidden: bool
) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    @shop.task("both")
    def both() -> Any:
        try:
            return group(add.s(1, 2), add.s(3, 4)).apply().get()
        except RuntimeError as error:
            return str(error).partition("!")[0]

    with shop.worker(), denied_join_result() if forbidden else allow_join_result():
        told = shop.app.AsyncResult(both.delay().id)
        shop.until_recorded(1, "both")
    with allow_join_result() if forbidden else denied_join_result():
        assert replayed_result(shop.play("both")) == told.result
    assert told.result == ("Never call result.get() within a task" if forbidden else [3, 7])


def test_the_clock_is_that_of_the_recording(shop: RecordedApp) -> None:
    @shop.task("now")
    def now() -> str:
        return datetime.now(UTC).date().isoformat()

    with shop.worker():
        shop.wait(now.delay())
    assert statuses(shop.compare()) == {"Equal"}


def test_what_is_not_recorded_is_refused_though_celery_swallows_it(shop: RecordedApp) -> None:
    reaching: list[bool] = []

    @shop.task("reach")
    def reach() -> str:
        if reaching:
            with suppress(Exception):
                socket.getaddrinfo("shop.example", 80)
        return "done"

    with shop.worker():
        shop.wait(reach.delay())
    reaching.append(True)
    assert shop.play("reach").missed
    assert statuses(shop.compare()) <= {"Failed", "EqualizerFailure"}


def test_a_task_that_is_gone_is_named(shop: RecordedApp) -> None:
    @shop.task("gone")
    def gone() -> None:
        """Do nothing."""

    with shop.worker():
        shop.wait(gone.delay())
    shop.app.tasks.unregister("gone")
    with pytest.raises(TapeRecorderException, match=r"is of task 'gone', which .* has no more"):
        shop.play("gone")


def test_another_signature_is_a_failure_that_says_so(shop: RecordedApp) -> None:
    @shop.task("greet")
    def greet(name: str) -> str:
        return name

    with shop.worker():
        shop.wait(greet.delay("ann"))
    shop.app.tasks.unregister("greet")

    @shop.task("greet")
    def changed(name: str, greeting: str) -> str:
        return f"{greeting} {name}"

    (comparison,) = shop.compare()
    assert comparison.comparator_status.equality_status.name == "Failed"
    assert "missing 1 required positional argument" in str(comparison.comparator_status.diff)


def test_a_recording_of_something_else_is_refused(shop: RecordedApp) -> None:
    @shop.recorder.operation(category="other")
    def other() -> None:
        """Do nothing."""

    other()
    shop.flush()
    (recording_id,) = shop.ids("other")
    with pytest.raises(TapeRecorderException, match="is not one of Celery"):
        shop.recorder.play(recording_id, playback_function(shop.app))


def test_errors_of_replays_are_not_logged_as_errors(
    shop: RecordedApp, caplog: pytest.LogCaptureFixture
) -> None:
    @shop.task("fail")
    def fail() -> None:
        raise KeyError("gone")

    with shop.worker(), pytest.raises(KeyError):
        shop.wait(fail.delay())
    caplog.clear()
    shop.play("fail")
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


def test_a_retry_is_compared_by_its_countdown(shop: RecordedApp) -> None:
    countdown = [30]

    @shop.task("later", bind=True)
    def later(self: Task) -> None:
        self.retry(countdown=countdown[0])

    with shop.worker():
        later.delay()
        shop.until_recorded(1, "later")
    assert statuses(shop.compare()) == {"Equal"}
    countdown[0] = 60
    (comparison,) = shop.compare()
    assert comparison.comparator_status.equality_status.name == "Different"
    assert "countdown" in str(comparison.comparator_status.message)


def test_a_recording_may_be_replayed_by_another_process_of_the_application(
    shop: RecordedApp,
) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    with shop.worker():
        shop.wait(add.delay(1, 2))
    assert TapeRecorder.KIND in shop.recording("add").get_metadata()
    for _ in range(2):
        assert replayed_result(shop.play("add")) == 3
