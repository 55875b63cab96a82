"""Statements by a driver of a database: recorded and replayed, against bare.

What is measured of one driver can be measured of another: `statement_workloads` takes what opens
a connection of it and the place of a parameter in its SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, Final, NamedTuple

from benchmarks.measurement import (
    LOST,
    Clock,
    Effort,
    Measurement,
    Timed,
    interleaved,
    microseconds,
    timed,
)
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

Opened = Callable[[Path], AbstractContextManager[Any]]
"""Opens a connection with a table `product` of 1,000 rows, by an empty folder."""

COLUMNS: Final = "id INTEGER PRIMARY KEY, name VARCHAR(40), cents INTEGER, weight FLOAT, note TEXT"
ROWS: Final = [(i, f"product {i}", i * 7, i * 0.25, "x" * 20) for i in range(1000)]


class RowsDiffer(Exception):
    """A query did not get what is in the table, so its time says nothing."""


class _Kind(NamedTuple):
    title: str
    sql: str
    parameters: tuple[Any, ...]
    calls: int
    rows: int | None


def _kinds(place: str) -> dict[str, _Kind]:
    insert = f"INSERT INTO product (name, cents) VALUES ({place}, {place})"
    return {
        "one": _Kind(
            "SELECT of 1 row", f"SELECT * FROM product WHERE id = {place}", (500,), 500, 1
        ),
        "thousand": _Kind("SELECT of 1,000 rows", "SELECT * FROM product", (), 20, 1000),
        "insert": _Kind("INSERT, rolled back in the end", insert, ("axe", 4200), 500, None),
    }


def statement_workloads(
    driver: str,
    opened: Opened,
    place: str,
    targets: Mapping[str, float],
    clock: Clock = perf_counter,
) -> tuple[Workload, ...]:
    """Return two rows for each kind of statement, recorded and replayed; targets are by name."""
    found: list[Workload] = []
    for kind_name, kind in _kinds(place).items():
        recorded, replayed = f"{driver}-{kind_name}", f"{driver}-{kind_name}-replayed"
        measure = _measuring(opened, kind, replayed, clock)
        titles = {
            recorded: f"{kind.title} by {driver}, within a recorded operation, against bare",
            replayed: "the same replayed, load included, against bare",
        }
        for name, title in titles.items():
            target = Target(targets[name]) if name in targets else None
            found.append(
                Workload(
                    name=name,
                    title=title,
                    unit="x",
                    target=target,
                    measure=measure,
                    predecessor_rounds=0,
                )
            )
    return tuple(found)


def _measuring(
    opened: Opened, kind: _Kind, replayed: str, clock: Clock
) -> Callable[[type[System], Path, Effort], Measurement]:
    def measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
        from playback_core.interceptors import install_interceptors

        running = system(folder)
        install_interceptors()
        calls = effort.repetitions(kind.calls)
        with opened(folder) as connection:
            runs = _variants(running, connection, kind, calls)
            timed_runs = {name: _alone(running, timed(run, clock)) for name, run in runs.items()}
            times = interleaved(timed_runs, effort.rounds)
        running.drain()
        lost = effort.rounds + 2 - running.stored().recordings
        running.close()
        details = {f"{name} us": microseconds(times[name], calls) for name in times}
        return Measurement(
            rounds=_ratios(times, "recorded"),
            others={replayed: _ratios(times, "replayed")},
            details=details | {LOST: lost},
        )

    return measure


def _alone(running: System, measured: Timed) -> Timed:
    """Have what was recorded before stored first: it would take its time from this one."""

    def alone() -> float:
        running.drain()
        return measured()

    return alone


def _variants(
    running: System, connection: Any, kind: _Kind, calls: int
) -> dict[str, Callable[[], None]]:
    def run() -> None:
        cursor = connection.cursor()
        for _ in range(calls):
            cursor.execute(kind.sql, kind.parameters)
            if kind.rows is not None and len(cursor.fetchall()) != kind.rows:
                raise RowsDiffer(kind.sql)
        connection.rollback()

    recorder = running.recorder
    category = "statements"
    recorded = recorder.operation(category=category)(run)
    recorded()
    running.drain()
    (recording_id,) = recorder.readable_cassette().iter_recording_ids(category)

    def replayed() -> None:
        playback = recorder.play(recording_id, lambda recording: recorded())
        if playback.missed:
            raise RowsDiffer(playback.missed[0])

    return {"bare": run, "recorded": recorded, "replayed": replayed}


def _ratios(times: Mapping[str, list[float]], variant: str) -> list[float]:
    return [a / b for a, b in zip(times[variant], times["bare"], strict=True)]


@contextmanager
def _sqlite(folder: Path) -> Any:
    import sqlite3

    with closing(sqlite3.connect(folder / "products.db")) as connection:
        connection.execute(f"CREATE TABLE product ({COLUMNS})")
        connection.executemany("INSERT INTO product VALUES (?, ?, ?, ?, ?)", ROWS)
        connection.commit()
        yield connection


# There is no server to wait for.
SQLITE_STATEMENTS: Final = statement_workloads("sqlite3", _sqlite, "?", {}, thread_time)


@contextmanager
def _psycopg(folder: Path) -> Any:
    import psycopg

    from tests.interceptors.postgres_server import postgres_server

    with postgres_server() as server, psycopg.connect(server.dsn) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE product ({COLUMNS})")
            cursor.executemany("INSERT INTO product VALUES (%s, %s, %s, %s, %s)", ROWS)
            cursor.execute("ALTER TABLE product ALTER id ADD GENERATED BY DEFAULT AS IDENTITY")
            cursor.execute("ALTER TABLE product ALTER id RESTART WITH 2000")
        connection.commit()
        yield connection


_OVER_SOCKET: Final = {
    "psycopg-one": 1.3,
    "psycopg-thousand": 1.3,
    "psycopg-one-replayed": 1,
    "psycopg-thousand-replayed": 1,
}
PSYCOPG_STATEMENTS: Final = statement_workloads("psycopg", _psycopg, "%s", _OVER_SOCKET)
