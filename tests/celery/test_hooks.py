"""Each run of a task is one operation, whatever becomes of it."""

import threading
from typing import Any

import pytest
from celery import Task
from celery.app.trace import trace_task
from celery.exceptions import Ignore, Reject
from celery.worker.state import revoked

from playback_core import TapeRecorder
from tests.celery.conftest import MakeApp, RecordedApp, result, sent, statuses
from tests.probe import ProbeByHand


def _metadata(shop: RecordedApp, category: str) -> dict[str, Any]:
    return shop.recording(category).get_metadata()


def test_a_task_that_succeeds_is_one_operation(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    with shop.worker():
        answer = add.delay(1, b=2)
        assert shop.wait(answer) == 3

    recording = shop.recording("add")
    request = recording.get_data(TapeRecorder.OPERATION_REQUEST)
    assert (request["task"], request["id"]) == ("add", answer.id)
    assert (request["args"], request["kwargs"]) == ([1], {"b": 2})
    assert request["request"]["delivery_info"]["routing_key"] == shop.app.conf.task_default_queue
    assert result(recording) == 3
    metadata = recording.get_metadata()
    assert (metadata["state"], metadata["task_id"], metadata["retries"]) == (
        "SUCCESS",
        answer.id,
        0,
    )
    assert metadata[TapeRecorder.KIND] == "celery"
    assert statuses(shop.compare()) == {"Equal"}


def test_arguments_are_recorded_as_they_came(shop: RecordedApp) -> None:
    @shop.task("empty")
    def empty(items: list[int]) -> int:
        taken = 0
        while items:
            taken += items.pop()
        return taken

    with shop.worker():
        assert shop.wait(empty.delay([1, 2, 3])) == 6

    assert shop.recording("empty").get_data(TapeRecorder.OPERATION_REQUEST)["args"] == [[1, 2, 3]]
    assert statuses(shop.compare()) == {"Equal"}


def test_a_task_that_fails_has_its_exception(shop: RecordedApp) -> None:
    @shop.task("fail")
    def fail() -> None:
        raise KeyError("gone")

    with shop.worker(), pytest.raises(KeyError):
        shop.wait(fail.delay())

    error = result(shop.recording("fail"))
    assert isinstance(error, KeyError)
    assert error.args == ("gone",)
    metadata = _metadata(shop, "fail")
    assert metadata["state"] == "FAILURE"
    assert metadata[TapeRecorder.EXCEPTION_IN_OPERATION]
    assert not metadata[TapeRecorder.INCOMPLETE_RECORDING]
    assert statuses(shop.compare()) == {"Equal"}


def test_each_attempt_is_an_operation_and_its_retry_an_output(shop: RecordedApp) -> None:
    @shop.task("flaky", bind=True, max_retries=2)
    def flaky(self: Task) -> str:
        if self.request.retries < 1:
            raise self.retry(countdown=0, exc=ValueError("later"))
        return "done"

    with shop.worker():
        answer = flaky.delay()
        assert shop.wait(answer) == "done"

    first, second = sorted(
        shop.recordings("flaky"), key=lambda each: each.get_metadata()["retries"]
    )
    (retry,) = sent(first)
    assert (retry["task"], retry["task_id"], retry["retries"]) == ("flaky", answer.id, 1)
    assert result(first)["state"] == "RETRY"
    assert str(result(first)["exception"]) == "later"
    assert second.get_metadata()["task_id"] == answer.id
    assert second.get_metadata()[TapeRecorder.PARENT_ID] == first.id
    assert sent(second) == []
    assert statuses(shop.compare()) == {"Equal"}


def test_the_last_attempt_fails(shop: RecordedApp) -> None:
    @shop.task("flaky", bind=True, max_retries=1)
    def flaky(self: Task) -> None:
        self.retry(countdown=0)

    with shop.worker(), pytest.raises(flaky.MaxRetriesExceededError):
        shop.wait(flaky.delay())

    states = sorted(each.get_metadata()["state"] for each in shop.recordings("flaky"))
    assert states == ["FAILURE", "RETRY"]
    assert statuses(shop.compare()) == {"Equal"}


def test_jitter_of_an_automatic_retry_replays(shop: RecordedApp) -> None:
    @shop.task(
        "auto",
        bind=True,
        autoretry_for=(ValueError,),
        retry_backoff=True,
        retry_jitter=True,
        max_retries=8,
    )
    def auto(self: Task) -> None:
        raise ValueError("again")

    with shop.worker():
        # As if it had been tried before, so that there is something to draw.
        auto.apply_async(retries=7)
        shop.until_recorded(1, "auto")

    # The next attempt may have come already.
    (retry,) = [retry for each in shop.recordings("auto") for retry in sent(each)]
    assert retry["sent_by"] == "celery"
    assert 0 <= retry["countdown"] <= 128
    assert statuses(shop.compare()) == {"Equal"}


def test_a_task_that_is_ignored_or_rejected_has_that_state(shop: RecordedApp) -> None:
    @shop.task("ignore")
    def ignore() -> None:
        raise Ignore("not today")

    @shop.task("reject", acks_late=True)
    def reject() -> None:
        raise Reject("no", requeue=False)

    with shop.worker():
        ignore.delay()
        reject.delay()
        shop.until_recorded(2)

    assert result(shop.recording("ignore")) == {"state": "IGNORED", "reason": "not today"}
    assert result(shop.recording("reject")) == {
        "state": "REJECTED",
        "reason": "no",
        "requeue": False,
    }
    assert statuses(shop.compare()) == {"Equal"}


def test_a_direct_call_of_a_task_is_part_of_the_one_around_it(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    @shop.task("twice")
    def twice(number: int) -> int:
        return add(number, number)

    with shop.worker():
        assert shop.wait(twice.delay(2)) == 4

    assert shop.ids() == shop.ids("twice")
    assert statuses(shop.compare()) == {"Equal"}


def test_an_applied_task_is_a_span_and_its_parent_comes_back(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        shop.recorder.record_data("within", a)
        return a + b

    @shop.task("outer")
    def outer() -> int:
        total = add.apply((1, 2)).get(disable_sync_subtasks=False)
        shop.recorder.record_data("after", total)
        return total

    with shop.worker():
        assert shop.wait(outer.delay()) == 3

    assert shop.ids() == shop.ids("outer")
    recording = shop.recording("outer")
    assert recording.get_data("within") == 1
    assert recording.get_data("after") == 3
    assert statuses(shop.compare()) == {"Equal"}


def test_an_eager_task_outside_of_an_operation_is_none(make_app: MakeApp) -> None:
    shop = make_app(conf={"task_always_eager": True})

    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    assert add.delay(1, 2).get() == 3
    shop.flush()
    assert shop.ids() == []


def test_an_eager_task_nests_in_the_operation_that_sends_it(make_app: MakeApp) -> None:
    shop = make_app(conf={"task_always_eager": True})

    @shop.task("add")
    def add(a: int, b: int) -> int:
        shop.recorder.record_data("within", a)
        return a + b

    @shop.recorder.operation()
    def request() -> int:
        total: int = add.delay(1, 2).get()
        return total

    assert request() == 3
    shop.flush()
    (recording,) = shop.recordings()
    assert recording.get_data("within") == 1
    assert [entry.alias for entry in recording.entries if entry.kind.name == "SPAN"] == ["add"]


def test_a_value_is_recorded_though_its_result_is_ignored(shop: RecordedApp) -> None:
    @shop.task("quiet", ignore_result=True)
    def quiet() -> dict[Any, int]:
        return {1: 1}

    with shop.worker():
        quiet.delay()
        shop.until_recorded(1, "quiet")

    assert result(shop.recording("quiet")) == {1: 1}
    assert statuses(shop.compare()) == {"Equal"}


def test_a_value_is_compared_as_it_is_stored(shop: RecordedApp) -> None:
    given: list[Any] = [{1: (1, 2)}, {"1": [1, 2]}]

    @shop.task("table")
    def table() -> Any:
        return given[0]

    with shop.worker():
        shop.wait(table.delay())

    assert result(shop.recording("table")) == {"1": [1, 2]}
    given[0] = given[1]
    assert statuses(shop.compare()) == {"Equal"}


def test_a_custom_call_that_swallows_is_recorded_as_it_ends(shop: RecordedApp) -> None:
    class Patient(Task):  # type: ignore[misc] # Celery has no types
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().__call__(*args, **kwargs)
            except ValueError:
                return self.request.id

    @shop.task("fail", base=Patient)
    def fail() -> None:
        raise ValueError("swallowed")

    with shop.worker():
        answer = fail.delay()
        assert shop.wait(answer) == answer.id

    assert _metadata(shop, "fail")["state"] == "SUCCESS"
    assert statuses(shop.compare()) == {"Equal"}


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_no_operation_leaks_into_the_next_task(shop: RecordedApp, pool: str) -> None:
    threads = set()

    @shop.task("note")
    def note(number: int) -> str | None:
        threads.add(threading.get_ident())
        shop.recorder.record_data("number", number)
        return shop.recorder.current_recording_id

    with shop.worker(pool, concurrency=2):
        ids = [shop.wait(note.delay(number)) for number in range(8)]
    assert len(set(ids)) == 8
    assert sorted(each.get_data("number") for each in shop.recordings("note")) == [*range(8)]
    assert statuses(shop.compare()) == {"Equal"}


def test_a_revoked_task_is_no_operation(shop: RecordedApp) -> None:
    @shop.task("note")
    def note() -> None:
        """Do nothing."""

    @shop.task("last")
    def last() -> None:
        """Do nothing."""

    revoked.add("revoked-note")
    with shop.worker():
        note.apply_async(task_id="revoked-note")
        shop.wait(last.delay())
    revoked.discard("revoked-note")
    assert shop.ids() == shop.ids("last")


def test_a_delivery_of_a_task_once_more_is_an_operation_of_its_own(shop: RecordedApp) -> None:
    @shop.task("add", acks_late=True)
    def add(a: int, b: int) -> int:
        return a + b

    with shop.worker():
        shop.wait(add.apply_async((1, 2), task_id="same"))
        shop.app.backend.delete(shop.app.backend.get_key_for_task("same"))
        shop.wait(add.apply_async((1, 2), task_id="same"))
        shop.until_recorded(2, "add")

    assert [each.get_metadata()["task_id"] for each in shop.recordings("add")] == ["same", "same"]


def test_the_header_that_links_recordings_is_not_seen_by_tasks(shop: RecordedApp) -> None:
    @shop.task("inner", bind=True)
    def inner(self: Task) -> Any:
        return self.request.headers

    @shop.task("outer")
    def outer() -> str:
        return str(inner.delay().id)

    with shop.worker():
        inner_id = shop.wait(outer.delay())
        assert shop.wait(inner_id) is None

    assert _metadata(shop, "inner")[TapeRecorder.PARENT_ID] == shop.recording("outer").id
    assert _metadata(shop, "inner")["task_id"] == inner_id


def test_the_operation_that_sends_a_task_is_its_parent(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    @shop.recorder.operation()
    def request() -> str:
        return str(add.delay(1, 2).id)

    with shop.worker():
        task_id = request()
        assert shop.wait(task_id) == 3

    metadata = _metadata(shop, "add")
    assert metadata["task_id"] == task_id
    parent = shop.cassette.get_recording(metadata[TapeRecorder.PARENT_ID])
    assert [each["task"] for each in sent(parent)] == ["add"]


def test_an_application_that_is_uninstalled_records_nothing(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    with shop.worker():
        shop.wait(add.delay(1, 2))
        shop.playback.uninstall(shop.app)
        shop.wait(add.delay(1, 2))

    assert len(shop.ids()) == 1


def test_a_fault_of_ours_costs_the_recording_and_not_the_task(
    shop: RecordedApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    def broken(*args: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("playback_celery.hooks.recorded_task", broken)
    with shop.worker():
        assert shop.wait(add.delay(1, 2)) == 3
    assert shop.ids() == []
    assert shop.recorder.counters == {"failed": 1}
    assert "Beginning task 'add'" in caplog.text


def test_a_message_that_is_none_of_a_task_fails_as_it_does_without_us(shop: RecordedApp) -> None:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    shop.app.finalize()
    with pytest.warns(RuntimeWarning, match="not a mapping"):
        trace_task(add, "broken", [1, 2], "no mapping", {"id": "broken"}, app=shop.app)
    shop.flush()
    assert shop.recording("add").get_metadata()["state"] == "FAILURE"
    assert isinstance(result(shop.recording("add")), Exception)


def test_a_task_that_is_shed_runs_and_is_counted(make_app: MakeApp, probe: ProbeByHand) -> None:
    shop = make_app(WHEN_BUSY="shed")
    count = shop.recorder.operation(category="count")(lambda: 3)

    @shop.task("add")
    def add(a: int, b: int) -> int:
        probe.press()
        return count() * (a + b)

    @shop.task("fail")
    def fail() -> None:
        raise KeyError(shop.recorder.current_recording_id)

    with shop.worker():
        for _ in range(2):
            assert shop.wait(add.delay(1, 2)) == 9
        with pytest.raises(KeyError, match="None"):
            shop.wait(fail.delay())

    assert shop.recorder.counters == {"recorded": 1, "shed": 2}
    assert result(shop.recording("add")) == 9
    assert statuses(shop.compare()) == {"Equal"}
