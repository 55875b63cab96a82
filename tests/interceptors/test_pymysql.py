"""PyMySQL is recorded against MariaDB, or what speaks its protocol, and replayed without it."""

from decimal import Decimal

import pymysql
import pymysql.cursors
import pytest
import sqlalchemy as sa

from playback_core import RecordingKeyError
from playback_core.interceptor import installed
from tests.interceptors.mariadb_server import mariadb_installed
from tests.interceptors.mysql_server import mysql_server
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

_TABLE = (
    "DROP TABLE IF EXISTS products",
    "CREATE TABLE products (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(20) UNIQUE,"
    " price decimal(10, 2), added date)",
    "INSERT INTO products VALUES (1, 'axe', 12.5, '2024-02-29'), (2, 'bow', NULL, NULL),"
    " (3, 'cup', 4.75, NULL)",
)


class Shop:
    """A database that can be connected to until it is gone."""

    def __init__(self, port):
        self.port = port

    def connect(self, database="shop", **options):
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="shop", database=database, **options
        )


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    if mariadb_installed():
        yield request.getfixturevalue("mariadb").port
        return
    with mysql_server(str(tmp_path_factory.mktemp("mysql") / "tables.sqlite")) as port:
        yield port


@pytest.fixture
def shop(server):
    shop = Shop(server)
    for database in ("archive", "shop"):
        with shop.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in _TABLE:
                cursor.execute(statement)
    return shop


@pytest.fixture
def again(shop):
    """Record an operation on a connection, replay it with nobody to connect to."""

    def check(operation, **options):
        def work():
            with shop.connect(**options) as connection:
                return operation(connection)

        recorded = Runs(work)
        shop.port = 1
        result, playback = recorded.replayed(work)
        assert result == recorded.result
        assert playback.missed == []
        assert [each.how for each in playback.moved] == ["normalised"]
        assert playback.playback_outputs == playback.recorded_outputs
        return recorded

    return check


def aliases(recorded):
    return [each.alias for each in recorded.recording.entries if each.alias.startswith("pymysql")]


def test_a_select_is_an_input_whose_rows_come_back_with_their_types(again):
    def work(connection):
        with connection.cursor() as cursor:
            count = cursor.execute("SELECT * FROM products WHERE id < %s ORDER BY id", (3,))
            rows = cursor.fetchone(), cursor.fetchall(), cursor.fetchone()
            return count, rows, cursor.description, cursor.rowcount, type(rows[1])

    recorded = again(work)
    count, rows, description, _, _ = recorded.result
    assert count == 2
    assert rows[0][1] == "axe"
    assert description[1][0] == "name"
    assert aliases(recorded) == ["pymysql connect", "pymysql SELECT products"]


def test_writes_are_outputs_whose_results_come_back(again, shop, server):
    def work(connection):
        with connection.cursor() as cursor:
            made = cursor.execute("INSERT INTO products (name) VALUES (%(name)s)", {"name": "dam"})
            last = cursor.lastrowid
            many = cursor.executemany(
                "INSERT INTO products (name, price) VALUES (%s, %s)",
                ((name, len(name)) for name in ("elm", "fir")),
            )
            changed = cursor.execute("UPDATE products SET price = %s", (Decimal("1.5"),))
            cursor.executemany("DELETE FROM products WHERE id = %s", [])
        connection.commit()
        return made, last, many, changed, connection.insert_id(), connection.affected_rows()

    recorded = again(work)
    assert recorded.result[:4] == (1, 4, 2, 6)
    assert aliases(recorded) == [
        "pymysql connect",
        "pymysql INSERT products",
        "pymysql INSERT products",
        "pymysql UPDATE products",
        "pymysql COMMIT",
    ]
    sent = [each.decoded_arguments()["kwargs"] for each in recorded.recording.entries[2:4]]
    assert [each["parameters"] for each in sent] == [
        {"name": "dam"},
        {"name": ["elm", "fir"], "price": [3, 3]},
    ]


