"""Reading results is an input; what Celery does with them for a task is of no operation."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import group
from celery.exceptions import TimeoutError as WaitedTooLong
from kombu.exceptions import EncodeError

from tests.celery.conftest import RecordedApp, replayed_result, result, statuses
from tests.patience import PATIENCE


@pytest.fixture
def add(shop: RecordedApp) -> Any:
    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    return add


class Request:
    """An operation that asks for results, recorded and replayed."""

    def __init__(self, shop: RecordedApp, ask: Callable[..., Any]) -> None:
        self._shop = shop
        self._operation = shop.recorder.operation(category="ask")(ask)

    def recorded(self, *args: Any) -> Any:
        return self._operation(*args)

    def replayed(self, *args: Any) -> Any:
        (recording_id,) = self._shop.ids("ask")
        playback = self._shop.recorder.play(recording_id, lambda _: self._operation(*args))
        return replayed_result(playback)


def test_the_state_and_the_result_of_a_task_are_inputs(shop: RecordedApp, add: Any) -> None:
    def ask(task_id: str) -> Any:
        answer = shop.app.AsyncResult(task_id)
        return [answer.state, answer.ready(), answer.result, answer.children]

    request = Request(shop, ask)
    with shop.worker():
        answer = add.delay(1, 2)
        shop.wait(answer)
        assert request.recorded(answer.id) == ["SUCCESS", True, 3, []]
    shop.app.backend.forget(answer.id)
    assert request.replayed(answer.id) == ["SUCCESS", True, 3, []]


def test_waiting_for_a_result_is_an_input_that_knows_its_state(shop: RecordedApp, add: Any) -> None:
    def ask(task_id: str) -> Any:
        answer = shop.app.AsyncResult(task_id)
        return [answer.get(timeout=PATIENCE, interval=0.01), answer.state, answer.successful()]

    request = Request(shop, ask)
    with shop.worker():
        answer = add.delay(1, 2)
        assert request.recorded(answer.id) == [3, "SUCCESS", True]
    shop.app.backend.forget(answer.id)
    assert request.replayed(answer.id) == [3, "SUCCESS", True]


def test_waiting_for_a_task_that_failed_raises_what_it_raised(shop: RecordedApp) -> None:
    @shop.task("divide")
    def divide(a: int, b: int) -> int:
        return a // b

    def ask(task_id: str) -> Any:
        answer = shop.app.AsyncResult(task_id)
        try:
            answer.get(timeout=PATIENCE, interval=0.01)
        except ZeroDivisionError as error:
            return [str(error), answer.state]
        return None

    request = Request(shop, ask)
    with shop.worker():
        answer = divide.delay(1, 0)
        assert request.recorded(answer.id) == ["integer division or modulo by zero", "FAILURE"]
    shop.app.backend.forget(answer.id)
    assert request.replayed(answer.id) == ["integer division or modulo by zero", "FAILURE"]


def test_waiting_too_long_raises_as_it_did(shop: RecordedApp) -> None:
    def ask(task_id: str) -> Any:
        answer = shop.app.AsyncResult(task_id)
        with pytest.raises(WaitedTooLong):
            answer.get(timeout=0.01, interval=0.001)
        return answer.state

    request = Request(shop, ask)
    assert request.recorded("nothing-of-this-id") == "PENDING"
    shop.flush()
    assert request.replayed("nothing-of-this-id") == "PENDING"


def test_a_group_is_joined_and_saved(shop: RecordedApp, add: Any) -> None:
    def ask() -> Any:
        answers = group(add.s(1, 2), add.s(3, 4)).delay()
        answers.save()
        again = shop.app.GroupResult.restore(answers.id)
        values = [
            again.get(timeout=PATIENCE, interval=0.01),
            answers.join(timeout=PATIENCE, interval=0.01),
        ]
        answers.delete()
        return values

    request = Request(shop, ask)
    with shop.worker():
        assert request.recorded() == [[3, 7], [3, 7]]
    assert request.replayed() == [[3, 7], [3, 7]]


def test_storing_the_result_of_a_task_is_of_no_operation(shop: RecordedApp) -> None:
    @shop.task("quiet", track_started=True)
    def quiet() -> int:
        return 1

    with shop.worker():
        shop.wait(quiet.delay())
    recording = shop.recording("quiet")
    assert [entry.alias for entry in recording.entries if entry.kind.name != "DATA"] == [
        shop.recorder.OPERATION_OUTPUT_ALIAS
    ]
    assert result(recording) == 1


def test_a_value_that_no_backend_can_store_fails_its_task_in_a_replay_too(
    shop: RecordedApp,
) -> None:
    values: list[Any] = [{1, 2}]

    @shop.task("gather")
    def gather() -> Any:
        return values[0]

    with shop.worker(), pytest.raises(EncodeError):
        shop.wait(gather.delay())
    assert isinstance(result(shop.recording("gather")), EncodeError)
    assert statuses(shop.compare()) == {"Equal"}
    values[0] = [1, 2]
    assert statuses(shop.compare()) == {"Fixed"}
