"""psycopg is recorded against a real server, and replayed when nobody can reach one."""

import asyncio
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import pq, sql
from psycopg.rows import class_row, dict_row, namedtuple_row, scalar_row
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from playback_core import OtherDatabase, RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.codec.redaction import Redactor
from playback_core.entry import encoded
from playback_core.interceptor import installed
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

_TABLE = """
    DROP TABLE IF EXISTS products;
    CREATE TABLE products (
        id serial PRIMARY KEY, name text UNIQUE, price numeric(8, 2), added timestamptz, more jsonb
    );
    INSERT INTO products (name, price, added, more) VALUES
        ('axe', 12.50, '2024-02-29 12:00+00', '{"sizes": [1, 2], "note": null}'),
        ('bow', 30, NULL, NULL),
        ('cup', 4.75, '2024-03-01 08:30+02', '[]')
"""


class Product(NamedTuple):
    id: int
    name: str


@pytest.fixture(autouse=True)
def _products(postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(_TABLE)


@pytest.fixture
def again(postgres):
    """Record an operation on a connection, replay it without a server, and expect the same."""

    def check(operation, **options):
        def work():
            with psycopg.connect(postgres.dsn, **options) as connection:
                return operation(connection)

        recorded = Runs(work)
        with postgres.gone():
            result, playback = recorded.replayed(work)
        assert result == recorded.result
        assert playback.missed == []
        assert playback.moved == []
        assert playback.playback_outputs == playback.recorded_outputs
        return recorded

    return check


def aliases(recorded):
    return [
        entry.alias for entry in recorded.recording.entries if entry.alias.startswith("psycopg ")
    ]


def rows_in(postgres):
    with psycopg.connect(postgres.dsn) as connection:
        return connection.execute("SELECT name FROM products ORDER BY id").fetchall()


def test_a_select_is_an_input_whose_rows_come_back_with_their_types(again):
    def work(connection):
        cursor = connection.execute("SELECT * FROM products WHERE id < %s ORDER BY id", [3])
        return cursor.fetchall(), [tuple(each) for each in cursor.description], cursor.rowcount

    recorded = again(work)
    rows, description, rowcount = recorded.result
    assert rows[0][1:3] == ("axe", Decimal("12.50"))
    assert rows[0][3] == datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert rows[0][4] == {"sizes": [1, 2], "note": None}
    assert description[2][:2] == ("price", 1700)
    assert rowcount == 2
    assert aliases(recorded) == ["psycopg connect", "psycopg SELECT products"]


def test_writes_are_outputs_whose_results_come_back(again, postgres):
    def work(connection):
        made = connection.execute(
            "INSERT INTO products (name) VALUES (%s), (%s) RETURNING id", ["dam", "elm"]
        )
        ids = [number for (number,) in made]
        changed = connection.execute("UPDATE products SET price = %(price)s", {"price": 1})
        gone = connection.execute("DELETE FROM products WHERE id = ANY(%s)", [ids])
        return ids, changed.rowcount, gone.rowcount, gone.statusmessage

    recorded = again(work)
    assert recorded.result == ([4, 5], 5, 2, "DELETE 2")
    assert aliases(recorded)[1:] == [
        "psycopg INSERT products",
        "psycopg UPDATE products",
        "psycopg DELETE products",
        "psycopg COMMIT",
    ]
    assert rows_in(postgres) == [("axe",), ("bow",), ("cup",)]


def test_rows_are_fetched_in_every_way_and_beyond_what_was_fetched(postgres):
    query = "SELECT name FROM products ORDER BY id"

    def recorded_work():
        with psycopg.connect(postgres.dsn) as connection:
            return connection.execute(query).fetchone()

    def work():
        with psycopg.connect(postgres.dsn) as connection:
            cursor = connection.execute(query)
            first = [cursor.fetchone(), cursor.fetchmany(1), [*cursor], cursor.fetchone()]
            cursor.scroll(0, "absolute")
            return first, cursor.fetchall(), cursor.rownumber

    recorded = Runs(recorded_work)
    with postgres.gone():
        result, playback = recorded.replayed(work)
    rows = [("axe",), ("bow",), ("cup",)]
    assert result == ([rows[0], [rows[1]], [rows[2]], None], rows, 3)
    assert playback.missed == []


@pytest.mark.parametrize(
    "factory", [dict_row, namedtuple_row, scalar_row, class_row(lambda **row: sorted(row.items()))]
)
def test_the_row_factories_of_the_application_run_again(again, factory):
    def work(connection):
        cursor = connection.cursor(row_factory=factory)
        cursor.execute("SELECT id, name FROM products ORDER BY id")
        return [cursor.fetchone(), *cursor.fetchall()]

    def told(connection):
        return [repr(each) for each in work(connection)]

    assert len(again(told).result) == 3


def test_a_row_factory_of_the_connection_is_used(again):
    def work(connection):
        return connection.execute("SELECT id, name FROM products WHERE id = 1").fetchone()

    assert again(work, row_factory=dict_row).result == {"id": 1, "name": "axe"}


def test_values_of_many_types_come_back_exactly(again):
    query = """
        SELECT 1::int2, 2::int4, 9007199254740993::int8, 1.5::float4, 'NaN'::float8,
            12345678901234567890.123::numeric, true, 'tëxt', '\\xdeadbeef'::bytea,
            '2024-02-29'::date, '12:30:15.5'::time, '2024-02-29 12:30'::timestamp,
            '1 day 2:03:04.5'::interval, '{1,NULL,3}'::int4[], '{{a,"b,c"},{"",d}}'::text[],
            '2b4bd5a6-6ae0-4fb0-8d4f-4d0bd9a8a2e5'::uuid, '10.0.0.1'::inet, '[1,5)'::int4range,
            '{[1,2],[5,6]}'::int4multirange, ROW(1, 'two'), '{"a": 1.10, "b": "ü"}'::json, NULL
    """

    def work(connection):
        text = connection.execute(query).fetchone()
        binary = connection.cursor(binary=True).execute(query).fetchone()
        return [(type(value), repr(value)) for value in (*text, *binary)]

    again(work)


def test_types_that_the_application_registered_come_back_without_it(postgres):
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad', 'ok')")

    class MoodLoader(psycopg.adapt.Loader):
        def load(self, data):
            return {"mood": bytes(data).decode()}

    def work(register):
        with psycopg.connect(postgres.dsn) as connection:
            if register:
                oid = psycopg.types.TypeInfo.fetch(connection, "mood").oid
                connection.adapters.register_loader(oid, MoodLoader)
            return connection.execute("SELECT 'ok'::mood, 7").fetchone()

    recorded = Runs(lambda: work(True))
    assert recorded.result == ({"mood": "ok"}, 7)
    with postgres.gone():
        assert recorded.replayed(lambda: work(True))[0] == ({"mood": "ok"}, 7)
        # As where a pool registers it, when it makes connections.
        assert recorded.replayed(lambda: work(False))[0] == ({"mood": "ok"}, 7)


def test_a_loader_that_only_the_replayed_code_has_gets_what_the_server_sent(postgres):
    class Loader(psycopg.adapt.Loader):
        def load(self, data):
            return bytes(data)

    def work(names):
        with psycopg.connect(postgres.dsn) as connection:
            for name in names:
                connection.adapters.register_loader(name, Loader)
            return connection.execute("SELECT 7, true, 1.5::float8, 2.50, 'text'").fetchone()

    recorded = Runs(lambda: work([]))
    assert recorded.result == (7, True, 1.5, Decimal("2.50"), "text")
    with postgres.gone():
        result, _ = recorded.replayed(lambda: work(["int4", "bool", "float8", "numeric", "text"]))
    assert result == (b"7", b"t", b"1.5", b"2.50", b"text")


def test_the_time_zone_of_the_session_counts_in_a_replay(again):
    def work(connection):
        connection.execute("SET TIME ZONE 'Asia/Tokyo'")
        row = connection.execute(
            "SELECT added, ARRAY[added], tstzrange(added, NULL), added::timestamp FROM products"
            " WHERE id = 1"
        ).fetchone()
        return repr(row), row[0].hour, row[1][0].hour, row[2].lower.hour

    assert again(work).result[1:] == (21, 21, 21)


def test_moments_in_an_unusual_style_come_back_as_they_were_loaded(again):
    def work(connection):
        connection.execute("SET IntervalStyle = 'iso_8601'")
        cursor = connection.execute("SELECT '1 day'::text, 7, '2024-02-29'::date")
        connection.execute("SET DateStyle = 'German'")
        return cursor.fetchall(), connection.execute("SELECT '2024-02-29'::date").fetchone()

    assert again(work).result[1] == (date(2024, 2, 29),)


def test_another_encoding_of_the_client_counts_in_a_replay(again):
    def work(connection):
        cursor = connection.execute("SELECT 'é' AS \"ü\", 1 AS n")
        return cursor.fetchall(), [each.name for each in cursor.description]

    assert again(work, client_encoding="latin1").result == ([("é", 1)], ["ü", "n"])


def test_a_client_without_an_encoding_gets_bytes_again(again):
    def work(connection):
        return connection.execute("SELECT chr(233), 'e', 1, '{a}'::text[]").fetchone()

    assert again(work, client_encoding="sql_ascii").result == ("é".encode(), b"e", 1, [b"a"])


def test_parameters_of_psycopgs_own_types_are_told(again):
    def work(connection):
        query = "SELECT %s::jsonb, %s::int4range, %s::text[]"
        row = connection.execute(query, [Jsonb({"a": 1}), Range(1, 3), ["x", "y"]]).fetchone()
        return repr(row)

    recorded = again(work)
    (entry,) = [each for each in recorded.recording.entries if each.alias == "psycopg SELECT"]
    parameters = entry.decoded_arguments()[1]["parameters"]
    assert parameters == [{"json": {"a": 1}}, {"range": [1, 3, "[)"]}, ["x", "y"]]


def test_composed_statements_are_told_as_text(again):
    def work(connection):
        query = sql.SQL("SELECT {column}, {value} FROM {table} LIMIT 1").format(
            column=sql.Identifier("name"),
            value=sql.Literal("it's"),
            table=sql.Identifier("products"),
        )
        return connection.execute(query).fetchone(), query.as_string(connection)

    recorded = again(work)
    assert recorded.result[1] == "SELECT \"name\", 'it''s' FROM \"products\" LIMIT 1"


def test_client_cursors_bind_and_tell_their_statements(again):
    def work(connection):
        cursor = psycopg.ClientCursor(connection)
        text = cursor.mogrify("SELECT name FROM products WHERE name = %s", ["it's"])
        return text, cursor.execute("SELECT name FROM products WHERE id = %s", [2]).fetchall()

    assert "'it''s'" in again(work).result[0]


def test_several_results_of_one_call(again):
    def work(connection):
        cursor = connection.execute("SELECT 1; SELECT 'two', 3")
        both = [cursor.fetchall(), cursor.nextset(), cursor.fetchall(), cursor.nextset()]
        made = connection.cursor()
        made.executemany(
            "INSERT INTO products (name) VALUES (%s) RETURNING id, name",
            [["dam"], ["elm"]],
            returning=True,
        )
        return both, [made.fetchone(), made.nextset(), made.fetchone()]

    assert again(work).result == (
        [[(1,)], True, [("two", 3)], None],
        [(4, "dam"), True, (5, "elm")],
    )


def test_executemany_tells_its_rows_by_column_and_reads_an_iterator_once(again, postgres):
    def work(connection):
        cursor = connection.cursor()
        rows = ({"name": name, "price": len(name)} for name in ("dam", "ewer"))
        cursor.executemany("INSERT INTO products (name, price) VALUES (%(name)s, %(price)s)", rows)
        return cursor.rowcount

    recorded = again(work)
    assert recorded.result == 2
    assert len(rows_in(postgres)) == 5


def test_an_endless_executemany_runs_and_costs_only_its_recording(postgres):
    def work():
        with psycopg.connect(postgres.dsn) as connection:
            rows = ([f"n{number}"] for number in range(100_050))
            connection.cursor().executemany("INSERT INTO products (name) VALUES (%s)", rows)

    recorder = TapeRecorder(InMemoryTapeCassette())
    with recorder.enabled_recording():
        recorder.operation(category="work")(work)()
    assert recorder.counters == {"failed": 1}
    assert len(rows_in(postgres)) == 100_053


def test_a_violated_constraint_is_raised_again_with_what_the_server_said(again):
    def work(connection):
        try:
            connection.execute("INSERT INTO products (name) VALUES ('axe')")
        except psycopg.errors.UniqueViolation as error:
            status = connection.info.transaction_status
            connection.rollback()
            diag = error.diag
            told = (error.sqlstate, diag.constraint_name, diag.message_detail, str(error))
            return (
                told,
                status,
                connection.info.transaction_status,
                pickle.loads(pickle.dumps(error)).args,
            )

    told, status, after, _ = again(work).result
    assert told[:3] == ("23505", "products_name_key", "Key (name)=(axe) already exists.")
    assert (status.name, after.name) == ("INERROR", "IDLE")


def test_a_serialization_failure_is_raised_again_and_the_retry_replays(postgres):
    def work():
        tries = []
        with psycopg.connect(postgres.dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            while True:
                try:
                    with connection.transaction():
                        (price,) = connection.execute(
                            "SELECT price FROM products WHERE id = 1"
                        ).fetchone()
                        if not tries:
                            meddle()
                        connection.execute(
                            "UPDATE products SET price = %s WHERE id = 1", [price + 1]
                        )
                        return tries, price
                except psycopg.errors.SerializationFailure as error:
                    tries.append(error.sqlstate)

    def meddle():
        with psycopg.connect(postgres.dsn) as other:
            other.execute("UPDATE products SET price = 99 WHERE id = 1")

    recorded = Runs(work)
    assert recorded.result == (["40001"], 99)
    with postgres.gone():
        result, playback = recorded.replayed(work)
    assert result == recorded.result
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_lost_connection_is_lost_again(again):
    def work(connection):
        try:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        except psycopg.OperationalError as error:
            return type(error), connection.closed, connection.broken

    assert again(work).result == (psycopg.errors.AdminShutdown, True, True)


def test_a_server_that_is_down_is_down_again_even_when_it_is_up(postgres):
    def work():
        try:
            psycopg.connect(postgres.dsn)
        except psycopg.OperationalError as error:
            return type(error), str(error)

    with postgres.gone():
        recorded = Runs(work)
    assert "No such file" in recorded.result[1]
    assert recorded.replayed(work)[0] == recorded.result


def test_transactions_and_savepoints_are_outputs_with_names_by_order(again):
    def work(connection):
        with connection.transaction():
            connection.execute("UPDATE products SET price = 2 WHERE id = 1")
            try:
                with connection.transaction("mine"):
                    connection.execute("DELETE FROM products")
                    raise KeyError
            except KeyError:
                pass
            with connection.transaction():
                connection.execute("UPDATE products SET price = 3 WHERE id = 2")
        connection.rollback()
        return connection.info.transaction_status.name

    recorded = again(work)
    assert recorded.result == "IDLE"
    assert aliases(recorded)[1:] == [
        "psycopg BEGIN",
        "psycopg UPDATE products",
        "psycopg SAVEPOINT",
        "psycopg DELETE products",
        "psycopg ROLLBACK TO",
        "psycopg RELEASE",
        "psycopg SAVEPOINT",
        "psycopg UPDATE products",
        "psycopg RELEASE",
        "psycopg COMMIT",
    ]


def test_autocommit_begins_no_transaction(again):
    def work(connection):
        connection.execute("SELECT 1")
        idle = connection.info.transaction_status.name
        connection.autocommit = False
        connection.execute("SELECT 2")
        return idle, connection.info.transaction_status.name

    assert again(work, autocommit=True).result == ("IDLE", "INTRANS")


def test_a_transaction_in_two_phases(again):
    def work(connection):
        connection.tpc_begin(connection.xid(1, "shop", "one"))
        connection.execute("SELECT pg_current_xact_id()")
        connection.tpc_prepare()
        connection.tpc_commit()
        gone = connection.tpc_recover()
        return gone, connection.info.transaction_status.name

    recorded = again(work)
    assert recorded.result == ([], "IDLE")
    assert [each for each in aliases(recorded) if "PREPARE" in each or "COMMIT" in each] == [
        "psycopg PREPARE",
        "psycopg COMMIT",
    ]


def test_a_hollow_connection_has_nothing_to_cancel(again):
    def work(connection):
        connection.cancel()
        connection.cancel_safe()
        return connection.execute("SELECT 1").fetchone()

    again(work)


def test_whatever_libpq_could_be_asked_is_answered_or_refused():
    from playback_core.interceptors._pg_hollow import HollowPGconn

    inherited = {name for name in dir(psycopg.pq.PGconn) if not name.startswith("_")}
    made_of_another = {"connect", "connect_start", "make_empty_result", "ping", "pgconn_ptr"}
    assert inherited - set(vars(HollowPGconn)) <= made_of_another


def test_a_named_cursor_is_fetched_in_pages(again):
    def work(connection):
        with connection.cursor("pages", row_factory=scalar_row) as cursor:
            cursor.itersize = 2
            cursor.execute("SELECT name FROM products ORDER BY id")
            names = [*cursor]
        with connection.cursor("all", binary=True, scrollable=True) as cursor:
            cursor.execute("SELECT id, price FROM products ORDER BY id")
            first = cursor.fetchone()
            cursor.scroll(1)
            return names, first, cursor.fetchmany(5), [each.name for each in cursor.description]

    names, first, rest, columns = again(work).result
    assert names == ["axe", "bow", "cup"]
    assert (first, rest) == ((1, Decimal("12.50")), [(3, Decimal("4.75"))])
    assert columns == ["id", "price"]


def test_what_an_application_asks_a_connection_is_told_in_a_replay(again):
    def work(connection):
        info = connection.info
        return (
            (info.server_version, info.dbname, info.user, info.host, info.backend_pid),
            (info.encoding, str(info.timezone), info.parameter_status("DateStyle")),
            (connection.closed, connection.broken, connection.autocommit, info.status.name),
            isinstance(connection, psycopg.Connection),
        )

    again(work)


def test_a_stream_is_given_again_row_by_row(again):
    def work(connection):
        cursor = connection.cursor(row_factory=dict_row)
        return [*cursor.stream("SELECT id, name FROM products WHERE id < %s ORDER BY id", [3])]

    assert again(work).result == [{"id": 1, "name": "axe"}, {"id": 2, "name": "bow"}]


def test_what_copy_gives_is_an_input(again):
    def work(connection):
        cursor = connection.cursor()
        with cursor.copy("COPY (SELECT id, name FROM products ORDER BY id) TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            rows = [*copy.rows()]
        with cursor.copy("COPY products (name) TO STDOUT (FORMAT binary)") as copy:
            blocks = [bytes(block) for block in copy]
        return rows, blocks, cursor.rowcount, connection.info.transaction_status.name

    recorded = again(work)
    assert recorded.result[0] == [(1, "axe"), (2, "bow"), (3, "cup")]
    assert recorded.result[2:] == (3, "INTRANS")
    assert aliases(recorded) == ["psycopg connect", "psycopg COPY", "psycopg COPY products"]


def test_more_of_a_copy_than_was_read_before_it_was_given_up_is_a_miss(postgres):
    def work(many):
        with psycopg.connect(postgres.dsn) as connection:
            query = "COPY (SELECT * FROM generate_series(1, 1000000)) TO STDOUT"
            try:
                with connection.cursor().copy(query) as copy:
                    read = [copy.read_row() for _ in range(many)]
                    raise InterruptedError
            except InterruptedError:
                return read, connection.info.transaction_status.name

    recorded = Runs(lambda: work(1))
    with postgres.gone():
        assert recorded.replayed(lambda: work(1))[0] == recorded.result == ([("1",)], "INERROR")
        with pytest.raises(RecordingKeyError, match="More of a COPY is read"):
            recorded.replayed(lambda: work(1_000_000))


def test_what_is_copied_in_is_an_output(again, postgres):
    def work(connection):
        cursor = connection.cursor()
        with cursor.copy("COPY products (name, price) FROM STDIN") as copy:
            copy.write_row(("dam", Decimal("1.5")))
            copy.write("elm\t2\n")
        return cursor.rowcount, cursor.statusmessage, connection.info.transaction_status.name

    recorded = again(work)
    assert recorded.result == (2, "COPY 2", "INTRANS")
    (entry,) = [each for each in recorded.recording.entries if each.alias == "psycopg COPY data"]
    assert entry.decoded_arguments()["kwargs"] == {"data": "elm\t2\ndam\t1.5\n"}
    assert len(rows_in(postgres)) == 5


def test_much_that_is_copied_in_is_compared_by_its_digest(postgres):
    def work(last):
        with psycopg.connect(postgres.dsn) as connection, connection.cursor() as cursor:
            with cursor.copy("COPY products (name) FROM STDIN") as copy:
                for number in range(60_000):
                    copy.write(f"a rather long name {number}\n")
                copy.write(last)
            return cursor.rowcount

    recorded = Runs(lambda: work("one\n"))
    with postgres.gone():
        result, same = recorded.replayed(lambda: work("one\n"))
        _, other = recorded.replayed(lambda: work("two\n"))
    assert result == recorded.result == 60_001
    assert same.playback_outputs == same.recorded_outputs
    assert other.playback_outputs != other.recorded_outputs


def test_a_copy_that_fails_fails_again(again):
    def work(connection):
        try:
            with connection.cursor().copy("COPY products (name) FROM STDIN") as copy:
                copy.write("axe\n")
        except psycopg.errors.UniqueViolation as error:
            return error.sqlstate, connection.info.transaction_status.name

    assert again(work).result == ("23505", "INERROR")


def test_a_pipeline_replays_with_its_results(again):
    def work(connection):
        with connection.pipeline() as pipeline:
            first = connection.execute("SELECT name FROM products WHERE id = 1")
            second = connection.execute("SELECT 7")
            pipeline.sync()
            with connection.transaction():
                connection.execute("UPDATE products SET price = 1")
            rows = first.fetchone(), second.fetchone()
        return rows, connection.info.pipeline_status.name, connection.info.transaction_status.name

    assert again(work).result == ((("axe",), (7,)), "OFF", "INTRANS")


def test_notifications_are_a_stream(again):
    def work(connection):
        connection.execute("LISTEN news")
        connection.execute("SELECT pg_notify('news', 'hello')")
        return [tuple(each)[:2] for each in connection.notifies(timeout=5, stop_after=1)]

    assert again(work, autocommit=True).result == [("news", "hello")]


def test_a_notification_that_is_left_out_is_a_difference(postgres):
    def work(notifies=True):
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute("DELETE FROM products")
            if notifies:
                connection.execute("SELECT pg_notify('news', 'gone')")

    recorded = Runs(work)
    with postgres.gone():
        assert recorded.replayed(work).is_equal
        assert not recorded.replayed(lambda: work(notifies=False)).is_equal


def test_async_streams_and_copies_replay(postgres):
    async def work():
        async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
            cursor = connection.cursor()
            query = "SELECT name FROM products ORDER BY id"
            streamed = [row async for row in cursor.stream(query)]
            async with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
                rows = [row async for row in copy.rows()]
            async with cursor.copy("COPY products (name) FROM STDIN") as copy:
                await copy.write_row(["dam"])
            async with connection.pipeline():
                one = await connection.execute("SELECT 1")
                return streamed, rows, cursor.rowcount, await one.fetchone()

    def run():
        return asyncio.run(work())

    recorded = Runs(run)
    assert recorded.result[1:] == ([("axe",), ("bow",), ("cup",)], 1, (1,))
    with postgres.gone():
        result, playback = recorded.replayed(run)
    assert result == recorded.result
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


def test_an_async_connection_replays_as_a_sync_one_does(postgres):
    async def work():
        async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
            cursor = await connection.execute("SELECT id, name FROM products ORDER BY id")
            rows = [row async for row in cursor]
            async with connection.transaction():
                made = await connection.execute(
                    "INSERT INTO products (name) VALUES (%s) RETURNING id", ["dam"]
                )
                (number,) = await made.fetchone()
            async with connection.cursor("named") as named:
                await named.execute("SELECT name FROM products ORDER BY id")
                names = await named.fetchmany(2)
            many = connection.cursor()
            await many.executemany("DELETE FROM products WHERE id = %s", [[number], [1]])
            return rows, number, names, many.rowcount, connection.info.transaction_status.name

    def run():
        return asyncio.run(work())

    recorded = Runs(run)
    assert recorded.result[0][0] == (1, "axe")
    with postgres.gone():
        result, playback = recorded.replayed(run)
    assert result == recorded.result
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


def test_concurrent_tasks_keep_their_own_answers(postgres):
    async def ask(number):
        async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
            cursor = await connection.execute("SELECT %s::int * 2", [number])
            return (await cursor.fetchone())[0]

    async def work():
        return await asyncio.gather(*map(ask, range(5)))

    recorded = Runs(lambda: asyncio.run(work()))
    with postgres.gone():
        assert recorded.replayed(lambda: asyncio.run(work()))[0] == [0, 2, 4, 6, 8]


def test_a_statement_that_is_cancelled_is_cancelled_again(postgres):
    async def work():
        async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
            try:
                async with asyncio.timeout(0.1):
                    await connection.execute("SELECT pg_sleep(60)")
            except TimeoutError:
                status = connection.info.transaction_status.name
                await connection.rollback()
                return status, connection.info.transaction_status.name

    recorded = Runs(lambda: asyncio.run(work()))
    assert recorded.result == ("INERROR", "IDLE")
    with postgres.gone():
        result, playback = recorded.replayed(lambda: asyncio.run(work()))
    assert result == recorded.result
    assert playback.missed == []


def test_threads_that_share_a_connection_keep_their_own_answers(again):
    def work(connection):
        def ask(number):
            return connection.execute("SELECT %s::int * 2", [number]).fetchone()[0]

        with ThreadPoolExecutor(3) as pool:
            return [*pool.map(ask, range(6))]

    assert again(work).result == [0, 2, 4, 6, 8, 10]


def test_a_connection_opened_before_the_replay_is_left_alone_by_it(postgres):
    with psycopg.connect(postgres.dsn) as connection:

        def work():
            with connection.transaction(), connection.transaction():
                connection.execute("UPDATE products SET price = 0 WHERE id = 1")
                inside = connection.info.transaction_status.name
            connection.execute("SELECT count(*) FROM products")
            connection.commit()
            return inside

        recorded = Runs(work)
        before = connection.execute("SELECT xact_commit FROM pg_stat_database").fetchall()
        connection.rollback()
        result, playback = recorded.replayed(work)
        assert result == recorded.result == "INTRANS"
        assert playback.missed == []
        assert connection.info.transaction_status.name == "IDLE"
        assert connection._num_transactions == 0
        assert len(before) > 0


def test_a_connection_closed_before_the_replay_stays_closed(postgres):
    connection = psycopg.connect(postgres.dsn)
    connection.close()

    def work():
        with pytest.raises(psycopg.OperationalError, match="the connection is closed"):
            connection.execute("SELECT 1")
        return connection.closed

    recorded = Runs(work)
    assert recorded.replayed(work)[0] is True


def test_a_statement_that_was_not_recorded_is_a_miss_that_names_the_nearest(postgres):
    def work(column):
        with psycopg.connect(postgres.dsn) as connection:
            return connection.execute(
                f"SELECT {column} FROM products WHERE id = %s", [1]
            ).fetchone()

    recorded = Runs(lambda: work("name"))
    with postgres.gone(), pytest.raises(RecordingKeyError, match="SELECT name FROM products"):
        recorded.replayed(lambda: work("price"))


def test_a_reformatted_select_is_served_as_normalised(postgres):
    def work(query):
        with psycopg.connect(postgres.dsn) as connection:
            return connection.execute(query).fetchone()

    recorded = Runs(lambda: work("SELECT name FROM products WHERE id = 1"))
    with postgres.gone():
        result, playback = recorded.replayed(
            lambda: work("select name\n  from products\n  where id=1")
        )
    assert result == ("axe",)
    assert [each.how for each in playback.moved] == ["normalised"]


def test_a_changed_write_and_a_dropped_write_show_in_the_outputs(postgres):
    def work(price, second):
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute("UPDATE products SET price = %s WHERE id = 1", [price])
            if second:
                connection.execute("UPDATE products SET price = 0 WHERE id = 2")

    recorded = Runs(lambda: work(5, True))
    with postgres.gone():
        _, changed = recorded.replayed(lambda: work(6, True))
        _, dropped = recorded.replayed(lambda: work(5, False))
    assert changed.playback_outputs != changed.recorded_outputs
    assert len(dropped.playback_outputs) == len(dropped.recorded_outputs) - 1


def test_secrets_are_stored_nowhere(postgres):
    def work():
        with psycopg.connect(postgres.dsn, password="hunter2-dsn") as connection:
            connection.execute("CREATE TEMP TABLE users (name text, password text, more jsonb)")
            connection.execute(
                "INSERT INTO users VALUES (%(name)s, %(password)s, %(more)s)",
                {
                    "name": "ada",
                    "password": "hunter2-row",
                    "more": Jsonb({"token": "hunter2-json"}),
                },
            )
            return connection.execute("SELECT name, password, more FROM users").fetchone()[0]

    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = Redactor(key=b"k" * 32)
    recorded = Runs(work, recorder=recorder)
    stored = b"".join(
        encoded(part)
        for entry in recorded.recording.entries
        for part in (entry.arguments, entry.result)
        if part is not None
    )
    assert b"ada" in stored
    assert b"hunter2" not in stored
    with postgres.gone():
        result, playback = recorded.replayed(work)
    assert result == "ada"
    assert playback.missed == []


def test_uninstalling_leaves_psycopg_as_it_was(postgres):
    uninstall_interceptors()
    classes = (psycopg.Connection, psycopg.AsyncConnection, psycopg.Cursor, psycopg.AsyncCursor)
    classes += (psycopg.BaseConnection, psycopg.ConnectionInfo, psycopg.Copy, psycopg.Pipeline)
    before = [dict(vars(cls)) for cls in classes], psycopg.connect
    install_interceptors()
    assert psycopg.connect is not before[1]
    uninstall_interceptors()
    assert [dict(vars(cls)) for cls in classes] == before[0]
    assert psycopg.connect == before[1]
    install_interceptors()


def test_without_an_operation_psycopg_is_as_it_was(postgres):
    assert "psycopg" in installed()
    for name in ("execute", "executemany"):
        assert inspect.iscoroutinefunction(getattr(psycopg.AsyncCursor, name))
    with psycopg.connect(postgres.dsn) as connection:
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO products (name) VALUES (%s)", ([name] for name in "xyz"))
        with connection.transaction(force_rollback=True):
            connection.execute("DELETE FROM products")
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (6,)
        assert psycopg.connect.__name__ == "connect"
    assert Path(psycopg.__file__).name == "__init__.py"


@pytest.fixture
def archive(postgres):
    """Have a second database on the server; give how it is reached."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS archive")
        connection.execute("CREATE DATABASE archive")
    dsn = postgres.dsn.replace("dbname=postgres", "dbname=archive")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE products (id integer, price numeric)")
    return dsn


def moving(source, target):
    """Return an operation that writes to one database and another one."""

    def work():
        with psycopg.connect(source) as first, psycopg.connect(target) as second:
            first.execute("UPDATE products SET price = 1 WHERE id = 1")
            second.execute("UPDATE products SET price = 2 WHERE id = 1")

    return work


def test_a_write_that_goes_to_the_other_database_of_an_operation_is_a_difference(postgres, archive):
    recorded = Runs(moving(postgres.dsn, archive))
    with postgres.gone():
        same = recorded.replayed_the_same().playback
        astray = recorded.replayed(moving(postgres.dsn, postgres.dsn)).playback
        swapped = recorded.replayed(moving(archive, postgres.dsn)).playback
        elsewhere = recorded.replayed(moving("host=a dbname=b", "host=a dbname=c")).playback
        other_way = moving("host=a dbname=archive", "host=a dbname=postgres")
        swapped_elsewhere = recorded.replayed(other_way).playback
    assert same.other_databases == []
    for each in (astray, swapped, swapped_elsewhere):
        assert each.missed == []
        assert each.playback_outputs != each.recorded_outputs
    assert elsewhere.playback_outputs == elsewhere.recorded_outputs


def test_a_replay_on_another_database_says_which(postgres):
    def work(dsn):
        with psycopg.connect(dsn) as connection:
            connection.execute("UPDATE products SET price = 1 WHERE id = 1")

    recorded = Runs(lambda: work(postgres.dsn))
    asked = "host=laptop port=5433 dbname=dev user=me password=secret"
    playback = recorded.replayed(lambda: work(asked)).playback
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.other_databases == [
        OtherDatabase(
            library="psycopg",
            recorded=f"postgresql://{postgres.folder}:5432/postgres?user=postgres",
            replayed="postgresql://laptop:5433/dev?user=me",
        )
    ]


def test_several_hosts_in_one_address_are_one_database(postgres):
    hosts = f"{postgres.folder}/nobody,{postgres.folder}"

    def work():
        for _ in range(2):
            with psycopg.connect(f"host={hosts} user=postgres dbname=postgres") as connection:
                connection.execute("UPDATE products SET price = 1 WHERE id = 1")

    recorded = Runs(work)
    assert recorded.databases == {"psycopg": [f"postgresql://{hosts}:5432/postgres?user=postgres"]}
    with postgres.gone():
        assert recorded.replayed_the_same().playback.other_databases == []


def writing_to(*dsns):
    """Return an operation that writes the same to each of some databases."""

    def work():
        for dsn in dsns:
            with psycopg.connect(dsn) as connection:
                connection.execute("UPDATE products SET price = 1 WHERE id = 1")

    return work


def test_two_sockets_are_two_databases(postgres, tmp_path):
    second = tmp_path / "second"
    second.symlink_to(postgres.folder)
    dsn = postgres.dsn.replace(str(postgres.folder), str(second))
    recorded = Runs(writing_to(postgres.dsn, dsn))
    with postgres.gone():
        assert recorded.replayed_the_same()
        assert not recorded.replayed(writing_to(postgres.dsn, postgres.dsn)).is_equal


@pytest.mark.parametrize(
    "more", ["options='-c search_path=public,archive'", "target_session_attrs=primary"]
)
def test_what_makes_another_one_of_a_database_tells_it_apart(postgres, more):
    recorded = Runs(writing_to(postgres.dsn, f"{postgres.dsn} {more}"))
    with postgres.gone():
        assert recorded.replayed_the_same()
        assert not recorded.replayed(writing_to(postgres.dsn, postgres.dsn)).is_equal


@pytest.mark.parametrize("setting", ["search_path TO {}", "ROLE {}"])
def test_what_an_operation_sets_for_its_statements_is_compared(postgres, setting):
    def work(name):
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute(f"SET {setting.format(name)}")
            connection.execute("UPDATE public.products SET price = 1")

    recorded = Runs(lambda: work("postgres"))
    recorded.replayed_the_same()
    assert not recorded.replayed(lambda: work("pg_monitor")).is_equal


def test_connections_from_before_the_operation_have_their_addresses(postgres, archive):
    def writing(*connections):
        def work():
            for connection in connections:
                connection.execute("UPDATE products SET price = 1")

        return work

    with psycopg.connect(postgres.dsn) as first, psycopg.connect(archive) as second:
        recorded = Runs(writing(first, second))
        assert recorded.replayed_the_same()
        assert not recorded.replayed(writing(first, first)).is_equal
        assert not recorded.replayed(writing(second, first)).is_equal
        second.rollback()
        first.rollback()


@pytest.mark.parametrize("by_text", [True, False])
def test_a_commit_by_its_method_and_by_a_statement_are_the_same(postgres, by_text):
    def work(*, by_text):
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute("UPDATE products SET price = 1 WHERE id = 1")
            if by_text:
                connection.execute("COMMIT")
            else:
                connection.commit()
            return connection.info.transaction_status

    recorded = Runs(lambda: work(by_text=by_text))
    replay = recorded.replayed(lambda: work(by_text=not by_text))
    assert replay.result == recorded.result
    assert replay.is_equal


def test_what_is_copied_out_of_a_write_is_an_output(postgres):
    def work(*, keep):
        changes = "DELETE FROM products WHERE id = 1 RETURNING id"
        statement = f"COPY ({'SELECT 1' if keep else changes}) TO STDOUT"
        with (
            psycopg.connect(postgres.dsn) as connection,
            connection.cursor().copy(statement) as copied,
        ):
            return [*copied.rows()]

    recorded = Runs(lambda: work(keep=False))
    assert recorded.result == [("1",)]
    with postgres.gone():
        assert recorded.replayed_the_same()
        with pytest.raises(RecordingKeyError):
            recorded.replayed(lambda: work(keep=True))


def test_a_rollback_that_was_not_recorded_leaves_the_error_that_led_to_it(postgres):
    def work(name="dish"):
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute("INSERT INTO products (name) VALUES (%s)", [name])
            if name != "dish":
                raise LookupError(name)

    recorded = Runs(work)
    with postgres.gone():
        _, playback = recorded.replayed(lambda: work("egg"))
    assert isinstance(playback.playback_outputs[-1].value["args"][0], LookupError)
    aliases = [substitution.alias for substitution in playback.substituted]
    assert (playback.missed, aliases) == ([], ["psycopg ROLLBACK"])


def test_a_transaction_that_is_new_is_a_difference_and_no_miss(postgres):
    def work(*more):
        with psycopg.connect(postgres.dsn, autocommit=True) as connection, ExitStack() as stack:
            for each in more:
                stack.enter_context(connection.transaction(each))
            connection.execute("DELETE FROM products")

    recorded = Runs(work)
    with postgres.gone():
        _, playback = recorded.replayed(lambda: work(None, "part"))
    assert playback.missed == []
    steps = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")
    assert [each.alias for each in playback.substituted] == [f"psycopg {each}" for each in steps]
    assert len(playback.playback_outputs) == len(playback.recorded_outputs) + len(steps)


def test_a_part_of_a_transaction_that_ends_otherwise_is_a_difference_and_no_miss(postgres):
    def work(fails=False):
        with psycopg.connect(postgres.dsn) as connection:
            with suppress(LookupError), connection.transaction():
                connection.execute("DELETE FROM products")
                with connection.transaction():
                    connection.execute("DELETE FROM products")
                    if fails:
                        raise LookupError
            return connection.info.transaction_status

    recorded = Runs(work)
    with postgres.gone():
        result, playback = recorded.replayed(lambda: work(fails=True))
    assert result == recorded.result == pq.TransactionStatus.IDLE
    assert (playback.missed, [each.alias for each in playback.substituted]) == (
        [],
        ["psycopg ROLLBACK TO", "psycopg ROLLBACK"],
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"autocommit": True}, "autocommit"),
        (
            {"isolation_level": psycopg.IsolationLevel.SERIALIZABLE, "deferrable": True},
            "isolation_level=SERIALIZABLE, deferrable=True",
        ),
    ],
)
def test_a_write_under_other_transactions_is_a_difference(postgres, changed, told):
    def work(**mode):
        with psycopg.connect(postgres.dsn) as connection:
            for name, value in mode.items():
                setattr(connection, name, value)
            connection.execute("DELETE FROM products WHERE id = 1")

    recorded = Runs(work)
    with postgres.gone():
        _, playback = recorded.replayed(lambda: work(**changed))
    sent = playback.playback_outputs[0].value["kwargs"]
    assert "transaction" not in playback.recorded_outputs[0].value["kwargs"]
    assert (sent["transaction"], playback.missed) == (told, [])


@pytest.mark.parametrize("binary", [False, True])
def test_moments_that_are_copied_out_have_the_zone_of_the_connection(again, binary):
    how = "(FORMAT binary)" if binary else ""

    def work(connection):
        connection.execute("SET TIME ZONE 'Asia/Tokyo'")
        with connection.cursor().copy(
            f"COPY (SELECT id, added, added::timestamp FROM products) TO STDOUT {how}"
        ) as copy:
            copy.set_types(["int4", "timestamptz", "timestamp"])
            return [[str(each) for each in row] for row in copy.rows()]

    assert again(work).result[2] == ["3", "2024-03-01 15:30:00+09:00", "2024-03-01 15:30:00"]
