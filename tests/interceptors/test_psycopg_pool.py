"""Operations that take connections from pools replay with the pool's server gone."""

import asyncio
import logging

import psycopg
import psycopg_pool
import pytest
from psycopg.rows import dict_row

from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


@pytest.fixture
def names(postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS names; CREATE TABLE names (name text);"
            " INSERT INTO names VALUES ('ada'), ('bob')"
        )
    return postgres


def expect_again(postgres, recorded, work):
    with postgres.gone():
        result, playback = recorded.replayed(work)
    assert result == recorded.result
    assert playback.missed == []
    assert playback.moved == []
    assert playback.playback_outputs == playback.recorded_outputs


def aliases(recorded):
    return [
        entry.alias for entry in recorded.recording.entries if entry.alias.startswith("psycopg")
    ]


def test_what_a_pool_sets_for_all_statements_is_listed_as_not_compared(names):
    def configure(connection):
        connection.execute("SET statement_timeout TO 10000")
        connection.execute(f"SET search_path TO {schema}")
        connection.commit()

    schema = "public"
    with psycopg_pool.ConnectionPool(
        names.dsn, min_size=0, max_size=2, open=True, configure=configure
    ) as pool:

        def work():
            with pool.connection() as connection:
                connection.execute("INSERT INTO names VALUES ('dan')")

        recorded = Runs(work)
        schema = "archive"
        _, playback = recorded.replayed()
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.set_up == ["SET search_path TO archive"]


@pytest.mark.parametrize("cls", [psycopg_pool.ConnectionPool, psycopg_pool.NullConnectionPool])
def test_a_pool_opened_before_gives_hollow_connections_in_a_replay(names, cls):
    checked = []

    def check(connection):
        checked.append(connection)
        cls.check_connection(connection)

    with cls(names.dsn, min_size=0, max_size=4, open=False, check=check) as pool:

        def work():
            with pool.connection() as connection:
                connection.execute("INSERT INTO names VALUES ('cyd')")
                first = connection.info.server_version
            with pool.connection() as connection, connection.transaction():
                rows = connection.execute("SELECT name FROM names").fetchall()
            return first, rows, isinstance(connection, psycopg.Connection)

        recorded = Runs(work)
        assert len(checked) == 2
        assert aliases(recorded) == [
            *("psycopg_pool getconn", "psycopg INSERT names", "psycopg COMMIT"),
            *("psycopg_pool getconn", "psycopg BEGIN", "psycopg SELECT names", "psycopg COMMIT"),
        ]
        stats = pool.get_stats()["requests_num"]
        expect_again(names, recorded, work)
        assert len(checked) == 2
        assert pool.get_stats()["requests_num"] == stats


def test_a_pool_of_the_operations_own_starts_no_threads_in_a_replay(names):
    def work():
        with psycopg_pool.ConnectionPool(names.dsn, min_size=1, open=False) as pool:
            pool.wait()
            with pool.connection() as connection:
                return connection.execute("SELECT name FROM names").fetchall()

    expect_again(names, Runs(work), work)


def test_what_configures_connections_is_not_recorded_and_configures_them_in_a_replay(names):
    def configure(connection):
        connection.execute("SELECT set_config('application_name', 'shop', false)")
        connection.commit()
        connection.row_factory = dict_row
        connection.autocommit = True

    pool = psycopg_pool.ConnectionPool(names.dsn, min_size=1, open=True, configure=configure)
    with pool:

        def work():
            with pool.connection() as connection:
                row = connection.execute("SELECT name FROM names").fetchone()
                return row, connection.autocommit, connection.info.transaction_status.name

        recorded = Runs(work)
        assert recorded.result == ({"name": "ada"}, True, "IDLE")
        assert aliases(recorded) == ["psycopg_pool getconn", "psycopg SELECT names"]
        expect_again(names, recorded, work)


def test_a_pool_with_no_connection_in_time_has_none_again(names, caplog):
    caplog.set_level(logging.CRITICAL, "psycopg.pool")
    pool = psycopg_pool.ConnectionPool("host=/nowhere", min_size=1, open=True, timeout=0.2)
    with pool:

        def work():
            try:
                pool.getconn()
            except psycopg_pool.PoolTimeout as error:
                return str(error)

        recorded = Runs(work)
        assert recorded.result == "couldn't get a connection after 0.20 sec"
        expect_again(names, recorded, work)


def test_a_connection_returned_in_a_transaction_is_rolled_back_by_the_pool(names, caplog):
    caplog.set_level(logging.CRITICAL, "psycopg.pool")
    with psycopg_pool.ConnectionPool(names.dsn, min_size=1, open=True) as pool:

        def work():
            connection = pool.getconn()
            connection.execute("DELETE FROM names")
            pool.putconn(connection)

        recorded = Runs(work)
        assert aliases(recorded) == ["psycopg_pool getconn", "psycopg DELETE names"]
        expect_again(names, recorded, work)
        with pool.connection() as connection:
            assert connection.execute("SELECT count(*) FROM names").fetchone() == (2,)


def test_an_async_pool_replays_as_a_sync_one_does(names):
    async def configure(connection):
        await connection.set_autocommit(True)

    async def work(pool):
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT name FROM names")
            return await cursor.fetchall(), connection.autocommit

    def run():
        async def main():
            async with psycopg_pool.AsyncConnectionPool(
                names.dsn, min_size=1, open=False, configure=configure
            ) as pool:
                return await work(pool)

        return asyncio.run(main())

    recorded = Runs(run)
    assert recorded.result == ([("ada",), ("bob",)], True)
    assert aliases(recorded) == ["psycopg_pool getconn", "psycopg SELECT names"]
    expect_again(names, recorded, run)


def test_without_an_operation_pools_are_as_they_were(names):
    with psycopg_pool.ConnectionPool(names.dsn, min_size=1, max_size=1, open=True) as pool:
        with pool.connection() as first:
            pid = first.info.backend_pid
        with pool.connection() as second:
            assert second.info.backend_pid == pid
