"""What of PyMySQL only a real server shows: recorded against MariaDB, replayed without it."""

import json
import subprocess
import sys
import warnings
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal

import pymysql
import pymysql.cursors
import pytest
import sqlalchemy as sa
from pymysql.constants import CLIENT

from playback_core import RecordingKeyError
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

_TABLES = (
    "DROP TABLE IF EXISTS parts, orders",
    "CREATE TABLE orders (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(20) UNIQUE,"
    " price decimal(10, 2), body json, made datetime(6), took time, payload blob)",
    "CREATE TABLE parts (id integer PRIMARY KEY, order_id integer NOT NULL,"
    " FOREIGN KEY (order_id) REFERENCES orders (id))",
    "INSERT INTO orders (name, price) VALUES ('axe', 12.5), ('bow', NULL), ('cup', 4.75)",
    "CREATE OR REPLACE PROCEDURE both_of(IN wanted integer, OUT named varchar(20)) BEGIN"
    " SELECT id FROM orders WHERE id = wanted; SELECT name, price FROM orders ORDER BY id;"
    " SELECT name INTO named FROM orders WHERE id = wanted; END",
)


class Shop:
    """A database that can be connected to until it is gone: where it is, is changed then."""

    def __init__(self, server):
        self.server = server
        self.port = server.port

    def connect(self, database="shop", **options):
        return pymysql.connect(
            **{"host": "127.0.0.1", "port": self.port, "user": "shop", "database": database}
            | options
        )


@pytest.fixture
def shop(mariadb):
    shop = Shop(mariadb)
    for database in ("archive", "shop"):
        with shop.connect(database, autocommit=True) as connection:
            for statement in _TABLES:
                connection.query(statement)
    return shop


@pytest.fixture
def again(shop):
    """Record an operation on a connection, replay it with nobody to connect to."""

    def check(operation, **options):
        def work():
            with shop.connect(**options) as connection:
                return operation(connection)

        recorded = Runs(work)
        assert recorded.recorder.counters == {"recorded": 1}
        shop.port = 1
        result, playback = recorded.replayed(work)
        assert result == recorded.result
        assert playback.missed == []
        assert playback.never_consumed == []
        assert playback.playback_outputs == playback.recorded_outputs
        return recorded

    return check


def test_values_of_every_type_come_back(again):
    made = datetime(2024, 2, 29, 12, 30, 1, 500)

    def work(connection):
        with connection.cursor() as cursor:
            insert = "INSERT INTO orders (name, price, body, made, took, payload)"
            values = (
                Decimal("1.50"),
                '{"a": [1]}',
                made,
                timedelta(hours=30),
                b"\x00\xff",
            )
            cursor.execute(f"{insert} VALUES ('dam', %s, %s, %s, %s, _binary %s)", values)
            cursor.execute("SELECT price, body, made, took, payload FROM orders WHERE name = 'dam'")
            found = cursor.fetchall()
            cursor.execute(
                "SELECT 18446744073709551615, 1.5e0, current_date() > '2020-01-01', b'1'"
            )
            return found, cursor.fetchall(), cursor.description

    found, numbers, _ = again(work).result
    assert found == ((Decimal("1.50"), '{"a": [1]}', made, timedelta(hours=30), b"\x00\xff"),)
    assert numbers == ((18446744073709551615, 1.5, 1, b"\x01"),)


def test_results_of_a_procedure_come_back_with_its_parameters(again):
    def work(connection):
        with connection.cursor() as cursor:
            given = cursor.callproc("both_of", (2, None))
            results = [cursor.fetchall()]
            while cursor.nextset():
                results.append(cursor.fetchall())
            cursor.execute("SELECT @_both_of_1")
            return given, results, cursor.fetchone()

    given, results, out = again(work).result
    assert given == (2, None)
    assert results[0] == ((2,),)
    assert [name for name, _ in results[1]] == ["axe", "bow", "cup"]
    assert out == ("bow",)


