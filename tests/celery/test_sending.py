"""What a task sends is an output, whoever sends it; a replay sends nothing."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Task, chain, chord, group
from kombu import Exchange, Producer, Queue
from kombu.exceptions import EncodeError

from playback_core import TapeRecorder
from tests.celery.conftest import MakeApp, RecordedApp, replayed_result, result, sent, statuses


@pytest.fixture
def add(shop: RecordedApp) -> Any:
    @shop.task("add")
    def add(*numbers: int) -> int:
        return sum(numbers)

    return add


def test_each_way_to_send_a_task_is_the_same_output(shop: RecordedApp, add: Any) -> None:
    @shop.task("ways")
    def ways() -> None:
        add.delay(1, 2)
        add.apply_async((1, 2))
        add.s(1, 2).delay()
        shop.app.send_task("add", (1, 2))

    with shop.worker():
        shop.wait(ways.delay())
        shop.until_recorded(4, "add")

    messages = sent(shop.recording("ways"))
    assert [each["args"] for each in messages] == [[1, 2]] * 4
    assert {each["task"] for each in messages} == {"add"}
    assert len(shop.ids("add")) == 4
    assert statuses(shop.compare()) == {"Equal"}


def test_what_a_message_says_of_its_delivery_is_recorded(shop: RecordedApp, add: Any) -> None:
    queue = Queue("express", Exchange("orders"), routing_key="fast")

    @shop.task("options")
    def options() -> None:
        add.apply_async((1,), countdown=30, priority=3, queue=queue, expires=60, shadow="sum")

    with shop.worker():
        shop.wait(options.delay())

    (message,) = sent(shop.recording("options"))
    assert (
        message.items()
        >= {
            "countdown": 30,
            "priority": 3,
            "queue": "express",
            "expires": 60,
            "shadow": "sum",
        }.items()
    )
    assert statuses(shop.compare("options")) == {"Equal"}


def test_moments_that_a_task_reckons_from_now_make_no_difference(
    shop: RecordedApp, add: Any
) -> None:
    seconds = [20]

    @shop.task("later")
    def later() -> None:
        now = datetime.now(UTC)
        soon = now + timedelta(seconds=seconds[0])
        add.apply_async((1,), eta=soon, expires=now + timedelta(hours=1))

    with shop.worker():
        shop.wait(later.delay())
    assert statuses(shop.compare("later")) == {"Equal"}
    seconds[0] = 21
    assert statuses(shop.compare("later")) == {"Different"}


def test_the_id_of_a_message_is_the_recorded_one(shop: RecordedApp, add: Any) -> None:
    @shop.task("ask", bind=True)
    def ask(self: Task) -> list[Any]:
        answer = add.delay(1)
        return [answer.id, type(answer).__name__, [each.id for each in self.request.children]]

    with shop.worker():
        recorded = shop.wait(ask.delay())

    assert recorded[2] == [recorded[0]]
    assert replayed_result(shop.play("ask")) == recorded


def test_ids_that_celery_makes_up_make_no_difference(shop: RecordedApp, add: Any) -> None:
    more: list[bool] = []

    @shop.task("line")
    def line() -> None:
        if more:
            random.getrandbits(128)
            shop.app.send_task("add", (0,))
        chain(add.s(1), add.s(2)).delay()

    with shop.worker():
        shop.wait(line.delay())
    first, *_ = sent(shop.recording("line"))
    assert first["task_id"] == "id 1"
    assert [each["options"]["task_id"] for each in first["chain"]] == ["id 2"]

    more.append(True)
    (comparison,) = shop.compare("line")
    assert comparison.comparator_status.equality_status.name == "Different"
    assert "add #" in str(comparison.comparator_status.message)
    diff: Any = comparison.comparator_status.diff
    assert [each.kind.name for each in diff.found] == ["EXTRA"]


@pytest.mark.parametrize("known", [(None, 7), (7, None)])
def test_the_number_that_kombu_draws_once_in_a_process_is_of_no_operation(
    shop: RecordedApp, add: Any, monkeypatch: pytest.MonkeyPatch, known: tuple[int | None, ...]
) -> None:
    known_in_each_run = iter(known)

    @shop.task("draw")
    def draw() -> Any:
        monkeypatch.setattr("kombu.common._node_id", next(known_in_each_run))
        shop.app._local.__dict__.pop("oid", None)
        return [each.id for each in group(add.s(1), add.s(2)).delay()] + [random.getrandbits(99)]

    with shop.worker():
        drawn = shop.wait(draw.delay())
    assert replayed_result(shop.play("draw")) == drawn


def test_an_id_that_the_application_chooses_is_compared(shop: RecordedApp, add: Any) -> None:
    chosen = ["5f2b9a8c-0d0e-4f6a-9b7e-000000000001"]

    @shop.task("choose")
    def choose() -> None:
        add.apply_async((1,), task_id=chosen[0])

    with shop.worker():
        shop.wait(choose.delay())
    assert sent(shop.recording("choose"))[0]["task_id"] == chosen[0]

    chosen[0] = "5f2b9a8c-0d0e-4f6a-9b7e-000000000002"
    assert statuses(shop.compare("choose")) == {"Different"}


def test_what_follows_in_a_chain_and_callbacks_are_sent_by_celery(
    shop: RecordedApp, add: Any
) -> None:
    @shop.task("fail")
    def fail() -> None:
        raise ValueError("no")

    @shop.task("tell")
    def tell(what: Any = None) -> None:
        """Do nothing."""

    with shop.worker():
        last = chain(add.s(1), add.s(2)).apply_async()
        assert shop.wait(last) == 3
        shop.wait(add.apply_async((5,), link=tell.s()))
        with pytest.raises(ValueError, match="no"):
            shop.wait(fail.apply_async(link_error=tell.si()))

    messages = [each for one in shop.recordings() for each in sent(one)]
    assert sorted(each["task"] for each in messages) == ["add", "tell", "tell"]
    assert {each["sent_by"] for each in messages} == {"celery"}
    assert statuses(shop.compare()) == {"Equal"}


def test_what_a_task_sends_is_not_sent_by_celery(shop: RecordedApp, add: Any) -> None:
    @shop.task("send")
    def send() -> None:
        add.delay(1)

    with shop.worker():
        shop.wait(send.delay())
    assert "sent_by" not in sent(shop.recording("send"))[0]


def test_a_chord_is_compared_whoever_of_its_members_ends_last(shop: RecordedApp, add: Any) -> None:
    @shop.task("total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @shop.task("order")
    def order() -> str:
        return str(chord([add.s(1), add.s(2)], total.s()).delay().id)

    with shop.worker():
        assert shop.wait(shop.wait(order.delay())) == 3

    assert [each["task"] for each in sent(shop.recording("order"))] == ["add", "add"]
    parts = [
        recording.get_data("output: celery chord part #1.result")["value"]
        for recording in shop.recordings("add")
    ]
    assert sorted(map(len, parts)) == [0, 1]
    metadata = shop.recording("total").get_metadata()
    assert metadata[TapeRecorder.PARENT_ID] in shop.ids("add")
    assert statuses(shop.compare()) == {"Equal"}


def test_a_group_and_a_replacement_are_sent(shop: RecordedApp, add: Any) -> None:
    @shop.task("several")
    def several() -> None:
        group(add.s(1), add.s(2)).delay()

    @shop.task("replace", bind=True)
    def replace(self: Task) -> None:
        self.replace(add.s(7))

    with shop.worker():
        shop.wait(several.delay())
        assert shop.wait(replace.delay()) == 7

    assert [each["args"] for each in sent(shop.recording("several"))] == [[1], [2]]
    replaced = shop.recording("replace")
    assert [each["args"] for each in sent(replaced)] == [[7]]
    assert result(replaced)["state"] == "IGNORED"
    assert statuses(shop.compare()) == {"Equal"}


def test_a_message_that_changed_code_sends_is_a_difference_and_no_failure(
    shop: RecordedApp, add: Any
) -> None:
    numbers = [1]

    @shop.task("send")
    def send() -> list[str]:
        return [add.delay(number).id for number in numbers]

    with shop.worker():
        shop.wait(send.delay())
        shop.until_recorded(1, "add")
    numbers.append(2)
    playback = shop.play("send")
    assert not playback.missed
    assert len(set(replayed_result(playback))) == 2
    assert len(shop.ids("add")) == 1
    assert statuses(shop.compare("send")) == {"Different"}


def test_a_message_that_is_not_sent_any_more_is_a_difference(shop: RecordedApp, add: Any) -> None:
    sending = [True]

    @shop.task("send")
    def send() -> None:
        if sending:
            add.apply_async((1,), countdown=5)

    with shop.worker():
        shop.wait(send.delay())
    sending.clear()
    (comparison,) = shop.compare("send")
    assert comparison.comparator_status.equality_status.name == "Different"
    assert "celery send add #1" in str(comparison.comparator_status.message)


def test_arguments_are_compared_as_the_worker_gets_them(shop: RecordedApp, add: Any) -> None:
    given: list[Any] = [((1, 2), {1: 1})]

    @shop.task("send")
    def send() -> None:
        shop.app.send_task("elsewhere", given[0])

    with shop.worker():
        shop.wait(send.delay())
    assert sent(shop.recording("send"))[0]["args"] == [[1, 2], {"1": 1}]
    given[0] = ([1, 2], {"1": 1})
    assert statuses(shop.compare("send")) == {"Equal"}
    given[0] = ([1, 2], {"1": 2})
    assert statuses(shop.compare("send")) == {"Different"}


def test_secrets_in_arguments_are_concealed_by_name_and_position(shop: RecordedApp) -> None:
    @shop.task("login")
    def login(user: str, password: str) -> str:
        return user

    @shop.task("start")
    def start(password: str) -> None:
        login.delay("ann", password)
        chain(login.s("ann"), login.s(password=password)).on_error(login.si("bob", password))
        login.apply_async(("ann",), {"password": password}, link=login.si("eve", password))

    with shop.worker():
        shop.wait(start.delay("hunter2hunter2"))

    for recording in shop.recordings():
        assert b"hunter2" not in b"".join(
            (each.arguments or b"") + (each.result or b"") for each in recording.entries
        )
    assert statuses(shop.compare()) == {"Equal"}


def test_large_arguments_of_a_message_are_compared_by_digest(make_app: MakeApp) -> None:
    shop = make_app(BODY_LIMIT=1000)
    text = ["x" * 5000]

    @shop.task("send")
    def send() -> None:
        shop.app.send_task("elsewhere", (text[0],))

    with shop.worker():
        shop.wait(send.delay())
    (message,) = sent(shop.recording("send"))
    assert message["args"]["cut"]
    assert message["size"] > 5000
    assert statuses(shop.compare("send")) == {"Equal"}
    text[0] = "x" * 4999 + "y"
    assert statuses(shop.compare("send")) == {"Different"}


def test_a_message_that_cannot_be_sent_raises_as_it_did(shop: RecordedApp, add: Any) -> None:
    @shop.task("send")
    def send() -> str:
        try:
            add.delay(object())
        except EncodeError as error:
            return type(error).__name__
        return "sent"

    with shop.worker():
        assert shop.wait(send.delay()) == "EncodeError"
    assert statuses(shop.compare("send")) == {"Equal"}


def test_what_is_published_by_kombu_alone_is_an_output(shop: RecordedApp) -> None:
    @shop.task("publish")
    def publish() -> None:
        with shop.app.connection_for_write() as connection:
            Producer(connection).publish({"a": 1}, exchange="", routing_key="elsewhere")

    with shop.worker():
        shop.wait(publish.delay())
    (message,) = sent(shop.recording("publish"), "kombu publish ")
    assert message["body"] == {"a": 1}
    assert statuses(shop.compare()) == {"Equal"}


def test_control_and_states_and_events_are_outputs(shop: RecordedApp, add: Any) -> None:
    @shop.task("control", bind=True)
    def control(self: Task) -> None:
        shop.app.control.revoke("some-id", terminate=True)
        self.update_state(state="PROGRESS", meta={"done": 50})
        self.send_event("task-halfway", done=50)

    with shop.worker():
        shop.wait(control.delay())
    recording = shop.recording("control")
    (revoked,) = sent(recording, "celery control")
    assert revoked["command"] == "revoke"
    assert revoked["arguments"]["task_id"] == "some-id"
    (state,) = sent(recording, "celery state")
    assert (state["state"], state["meta"]) == ("PROGRESS", {"done": 50})
    (event,) = sent(recording, "celery event")
    assert event["type"] == "task-halfway"
    assert statuses(shop.compare()) == {"Equal"}
