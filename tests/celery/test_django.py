"""Celery in a project of Django: its tasks, its database, what is sent when a transaction ends."""

from pathlib import Path

from playback_core import TapeRecorder
from tests.celery.conftest import result, sent
from tests.celery.worker_process import command, worker_process

SHOP = "tests.celery.django_shop"


def test_tasks_that_use_the_database_replay_without_it(tmp_path: Path) -> None:
    with worker_process(tmp_path, "-P", "solo", app=SHOP) as worker:
        worker.run("tasks.prepare")
        number = worker.run("tasks.place", "12.50")
        worker.until_recorded(f"{SHOP}.tasks.confirm", 1)
        assert worker.stop() == 0
        (place,) = worker.recordings(f"{SHOP}.tasks.place")
        (confirm,) = worker.recordings(f"{SHOP}.tasks.confirm")
    assert [each["args"] for each in sent(place)] == [[number]]
    assert result(confirm) == "12.50"
    assert confirm.get_metadata()[TapeRecorder.PARENT_ID] == place.id
    (tmp_path / "shop.db").unlink()
    compared = command(
        tmp_path, "compare", f"{SHOP}.tasks.place", f"{SHOP}.tasks.confirm", app=SHOP
    )
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "2 compared: 2 Equal" in compared.stdout
    assert not (tmp_path / "shop.db").exists()