def test_several_statements_in_one_come_back(again):
    def work(connection):
        with connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(
                "INSERT INTO orders (name) VALUES ('dam'); SELECT max(id) FROM orders; SELECT 1"
            )
            results = [(cursor.rowcount, cursor.lastrowid)]
            while cursor.nextset():
                results.append(cursor.fetchall())
        connection.commit()
        return results

    assert again(work, client_flag=CLIENT.MULTI_STATEMENTS).result[1:] == [[(4,)], [(1,)]]


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("", r"SELECT 'it\'s'; DELETE FROM orders WHERE name = 'axe'"),
        ("", r'''SELECT "it\"s"; DELETE FROM orders WHERE name = "axe"'''),
        (
            "NO_BACKSLASH_ESCAPES",
            r"SELECT 'C:\'; DELETE FROM orders WHERE name = 'axe' OR '\' = ''",
        ),
        ("ANSI_QUOTES", r'''SELECT 1 AS "C:\"; DELETE FROM orders -- "'''),
        ("", "SELECT 1 # it's\n; DELETE FROM orders WHERE name = 'axe'"),
        ("", "SELECT 5--1; DELETE FROM orders"),
        ("", "SELECT 1 /*!50000 , '*/' */; DELETE FROM orders WHERE name != ''"),
        ("", "SELECT 2*/* it's */3; DELETE FROM orders WHERE name != 'b'"),
    ],
)
def test_a_write_that_only_the_server_s_own_reading_shows_is_an_output(again, mode, text):
    def work(connection):
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = %s", (mode,))
            cursor.execute(text)
            while cursor.nextset():
                pass
            cursor.execute("SELECT count(*) FROM orders WHERE name = 'axe'")
            return cursor.fetchall()

    recorded = again(work, client_flag=CLIENT.MULTI_STATEMENTS)
    assert recorded.result == ((0,),)
    assert ("OUTPUT", "pymysql SELECT") in recorded.calls


def test_returning_gives_its_rows_again(again):
    def work(connection):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (name) VALUES ('dam'), ('elm') RETURNING id, name")
            made = cursor.fetchall()
            cursor.execute("DELETE FROM orders WHERE id > 3 RETURNING name")
            return made, cursor.fetchall(), cursor.rowcount

    assert again(work).result == (((4, "dam"), (5, "elm")), (("dam",), ("elm",)), 2)


def test_a_replaced_or_updated_row_counts_as_it_did(again):
    def work(connection):
        with connection.cursor() as cursor:
            sql = "INSERT INTO orders (name, price) VALUES (%s, %s)"
            upsert = f"{sql} ON DUPLICATE KEY UPDATE price = VALUES(price)"
            counts = [cursor.execute(upsert, row) for row in (("axe", 1), ("axe", 1), ("dam", 2))]
            many = cursor.executemany(sql, [("elm", 1), ("fir", 2)]), cursor.lastrowid
            replaced = cursor.execute("REPLACE INTO orders (id, name) VALUES (2, 'bow')")
            ignored = cursor.execute("INSERT IGNORE INTO orders (name) VALUES ('axe')")
            return (
                counts,
                many,
                replaced,
                ignored,
                cursor.execute("DELETE FROM orders WHERE id = 9"),
            )

    counts, _, replaced, ignored, none = again(work).result
    assert counts == [2, 0, 1]
    assert (replaced, ignored, none) == (2, 0, 0)


def test_a_transaction_is_isolated_and_rolled_back_as_it_was(again, shop):
    def work(connection):
        with closing(shop.connect()) as other, connection.cursor() as cursor:
            cursor.execute("UPDATE orders SET price = 99 WHERE id = 1")
            with other.cursor() as reader:
                reader.execute("SELECT price FROM orders WHERE id = 1")
                seen = reader.fetchone()
            connection.rollback()
            cursor.execute("SELECT price FROM orders WHERE id = 1")
            return seen, cursor.fetchone(), connection.server_status

    assert again(work).result[:2] == ((Decimal("12.50"),), (Decimal("12.50"),))


