"""What differs with RabbitMQ as the broker: how messages are delivered, again too, and results."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kombu import Connection

from playback_core import Recording, TapeRecorder
from tests.celery.conftest import result, sent
from tests.celery.services import RABBITMQ, Services, rabbitmq_services
from tests.celery.worker_process import command, worker_process
from tests.patience import PATIENCE

pytestmark = pytest.mark.skipif(RABBITMQ is None, reason="rabbitmq-server is not installed")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with rabbitmq_services(tmp_path_factory.mktemp("rabbitmq")) as services:
        yield services


def test_a_prefork_worker_records_how_messages_came_and_replays_send_none(
    tmp_path: Path, services: Services
) -> None:
    with worker_process(tmp_path, "-c", "2", services=services) as worker:
        orders = [worker.send("order", number) for number in range(5)]
        assert [each.get(timeout=PATIENCE) for each in orders] == [*range(5)]
        assert worker.run("flaky") == 1
        assert worker.run("requeue")
        told = worker.run("delivery", countdown=0.1, priority=7, headers={"tenant": "acme"})
        worker.until_recorded("total", 5)
        running = worker.send("slow", 0.5)
        assert worker.stop() == 0
        assert len(worker.recordings("slow")) == int(running.state == "SUCCESS")
        (delivery,) = worker.recordings("delivery")
        flaky, requeued, added = map(worker.recordings, ("flaky", "requeue", "add"))
        parents = {each.id for each in worker.recordings("order")}
    assert told == result(delivery)
    assert (told[0]["priority"], told[1]) == (7, {"tenant": "acme"})
    assert told[2] is not None
    assert sorted(map(_state, flaky)) == ["RETRY", "SUCCESS"]
    assert [each["retries"] for one in flaky for each in sent(one)] == [1]
    assert sorted(map(_state, requeued)) == ["REJECTED", "SUCCESS"]
    assert len({each.get_metadata()["task_id"] for each in requeued}) == 1
    assert len(added) == 20
    # Of each order two members of a chord and the first of a chain; its last is the first's.
    assert sum(each.get_metadata()[TapeRecorder.PARENT_ID] in parents for each in added) == 15
    waiting = _waiting(services)
    compared = command(tmp_path, "compare", "--limit", "100", services=services)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert _waiting(services) == waiting


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_pool_of_one_process_replays_with_no_broker_results_by_messages_too(
    tmp_path: Path, services: Services, pool: str
) -> None:
    by_messages = replace(services, backend="rpc://")
    with worker_process(tmp_path, "-P", pool, "-c", "2", services=by_messages) as worker:
        assert worker.run("flaky") == 1
        if pool == "threads":
            assert worker.run("wait_for", 3) == 4
        assert worker.stop() == 0
    compared = command(tmp_path, "compare")
    assert compared.returncode == 0, compared.stdout + compared.stderr


def test_a_task_whose_child_was_killed_is_delivered_again_and_replays_as_the_second_time(
    tmp_path: Path, services: Services
) -> None:
    with worker_process(tmp_path, "-c", "1", services=services) as worker:
        assert worker.run("die_once")
        assert worker.stop() == 0
        assert "the recording of this run is lost" in worker.log
        (recording,) = worker.recordings("die_once")
    assert recording.get_data(TapeRecorder.OPERATION_REQUEST)["request"]["delivery_info"][
        "redelivered"
    ]
    compared = command(tmp_path, "compare")
    assert compared.returncode == 0, compared.stdout + compared.stderr


def _state(recording: Recording) -> str:
    return str(recording.get_metadata()["state"])


def _waiting(services: Services) -> int:
    with Connection(services.broker) as connection:
        channel = connection.default_channel
        return int(channel.queue_declare("celery", passive=True).message_count)