@pytest.mark.parametrize(
    "cursor_class",
    [pymysql.cursors.DictCursor, pymysql.cursors.SSCursor, pymysql.cursors.SSDictCursor],
)
def test_every_class_of_cursors_gives_its_rows_again(again, cursor_class):
    def work(connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, name FROM products ORDER BY id")
            first = cursor.fetchone()
            rest = [*cursor.fetchmany(1), *cursor]
            cursor.execute("SELECT count(*) AS n FROM products")
            return first, rest, cursor.fetchall(), cursor.fetchone()

    first, rest, _, last = again(work, cursorclass=cursor_class).result
    assert len(rest) == 2
    assert last is None
    assert first in ((1, "axe"), {"id": 1, "name": "axe"})


def test_unbuffered_rows_beyond_those_that_were_read_are_a_miss(shop):
    def work(many):
        connection = shop.connect(cursorclass=pymysql.cursors.SSCursor)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT name FROM products ORDER BY id")
            return [cursor.fetchone() for _ in range(many)]

    recorded = Runs(lambda: work(2))
    shop.port = 1
    assert recorded.replayed(lambda: work(2))[0] == [("axe",), ("bow",)]
    with pytest.raises(RecordingKeyError, match="2 rows of this statement were fetched"):
        recorded.replayed(lambda: work(3))


def test_a_violated_constraint_is_raised_again(again):
    def work(connection):
        with connection.cursor() as cursor:
            try:
                cursor.execute("INSERT INTO products (name) VALUES ('axe')")
            except pymysql.IntegrityError as error:
                return error.args, cursor.description, connection.open

    assert again(work).result[0][0] == 1062


def test_transactions_are_outputs_and_their_state_is_told(again):
    def work(connection):
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT mine")
            cursor.execute("DELETE FROM products")
            cursor.execute("ROLLBACK TO SAVEPOINT mine")
        within = connection.server_status & 1
        connection.rollback()
        connection.autocommit(False)
        return within, connection.server_status & 1, connection.get_autocommit()

    recorded = again(work, autocommit=True)
    assert recorded.result == (1, 0, False)
    assert aliases(recorded)[1:] == [
        "pymysql BEGIN",
        "pymysql SAVEPOINT",
        "pymysql DELETE products",
        "pymysql ROLLBACK TO",
        "pymysql ROLLBACK",
        "pymysql SET",
    ]


def test_what_else_a_connection_asks_is_answered(again):
    def work(connection):
        connection.ping(reconnect=False)
        connection.select_db("archive")
        connection.set_character_set("latin1")
        direct = connection.query(sql="SELECT 1 / 0"), connection._result.rows
        info = connection.get_server_info(), connection.thread_id(), connection.get_host_info()
        return direct, info[:2], connection.show_warnings(), connection.encoding, connection.open

    direct, _, warnings, *rest = again(work).result
    assert direct == (1, ((None,),))
    assert len(warnings) == 1
    assert rest == ["cp1252", True]


def test_a_connection_is_deferred_opened_and_closed_again(shop):
    def work():
        connection = shop.connect(defer_connect=True)
        before = connection.open
        connection.connect()
        opened = connection.open
        connection.close()
        with pytest.raises(pymysql.err.Error, match="Already closed"):
            connection.close()
        with pytest.raises(pymysql.err.InterfaceError):
            connection.cursor().execute("SELECT 1")
        return before, opened, connection.open

    recorded = Runs(work)
    shop.port = 1
    result, playback = recorded.replayed(work)
    assert result == recorded.result == (False, True, False)
    assert playback.missed == []


def test_a_server_that_is_down_is_down_again(shop):
    up, shop.port = shop.port, 1

    def work():
        with pytest.raises(pymysql.OperationalError) as raised:
            shop.connect()
        return raised.value.args, type(raised.value.original_exception)

    recorded = Runs(work)
    assert recorded.result[0][0] == 2003
    shop.port = up
    assert recorded.replayed(work)[0] == recorded.result


def test_a_connection_opened_before_the_replay_is_left_alone_by_it(shop):
    connection = shop.connect(autocommit=True)

    def work():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM products WHERE id = 1")
            cursor.execute("SELECT count(*) FROM products")
            return cursor.fetchone()

    with connection:
        recorded = Runs(work)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM products")
        result, playback = recorded.replayed(work)
        assert result == recorded.result == (2,)
        assert playback.missed == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM products")
            assert cursor.fetchone() == (0,)


def test_a_statement_that_was_not_recorded_is_a_miss(shop):
    def work(column):
        with shop.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM products")

    recorded = Runs(lambda: work("name"))
    shop.port = 1
    with pytest.raises(RecordingKeyError, match="SELECT name FROM products"):
        recorded.replayed(lambda: work("price"))


def test_an_engine_of_sqlalchemy_replays_with_a_cold_pool(shop):
    def work(port):
        engine = sa.create_engine(f"mysql+pymysql://shop@127.0.0.1:{port}/shop")
        with engine.begin() as connection:
            insert = sa.text("INSERT INTO products (name) VALUES (:name)")
            made = connection.execute(insert, {"name": "dam"}).lastrowid
            names = connection.execute(sa.text("SELECT name FROM products ORDER BY id")).all()
        engine.dispose()
        return made, [tuple(each) for each in names]

    recorded = Runs(lambda: work(shop.port))
    assert recorded.result == (4, [("axe",), ("bow",), ("cup",), ("dam",)])
    result, playback = recorded.replayed(lambda: work(1))
    assert result == recorded.result
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


def test_the_password_is_stored_nowhere(shop):
    def work():
        with pytest.raises(pymysql.OperationalError, match="Access denied"):
            shop.connect(password="hunter2")

    recorded = Runs(work)
    for entry in recorded.recording.entries:
        assert b"hunter2" not in (entry.arguments or b"") + (entry.result or b"")


def test_without_an_operation_pymysql_is_as_it_was(shop):
    assert "pymysql" in installed()
    connection = shop.connect(autocommit=True, cursorclass=pymysql.cursors.SSCursor)
    with connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO products (name) VALUES (%s)", [("x",), ("y",)])
        cursor.execute("SELECT name FROM products ORDER BY id")
        assert cursor.fetchall() == [("axe",), ("bow",), ("cup",), ("x",), ("y",)]


def moving(shop, target):
    """Return an operation that writes to one database and another one."""

    def work():
        with shop.connect() as first, shop.connect(target) as second:
            for connection, price in ((first, 1), (second, 2)):
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE products SET price = %s WHERE id = 1", (price,))
                connection.commit()

    return work


def test_a_write_that_goes_to_the_other_database_of_an_operation_is_a_difference(shop):
    recorded = Runs(moving(shop, "archive"))
    assert recorded.replayed_the_same()
    astray = recorded.replayed(moving(shop, "shop"))
    assert astray.playback.missed == []
    assert astray.playback.playback_outputs != astray.playback.recorded_outputs


def test_a_rollback_that_was_not_recorded_leaves_the_error_that_led_to_it(shop):
    def work(name="dish"):
        with shop.connect() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO products (name) VALUES (%s)", [name])
            try:
                cursor.execute("SELECT name FROM products WHERE name = %s", [name])
                connection.commit()
            except Exception:
                connection.rollback()
                raise

    recorded = Runs(work)
    with pytest.raises(RecordingKeyError, match="SELECT products") as raised:
        recorded.replayed(lambda: work("egg"))
    assert "ROLLBACK" not in str(raised.value)


@pytest.mark.parametrize("begin", ["BEGIN", "START TRANSACTION"])
def test_a_transaction_that_is_new_is_a_difference_and_no_miss(shop, begin):
    def work(*begins):
        with shop.connect(autocommit=True) as connection, connection.cursor() as cursor:
            for each in begins:
                cursor.execute(each)
            return cursor.execute("DELETE FROM products WHERE id = 1")

    recorded = Runs(work)
    result, playback = recorded.replayed(lambda: work(begin))
    assert (result, playback.missed) == (recorded.result, [])
    (substituted,) = playback.substituted
    assert substituted.alias == f"pymysql {begin}"


def test_a_write_in_autocommit_where_it_was_none_is_a_difference(shop):
    def work(**options):
        with shop.connect(**options) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM products WHERE id = 1")
            connection.commit()

    _, playback = Runs(work).replayed(lambda: work(autocommit=True))
    recorded, sent = (
        outputs[0].value["kwargs"]
        for outputs in (playback.recorded_outputs, playback.playback_outputs)
    )
    assert sent == {**recorded, "transaction": "autocommit"}


def test_an_engine_in_autocommit_sets_that_once_for_a_connection_in_a_replay_too(shop):
    engine = sa.create_engine(
        f"mysql+pymysql://shop@127.0.0.1:{shop.port}/shop", isolation_level="AUTOCOMMIT"
    )

    def work():
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return connection.execute(sa.text("DELETE FROM products")).rowcount

    recorded = Runs(work)
    engine.dispose()
    recorded.replayed_the_same()
