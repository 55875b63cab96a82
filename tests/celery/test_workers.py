"""Workers as they are in production: what they finish is recorded, however they end."""

import signal
from pathlib import Path
from typing import Final

import pytest
from billiard.exceptions import WorkerLostError
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from playback_core import TapeRecorder
from tests.celery.worker_process import APP, command, worker_process
from tests.patience import PATIENCE

LOST: Final = "The process that ran a task was ended:"


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_a_pool_records_each_task_and_all_replays_are_equal_without_a_broker(
    tmp_path: Path, pool: str
) -> None:
    with worker_process(tmp_path, "-P", pool, "-c", "4") as worker:
        answers = [worker.send("order", number) for number in range(20)]
        assert [each.get(timeout=PATIENCE) for each in answers] == [*range(20)]
        assert worker.run("flaky") == 1
        worker.until_recorded("total", 20)
        assert worker.stop() == 0
        assert len(worker.recordings("order")) == 20
        assert len(worker.recordings("add")) == 80
        assert len(worker.recordings("flaky")) == 2
        parents = {each.id for each in worker.recordings("order")}
        linked = [each.get_metadata()[TapeRecorder.PARENT_ID] for each in worker.recordings("add")]
        # Of each order two members of a chord and the first of a chain; its last is the first's.
        assert sum(each in parents for each in linked) == 60
    compared = command(tmp_path, "compare", "--limit", "100")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "122 compared: 122 Equal" in compared.stdout


def test_children_that_are_replaced_lose_nothing(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "1", "--max-tasks-per-child", "2") as worker:
        processes = {worker.run("process") for _ in range(4)}
        assert worker.stop() == 0
        assert len(processes) == 2
        assert len(worker.recordings("process")) == 4


def test_a_warm_shutdown_waits_for_the_recordings(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "2") as worker:
        worker.run("add", 1)
        running = worker.send("slow", 0.5)
        assert worker.stop() == 0
        done = running.state == "SUCCESS"
        assert len(worker.recordings("slow")) == int(done)


def test_a_child_that_is_killed_loses_the_running_recording_alone(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "1") as worker:
        worker.run("add", 1)
        worker.until_recorded("add", 1)
        for task in ("die", "leave"):
            with pytest.raises(WorkerLostError):
                worker.run(task)
        running = worker.send("slow", 60)
        worker.until_running("slow")
        running.revoke(terminate=True, signal="SIGKILL")
        assert worker.run("add", 2) == 2
        assert worker.stop() == 0
        assert len(worker.recordings("add")) == 2
        for task in ("die", "slow"):
            assert worker.recordings(task) == []
            assert f"{LOST} '{APP}.{task}'" in worker.log
        assert "the recording of this run is lost" in worker.log


def test_a_hard_time_limit_is_an_incomplete_recording_or_none(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "1") as worker:
        with pytest.raises(TimeLimitExceeded):
            worker.run("hang")
        assert worker.run("add", 2) == 2
        assert worker.stop() == 0
        assert all(
            each.get_metadata()[TapeRecorder.INCOMPLETE_RECORDING]
            for each in worker.recordings("hang")
        )
        assert (
            "The process that ran a task was ended: 'tests.celery.workers_app.hang'" in worker.log
        )
        assert len(worker.recordings("add")) == 1


def test_a_soft_time_limit_replays_where_it_came_within_a_recorded_call_alone(
    tmp_path: Path,
) -> None:
    with worker_process(tmp_path, "-c", "4") as worker:
        within = [worker.send("do_without"), worker.send("need")]
        between = [worker.send("give_up"), worker.send("linger")]
        assert [each[0].get(timeout=PATIENCE) for each in (within, between)] == [
            "done without",
            "given up",
        ]
        for ended in (within[1], between[1]):
            with pytest.raises(SoftTimeLimitExceeded):
                ended.get(timeout=PATIENCE)
        worker.until_recorded("add", 1)
        assert worker.stop() == 0
        for task in ("give_up", "linger"):
            (recording,) = worker.recordings(task)
            assert "soft time limit" in recording.get_metadata()[TapeRecorder.NOT_REPLAYABLE]
    compared = command(tmp_path, "compare", f"{APP}.do_without", f"{APP}.need")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "2 compared: 2 Equal" in compared.stdout
    compared = command(tmp_path, "compare", f"{APP}.give_up", f"{APP}.linger")
    assert compared.returncode == 3
    assert "2 compared: 2 EqualizerFailure" in compared.stdout
    assert "came between the calls that are recorded" in compared.stdout


def test_a_cold_shutdown_leaves_a_cassette_that_can_be_read(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "2") as worker:
        for number in range(5):
            worker.run("add", number)
        worker.until_recorded("add", 5)
        worker.send("slow", 30)
        # What a child has not told that it runs yet, a cold shutdown waits for.
        worker.until_running("slow")
        worker.stop(signal.SIGQUIT)
        assert len(worker.recordings("add")) == 5
        assert all(
            each.get_metadata()[TapeRecorder.INCOMPLETE_RECORDING]
            for each in worker.recordings("slow")
        )


def test_excluded_and_unsampled_tasks_are_not_recorded(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-c", "1") as worker:
        worker.run("excluded")
        worker.client.send_task("workers_app.unsampled").get(timeout=PATIENCE)
        worker.run("add", 1)
        assert worker.stop() == 0
        assert worker.recordings("excluded") == []
        assert worker.recordings("workers_app.unsampled") == []
        assert len(worker.recordings("add")) == 1