def test_errors_come_again_with_their_class_and_code(again):
    def work(connection):
        told = []
        for sql in (
            "INSERT INTO orders (name) VALUES ('axe')",
            "INSERT INTO parts VALUES (1, 77)",
            "INSERT INTO orders (name) VALUES (repeat('x', 30))",
            "SELECT * FROM nowhere",
            "SELEC 1",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'",
        ):
            try:
                connection.query(sql)
            except pymysql.MySQLError as error:
                told.append((type(error), error.args[0]))
        return told, connection.open

    told, is_open = again(work).result
    assert told == [
        (pymysql.IntegrityError, 1062),
        (pymysql.IntegrityError, 1452),
        (pymysql.DataError, 1406),
        (pymysql.ProgrammingError, 1146),
        (pymysql.ProgrammingError, 1064),
        (pymysql.OperationalError, 1644),
    ]
    assert is_open


def test_a_connection_that_the_server_ended_is_lost_again_and_made_anew(again, shop):
    def work(connection):
        with closing(shop.connect()) as other:
            other.kill(connection.thread_id())
        with pytest.raises(pymysql.OperationalError) as lost, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        before = connection.open
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            connection.ping(reconnect=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM orders")
            return lost.value.args[0], before, connection.open, cursor.fetchone()

    assert again(work).result == (2013, False, True, (3,))


@pytest.mark.parametrize("by_parameter", [True, False])
def test_what_is_in_a_file_that_is_loaded_is_compared(shop, tmp_path, by_parameter):
    rows = tmp_path / "rows 'n' columns.csv"
    rows.write_text("7,dam\n")

    def work():
        with shop.connect(local_infile=True) as connection, connection.cursor() as cursor:
            path = "%s" if by_parameter else connection.escape(str(rows))
            cursor.execute(
                f"load data local infile {path} INTO TABLE orders"
                " FIELDS TERMINATED BY ',' (id, name)",
                [str(rows)] if by_parameter else None,
            )
            return cursor.rowcount

    recorded = Runs(work)
    assert recorded.result == 1
    assert recorded.replayed_the_same()
    rows.write_text("7,elm\n")
    assert not recorded.replayed().is_equal
    rows.unlink()
    (changed, _) = recorded.replayed().playback.playback_outputs
    assert changed.value["kwargs"]["file"] == "not there"


def writing(shop, *databases, choose):
    """Return an operation that writes to databases by one connection, choosing each in turn."""

    def work():
        with shop.connect() as connection, connection.cursor() as cursor:
            for number, database in enumerate(databases):
                choose(connection, cursor, database)
                cursor.execute("UPDATE orders SET price = %s WHERE id = 1", (number,))
            connection.commit()

    return work


@pytest.mark.parametrize(
    "choose",
    [
        lambda connection, cursor, database: connection.select_db(database),
        lambda connection, cursor, database: cursor.execute(f"/* now */ USE `{database}`"),
    ],
)
def test_a_use_before_the_operation_counts(shop, choose):
    def moving(one, two):
        def work():
            for connection in (one, two):
                connection.query("UPDATE orders SET price = 2 WHERE id = 1")

        return work

    with shop.connect() as first, shop.connect() as second:
        with second.cursor() as cursor:
            choose(second, cursor, "archive")
        recorded = Runs(moving(first, second))
        assert recorded.replayed_the_same()
        assert not recorded.replayed(moving(first, first)).is_equal
        assert not recorded.replayed(moving(second, first)).is_equal


def test_a_use_within_the_operation_counts(shop):
    def choose(connection, cursor, database):
        connection.select_db(database)

    recorded = Runs(writing(shop, "shop", "archive", choose=choose))
    shop.port = 1
    same = recorded.replayed()
    assert same.playback.playback_outputs == same.playback.recorded_outputs
    sent = [each.decoded_arguments()["kwargs"] for each in recorded.recording.entries[2:7]]
    assert [(each["sql"][:6], each.get("database")) for each in sent] == [
        *(("USE `s", None), ("UPDATE", None), ("USE `a", None), ("UPDATE", 2), ("COMMIT", 2)),
    ]
    swapped = recorded.replayed(writing(shop, "archive", "shop", choose=choose))
    assert swapped.playback.playback_outputs != swapped.playback.recorded_outputs


def test_a_replay_does_not_choose_for_a_connection_from_before_it(shop):
    with shop.connect(autocommit=True) as connection:

        def work():
            connection.select_db("archive")
            connection.query("UPDATE orders SET price = 2 WHERE id = 1")

        recorded = Runs(work)
        connection.select_db("shop")
        assert recorded.replayed_the_same()
        with connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE()")
            assert cursor.fetchone() == ("shop",)
        assert Runs(lambda: connection.query("UPDATE orders SET price = 3")).databases == {
            "pymysql": [f"mysql://127.0.0.1:{shop.server.port}/shop?user=shop"]
        }


def test_a_socket_is_an_address(shop, mariadb):
    def work():
        with shop.connect(unix_socket=mariadb.socket) as connection:
            connection.query("UPDATE orders SET price = 2")

    recorded = Runs(work)
    assert recorded.databases == {"pymysql": [f"mysql://{mariadb.socket}/shop?user=shop"]}
    assert recorded.replayed_the_same()


@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES"])
def test_an_engine_of_sqlalchemy_replays_with_the_server_gone(shop, mode):
    tables = sa.MetaData()
    orders = sa.Table(
        "orders",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(20)),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("body", sa.JSON),
    )

    def work(port):
        engine = sa.create_engine(
            f"mysql+pymysql://shop@127.0.0.1:{port}/shop",
            pool_pre_ping=True,
            connect_args={"sql_mode": mode},
        )
        with engine.begin() as connection:
            made = connection.execute(sa.insert(orders).values(name="dam", body={"a": 1}))
            connection.execute(sa.insert(orders), [{"name": "elm"}, {"name": "fir"}])
            with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
                connection.execute(sa.insert(orders).values(name="dam"))
            changed = connection.execute(sa.update(orders).values(price=Decimal("1.5"))).rowcount
        with engine.connect() as connection:
            rows = connection.execution_options(stream_results=True).execute(
                sa.select(orders).order_by(orders.c.id)
            )
            found = [tuple(each) for each in rows]
        engine.dispose()
        return made.inserted_primary_key[0], changed, found

    recorded = Runs(lambda: work(shop.port))
    key, changed, found = recorded.result
    assert (key, changed) == (4, 6)
    assert found[3] == (4, "dam", Decimal("1.50"), {"a": 1})
    result, playback = recorded.replayed(lambda: work(1))
    assert result == recorded.result
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_procedure_that_is_called_once_more_is_a_miss(shop):
    def work(number):
        with shop.connect() as connection, connection.cursor() as cursor:
            cursor.callproc("both_of", (number, None))
            return cursor.fetchall()

    recorded = Runs(lambda: work(1))
    shop.port = 1
    assert recorded.replayed(lambda: work(1)).result == ((1,),)
    with pytest.raises(RecordingKeyError):
        recorded.replayed(lambda: (work(1), work(1)))


