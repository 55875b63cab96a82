"""Connections of `aiosqlite` outlive operations; each call belongs to whoever awaits it."""

import asyncio
import sqlite3
from contextlib import closing

import aiosqlite
import pytest

from playback_core import TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE product (name); INSERT INTO product VALUES ('axe'), ('broom');"
        )
    return path


def test_queries_and_writes_replay_without_the_file(path):
    async def run():
        async with aiosqlite.connect(path) as database:
            database.row_factory = sqlite3.Row
            await database.execute("INSERT INTO product VALUES (?)", ("chisel",))
            await database.commit()
            async with database.execute("SELECT name FROM product") as cursor:
                names = [row["name"] async for row in cursor]
            rows = await database.execute_fetchall("SELECT count(*) FROM product")
            return names, [*map(tuple, rows)]

    def work():
        return asyncio.run(run())

    recorded = Runs(work)
    path.unlink()
    result, playback = recorded.replayed(work)
    assert result == recorded.result == (["axe", "broom", "chisel"], [(3,)])
    assert playback.missed == []
    assert playback.moved == []
    assert playback.playback_outputs == playback.recorded_outputs
    assert not path.exists()


def test_each_operation_has_what_it_asked_of_a_connection_they_share(path):
    recorder = TapeRecorder(InMemoryTapeCassette())

    async def run():
        async with aiosqlite.connect(path) as database:

            @recorder.operation(category="work")
            async def work(text):
                return await database.execute_fetchall(text)

            with recorder.enabled_recording():
                await work("SELECT 1")
                await work("SELECT 2")
            await database.execute_fetchall("SELECT 3")

    asyncio.run(run())
    cassette = recorder.tape_cassette
    recordings = [*map(cassette.get_recording, cassette.iter_recording_ids("work"))]
    asked = [recording.entries[1].decoded_arguments()[1]["sql"] for recording in recordings]
    assert asked == ["SELECT 1", "SELECT 2"]
    assert recorder.counters == {"recorded": 2}


def test_errors_reach_whoever_awaits(path):
    async def run():
        async with aiosqlite.connect(path) as database:
            try:
                await database.execute("SELECT * FROM nowhere")
            except sqlite3.OperationalError as error:
                return str(error)

    def work():
        return asyncio.run(run())

    recorded = Runs(work)
    assert ("INPUT", "sqlite3 SELECT nowhere") in recorded.calls
    assert recorded.replayed(work)[0] == recorded.result == "no such table: nowhere"
