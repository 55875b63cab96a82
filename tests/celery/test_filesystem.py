"""With a folder as the broker and another for results, as quick tests of users may have."""

import shutil
from pathlib import Path

from celery import Task

from tests.celery.conftest import MakeApp, RecordedApp, result, sent, statuses


def _shop(make_app: MakeApp, folder: Path) -> RecordedApp:
    messages, results = folder / "messages", folder / "results"
    for each in (messages, results):
        each.mkdir(parents=True)
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.01,
    }
    conf = {"broker_transport_options": options}
    return make_app(broker="filesystem://", backend=f"file://{results}", conf=conf)


def test_tasks_that_came_through_a_folder_replay_when_it_is_gone_and_write_nothing(
    make_app: MakeApp, tmp_path: Path
) -> None:
    folder = tmp_path / "broker"
    shop = _shop(make_app, folder)

    @shop.task("add")
    def add(a: int, b: int) -> int:
        return a + b

    @shop.task("order", bind=True, max_retries=1)
    def order(self: Task, number: int) -> str:
        if not self.request.retries:
            raise self.retry(countdown=0)
        return str(add.apply_async((number, 1), link=add.s(10)).id)

    # Sent before the worker looks, whose one thread sends all else: kombu reads a message that
    # another thread is about to write as an empty one.
    order.delay(1)
    with shop.worker("solo"):
        shop.until_recorded(4)

    assert sorted(result(each) for each in shop.recordings("add")) == [2, 12]
    assert len([message for each in shop.recordings("order") for message in sent(each)]) == 2
    shutil.rmtree(folder)
    assert statuses(shop.compare()) == {"Equal"}
    assert not folder.exists()