def test_the_orm_of_django_on_mysql_replays_elsewhere(mariadb):
    command = [sys.executable, "-m", "tests.django.database.on_mysql", str(mariadb.port)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    recorded, replayed = told["results"]
    assert recorded == replayed
    assert recorded[1:5] == [1062, 1, False, 3]
    assert (told["missed"], told["moved"], told["as_sent"]) == ([], [], True)
    there, here = (f"mysql://127.0.0.1:{port}/shop?user=shop" for port in (mariadb.port, 1))
    assert told["others"] == [["django default", there, here]]


@pytest.mark.parametrize("by_text", [True, False])
@pytest.mark.parametrize(
    ("method", "text"),
    [
        (lambda connection: connection.commit(), "COMMIT"),
        (lambda connection: connection.autocommit(True), "SET AUTOCOMMIT = 1"),
    ],
)
def test_a_method_and_its_statement_are_the_same(shop, method, text, by_text):
    def work(*, by_text):
        with shop.connect() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE orders SET price = 1 WHERE id = 1")
            if by_text:
                cursor.execute(text)
            else:
                method(connection)
            cursor.execute("SELECT 1")
            return cursor.fetchall()

    recorded = Runs(lambda: work(by_text=by_text))
    assert recorded.replayed(lambda: work(by_text=not by_text)).is_equal
