"""What is read and written by `sqlite3` is recorded, and answered again without the database."""

import gc
import sqlite3
import sqlite3.dbapi2
import sys
import threading
import weakref
from collections import namedtuple
from contextlib import closing, suppress
from copy import deepcopy
from datetime import date

import pytest

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.cassettes.sqlite import SQLiteTapeCassette
from playback_core.codec.redaction import Redactor
from playback_core.entry import encoded
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from playback_core.studio import Equalizer, compare_outputs
from tests.interceptors.concealing import stored
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")

SCHEMA = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT UNIQUE, cents INTEGER);
INSERT INTO product (name, cents) VALUES ('axe', 4200), ('broom', 950), ('chisel', 1800);
"""
NAMES = [("axe",), ("broom",), ("chisel",)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@pytest.fixture
def replays_equal(path):
    """Record an operation, remove the database, and check that a replay comes out the same."""

    def check(operation):
        recorded = Runs(operation)
        path.unlink(missing_ok=True)
        result, playback = recorded.replayed(operation)
        assert result == recorded.result
        assert playback.missed == []
        assert playback.moved == []
        assert playback.never_consumed == []
        assert playback.playback_outputs == playback.recorded_outputs
        assert not path.exists()
        return result

    return check


def test_rows_are_given_again_however_they_are_fetched(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.cursor()
            query = "SELECT name, cents FROM product WHERE cents > ? ORDER BY id"
            return [
                cursor.execute(query, (0,)).fetchall(),
                cursor.execute(query, (1,)).fetchone(),
                cursor.execute(query, (2,)).fetchmany(2),
                cursor.fetchmany(size=5),
                list(cursor.execute(query, (3,))),
                [next(cursor.execute(query, (4,))), next(cursor), *cursor],
                next(cursor, "no more"),
                cursor.fetchone(),
                cursor.description,
                list(connection.execute("SELECT 1 WHERE 0")),
            ]

    rows = [("axe", 4200), ("broom", 950), ("chisel", 1800)]
    result = replays_equal(work)
    assert result[:3] == [rows, rows[0], rows[:2]]
    assert result[3:6] == [rows[2:], rows, rows]
    assert result[6:8] == ["no more", None]


def test_factories_of_rows_are_the_application_s_own_in_a_replay(path, replays_equal):
    Product = namedtuple("Product", "id name cents")

    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            query = "SELECT * FROM product ORDER BY id"
            found = [dict(row) for row in connection.execute(query)]
            found += [row["name"] for row in connection.execute(query).fetchall()]
            found += [connection.execute(query).fetchone().keys()]
            cursor = connection.cursor()
            cursor.row_factory = lambda cursor, row: Product(*row)
            found += [product.name for product in cursor.execute(query)]
            cursor.row_factory = lambda cursor, row: dict(
                zip([column[0] for column in cursor.description], row, strict=True)
            )
            return found + cursor.execute(query).fetchmany(1)

    result = replays_equal(work)
    assert result[0] == {"id": 1, "name": "axe", "cents": 4200}
    assert result[-1] == result[0]


def test_what_a_factory_of_rows_raises_is_the_application_s(path, replays_equal):
    def refused(cursor, row):
        raise LookupError(row[0])

    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = refused
            failures = []
            for fetch in (sqlite3.Cursor.fetchall, sqlite3.Cursor.fetchone, list):
                cursor = connection.execute("SELECT name FROM product")
                try:
                    getattr(cursor, fetch.__name__, lambda c=cursor: list(c))()
                except LookupError as error:
                    failures.append(error.args)
            return failures

    assert replays_equal(work) == [("axe",)] * 3


def test_types_converted_by_the_application_are_kept(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path, detect_types=sqlite3.PARSE_COLNAMES)) as connection:
            connection.text_factory = bytes
            query = "SELECT name, x'00ff', 1.5, NULL, '2026-01-31' AS \"day [day]\" FROM product"
            return connection.execute(query).fetchone()

    sqlite3.register_converter("day", lambda text: date.fromisoformat(text.decode()))
    try:
        result = replays_equal(work)
    finally:
        del sqlite3.converters["DAY"]
    assert result == (b"axe", b"\x00\xff", 1.5, None, date(2026, 1, 31))


def test_writes_are_outputs_whose_results_are_given_again(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.cursor()
            cursor.execute("INSERT INTO product (name, cents) VALUES (?, ?)", ("drill", 9900))
            seen = [cursor.rowcount, cursor.lastrowid, connection.in_transaction]
            cursor.execute("UPDATE product SET cents = cents + 1")
            seen += [cursor.rowcount, connection.total_changes]
            connection.commit()
            seen += [connection.in_transaction]
            returned = connection.execute("DELETE FROM product RETURNING name")
            seen += [sorted(returned.fetchall()), returned.rowcount]
            cursor.execute("INSERT INTO product (name) VALUES ('saw') RETURNING name")
            return [*seen, cursor.rowcount, cursor.fetchone(), cursor.rowcount]

    names = [("axe",), ("broom",), ("chisel",), ("drill",)]
    assert replays_equal(work)[:8] == [1, 4, True, 4, 5, False, names, 4]


def test_each_call_is_told_by_what_it_is_and_its_table(path):
    def work():
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("SELECT * FROM product WHERE id = :id", {"id": 1})
            connection.execute("INSERT INTO product (name) VALUES (?)", ("saw",))

    recorded = Runs(work)
    assert recorded.calls[1:-1] == [
        ("INPUT", "sqlite3 SELECT product"),
        ("OUTPUT", "sqlite3 INSERT product"),
        ("OUTPUT", "sqlite3 COMMIT"),
    ]
    _, select, insert, *_ = recorded.recording.entries
    asked = {"sql": "SELECT * FROM product WHERE id = :id", "parameters": {"id": 1}}
    assert select.decoded_arguments() == [[], asked]
    sent = {"sql": "INSERT INTO product(name) VALUES(?)", "parameters": {"name": "saw"}}
    assert insert.decoded_arguments()["kwargs"] == sent


def test_a_write_of_something_else_is_a_difference_and_one_laid_out_otherwise_is_none(path):
    def work(text, *parameters):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(text, parameters)

    text = "UPDATE product SET cents = ? WHERE id = ?"
    recorded = Runs(lambda: work(text, 100, 1))
    _, playback = recorded.replayed(lambda: work("UPDATE  product\nSET cents=? WHERE id=?", 100, 1))
    assert playback.playback_outputs == playback.recorded_outputs
    _, playback = recorded.replayed(lambda: work(text, 200, 1))
    assert playback.playback_outputs != playback.recorded_outputs
    assert playback.playback_outputs[0].value["kwargs"]["parameters"] == {"cents": 200, "id": 1}


def test_a_query_that_means_the_same_is_served_as_normalised(path):
    def work(text):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(text).fetchall()

    recorded = Runs(lambda: work("SELECT name FROM product WHERE cents >= 1800"))
    result, playback = recorded.replayed(
        lambda: work("select name\nfrom product -- dear\nwhere cents >= 1800.0")
    )
    assert result == recorded.result
    assert [each.how for each in playback.moved] == ["normalised"]


def test_a_list_of_values_in_another_order_is_served_as_normalised_and_bounds_are_not(path):
    def work(text, *given):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(text, given).fetchall()

    among = "SELECT cents FROM product WHERE name IN (?, ?, ?)"
    recorded = Runs(lambda: work(among, "axe", "saw", "broom"))
    result, playback = recorded.replayed(lambda: work(among, "saw", "broom", "axe"))
    assert result == recorded.result
    assert [each.how for each in playback.moved] == ["normalised"]
    for given in (("saw", "broom", "hat"), ("saw", "saw", "axe")):
        with pytest.raises(RecordingKeyError):
            recorded.replayed(lambda given=given: work(among, *given))

    between = "SELECT name FROM product WHERE cents > ? AND cents < ?"
    recorded = Runs(lambda: work(between, 1, 5000))
    with pytest.raises(RecordingKeyError):
        recorded.replayed(lambda: work(between, 5000, 1))


def test_a_query_that_was_not_recorded_is_a_miss(path):
    def work(least):
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT name FROM product WHERE cents >= ?"
            return connection.execute(query, (least,)).fetchall()

    recorded = Runs(lambda: work(1))
    with pytest.raises(RecordingKeyError, match="was 1, is 2"):
        recorded.replayed(lambda: work(2))


def test_more_rows_than_were_fetched_are_a_miss_and_fewer_are_none(path):
    def work(count):
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT name FROM product").fetchmany(count)

    recorded = Runs(lambda: work(2))
    result, playback = recorded.replayed(lambda: work(1))
    assert result == recorded.result[:1]
    assert playback.missed == []
    with pytest.raises(RecordingKeyError, match="2 rows of this statement were fetched"):
        recorded.replayed(lambda: work(3))


@pytest.mark.parametrize("factory", [None, sqlite3.Row])
def test_rows_of_which_only_some_were_read_are_kept_so_far(path, replays_equal, factory):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = factory
            for row in connection.execute("SELECT name FROM product ORDER BY id"):
                return tuple(row)

    assert replays_equal(work) == ("axe",)


def test_a_fetch_of_no_number_is_of_all_rows(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute("SELECT name FROM product ORDER BY id")
            return cursor.fetchmany(0), cursor.fetchmany(0)

    assert replays_equal(work) == (NAMES, [])


def test_fetches_between_the_steps_of_a_loop_keep_their_order(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute("SELECT name FROM product ORDER BY id")
            return [(row, cursor.fetchone()) for row in cursor]

    assert replays_equal(work) == [(NAMES[0], NAMES[1]), (NAMES[2], None)]


@pytest.mark.parametrize("factory", [None, sqlite3.Row])
def test_many_rows_read_one_by_one_are_kept(path, replays_equal, factory):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = factory
            count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
            cursor = connection.execute(f"{count} SELECT i, 'row ' || i FROM n")
            first = cursor.fetchone()
            return [tuple(row) for row in (first, *cursor)]

    assert replays_equal(work)[-1] == (1000, "row 1000")


def test_rows_of_sqlite_s_own_class_are_given_however_they_are_fetched(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            cursor = connection.execute("SELECT id, name FROM product ORDER BY id")
            rows = [cursor.fetchone(), next(cursor), *cursor.fetchmany(5), cursor.fetchone()]
            rows += cursor.execute("SELECT count(*) AS number FROM product").fetchall()
            return [row and (type(row).__name__, dict(row)) for row in rows]

    result = replays_equal(work)
    assert result[0] == ("Row", {"id": 1, "name": "axe"})
    assert result[-2:] == [None, ("Row", {"number": 3})]


def test_errors_are_raised_again_with_what_they_say(path, replays_equal):
    def work():
        errors = []
        with closing(sqlite3.connect(path)) as connection:
            for text in ("INSERT INTO product (name) VALUES ('axe')", "SELECT * FROM nowhere", "?"):
                try:
                    connection.execute(text)
                except sqlite3.Error as error:
                    errors.append((type(error), error.args))
                    errors.append((error.sqlite_errorcode, error.sqlite_errorname))
        try:
            sqlite3.connect(path.parent / "missing" / "x.db")
        except sqlite3.OperationalError as error:
            errors.append(error.sqlite_errorname)
        return errors

    result = replays_equal(work)
    assert result[0] == (sqlite3.IntegrityError, ("UNIQUE constraint failed: product.name",))
    assert result[1] == (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "SQLITE_CONSTRAINT_UNIQUE")
    assert result[-1] == "SQLITE_CANTOPEN"


@pytest.mark.parametrize("fetch", ["fetchone", "fetchall", "list", "row_factory"])
def test_a_fetch_that_fails_does_so_again_behind_the_rows_before_it(path, replays_equal, fetch):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            if fetch == "row_factory":
                connection.row_factory = sqlite3.Row
            cursor = connection.execute("SELECT 'ok' UNION ALL SELECT cast(x'ff' AS TEXT)")
            seen = []
            try:
                if fetch == "fetchall":
                    seen += cursor.fetchall()
                elif fetch == "fetchone":
                    seen += [cursor.fetchone(), cursor.fetchone()]
                else:
                    seen.extend(row[0] for row in cursor)
            except sqlite3.OperationalError as error:
                return len(seen), str(error)

    assert "Could not decode to UTF-8" in replays_equal(work)[1]


def test_what_is_closed_or_never_ran_is_so_in_a_replay(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            idle = connection.cursor()
            found = [idle.fetchone(), idle.fetchall(), idle.description, list(idle)]
            cursor = connection.execute("SELECT 1")
            cursor.close()
            for call in (cursor.fetchone, lambda: cursor.execute("SELECT 2")):
                with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
                    call()
        with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
            connection.commit()
        return found

    assert replays_equal(work) == [None, [], None, []]


def test_opening_that_fails_does_so_in_the_same_attempt(path):
    def opened():
        try:
            sqlite3.connect(path).close()
        except sqlite3.OperationalError as error:
            return str(error)

    def work(between):
        found = [opened()]
        between()
        return [*found, opened()]

    def hide():
        path.unlink()
        path.mkdir()

    recorded = Runs(lambda: work(hide))
    result, playback = recorded.replayed(lambda: work(lambda: None))
    assert result == recorded.result == [None, "unable to open database file"]
    assert playback.missed == []


def test_a_database_that_is_locked_is_so_again(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            try:
                connection.execute("UPDATE product SET cents = 0")
            except sqlite3.OperationalError as error:
                return str(error), error.sqlite_errorname

    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorded = Runs(work)
        other.rollback()
    result, _ = recorded.replayed(work)
    assert result == recorded.result == ("database is locked", "SQLITE_BUSY")


def test_many_rows_of_parameters_are_sent_by_column(path, replays_equal):
    def rows():
        yield "saw", 1
        yield "vice", 2

    def work():
        with closing(sqlite3.connect(path)) as connection, connection:
            cursor = connection.executemany(
                "INSERT INTO product (name, cents) VALUES (?, ?)", rows()
            )
            return cursor.rowcount

    assert replays_equal(work) == 2
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    sent = Runs(work).recording.entries[1].decoded_arguments()["kwargs"]["parameters"]
    assert sent == {"name": ["saw", "vice"], "cents": [1, 2]}


@pytest.mark.parametrize(
    "parameters",
    [["axe", 4200], ["axe", bytearray(b"4200")], {"name": "axe", "cents": 4200}],
    ids=["lasting", "changeable", "by name"],
)
def test_parameters_are_recorded_as_they_were_when_their_statement_ran(path, parameters):
    is_named = isinstance(parameters, dict)
    places = ":name, :cents" if is_named else "?, ?"

    def work():
        own = deepcopy(parameters)
        connection = sqlite3.connect(path)
        connection.execute("DELETE FROM product")
        connection.execute(f"INSERT INTO product (name, cents) VALUES ({places})", own)
        value = own["cents" if is_named else 1]
        if isinstance(value, bytearray):
            value[:] = b"changed"
        own.clear()
        connection.close()

    calls = Runs(work).recording.entries
    (insert,) = [each for each in calls if each.alias == "sqlite3 INSERT product"]
    sent = insert.decoded_arguments()["kwargs"]["parameters"]
    name, cents = parameters.values() if is_named else parameters
    assert sent == {"name": name, "cents": cents}


@pytest.mark.parametrize("kind", [list, iter])
def test_too_many_rows_of_parameters_cost_the_recording_and_nothing_else(path, kind, caplog):
    rows = [(f"product {number}",) for number in range(100_000)]
    recorder = TapeRecorder(InMemoryTapeCassette())

    @recorder.operation(category="work")
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.executemany("INSERT INTO product (name) VALUES (?)", kind(rows))
            return connection.total_changes

    with recorder.enabled_recording():
        assert work() == 100_000
    assert recorder.counters == {"failed": 1}
    assert "100,000 or more" in caplog.text


def test_what_giving_parameters_raises_comes_where_it_came(path):
    def rows():
        yield ("saw",)
        raise LookupError("no more")

    def work():
        with closing(sqlite3.connect(path)) as connection:
            with suppress(LookupError):
                connection.executemany("INSERT INTO product (name) VALUES (?)", rows())
            return connection.execute("SELECT name FROM product WHERE id > 3").fetchall()

    recorded = Runs(work)
    assert recorded.result == [("saw",)]
    assert recorded.replayed(work)[0] == [("saw",)]


def test_scripts_are_outputs(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("DELETE FROM product; CREATE TABLE copy (id);")
            return connection.execute("SELECT count(*) FROM product").fetchone()

    assert replays_equal(work) == (0,)


def test_savepoints_are_named_in_the_order_they_appear_in(path):
    def work(name):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute(f'SAVEPOINT "{name}"')
            connection.execute("DELETE FROM product")
            connection.execute(f'ROLLBACK TO SAVEPOINT "{name}"')
            connection.execute(f'RELEASE SAVEPOINT "{name}"')
            connection.execute("COMMIT")
            return connection.in_transaction

    recorded = Runs(lambda: work("s140_x1"))
    _, playback = recorded.replayed(lambda: work("s999_x7"))
    assert playback.playback_outputs == playback.recorded_outputs
    assert ("OUTPUT", "sqlite3 ROLLBACK TO") in recorded.calls
    sent = [output.value["kwargs"]["sql"] for output in playback.playback_outputs[:-1]]
    assert sent == [
        "BEGIN",
        "SAVEPOINT savepoint_1",
        "DELETE FROM product",
        "ROLLBACK TO savepoint_1",
        "RELEASE savepoint_1",
        "COMMIT",
    ]


@pytest.mark.parametrize("factory", [None, sqlite3.Row])
def test_a_connection_that_lives_on_gathers_nothing_of_what_it_runs_outside_of_operations(factory):
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = factory

        def blocks_of(statements):
            before = sys.getallocatedblocks()
            for _ in range(statements):
                connection.execute("SELECT 1").fetchone()
            return sys.getallocatedblocks() - before

        blocks_of(1000)
        # It looks through its cursors after some hundreds.
        assert blocks_of(10_000) < 1000


def test_the_end_of_a_transaction_that_has_sent_nothing_is_no_output(path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            with connection:
                connection.execute("SELECT 1")
            connection.rollback()
            connection.execute("DELETE FROM product")
            connection.rollback()
            connection.execute("COMMIT") if connection.in_transaction else connection.commit()

    recorded = Runs(work)
    assert [alias for kind, alias in recorded.calls[1:-1] if kind == "OUTPUT"] == [
        "sqlite3 DELETE product",
        "sqlite3 ROLLBACK",
    ]
    _, playback = recorded.replayed(work)
    assert playback.playback_outputs == playback.recorded_outputs
    assert playback.missed == []


def test_what_is_committed_by_itself_needs_no_commit(path):
    def work():
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM product")
            connection.commit()

    recorded = Runs(work)
    assert recorded.calls[1:-1] == [("OUTPUT", "sqlite3 DELETE product")]
    _, playback = recorded.replayed(work)
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_commit_that_failed_is_tried_again(path):
    def work():
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("DELETE FROM product")
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM product").fetchone()
            try:
                connection.commit()
            except sqlite3.OperationalError as error:
                reader.rollback()
                connection.commit()
                return str(error)

    uninstall_interceptors()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        install_interceptors()
        recorded = Runs(work)
        outputs = [alias for kind, alias in recorded.calls[1:-1] if kind == "OUTPUT"]
        assert outputs == ["sqlite3 DELETE product", *["sqlite3 COMMIT"] * 2]
        assert recorded.result == "database is locked"


def test_a_transaction_that_is_lost_is_a_difference(path):
    def work(*, commit):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM product")
            if commit:
                connection.commit()

    recorded = Runs(lambda: work(commit=True))
    _, playback = recorded.replayed(lambda: work(commit=False))
    assert playback.playback_outputs != playback.recorded_outputs


@pytest.mark.parametrize("fails", [False, True])
def test_a_connection_as_a_context_ends_its_transaction(path, replays_equal, fails):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            with suppress(LookupError), connection:
                connection.execute("DELETE FROM product")
                if fails:
                    raise LookupError
            return connection.execute("SELECT count(*) FROM product").fetchone()

    assert replays_equal(work) == ((3,) if fails else (0,))


def test_classes_of_the_application_stay_what_they_are(path, replays_equal):
    class ShopCursor(sqlite3.Cursor):
        def names(self):
            return [name for (name,) in self.execute("SELECT name FROM product")]

    class ShopConnection(sqlite3.Connection):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.execute("PRAGMA foreign_keys = ON")

        def names(self):
            return self.cursor(factory=ShopCursor).names()

        def execute(self, *args):
            self.last = args
            return super().execute(*args)

    def work():
        with closing(sqlite3.connect(path, factory=ShopConnection)) as connection:
            cursor = connection.cursor(ShopCursor)
            kinds = isinstance(connection, ShopConnection), isinstance(cursor, ShopCursor)
            connection.execute("SELECT 1")
            return kinds, connection.names(), connection.last, cursor.connection is connection

    expected = ((True, True), ["axe", "broom", "chisel"], ("SELECT 1",), True)
    assert replays_equal(work) == expected


def test_classes_of_the_application_may_have_slots(path, replays_equal):
    class ShopCursor(sqlite3.Cursor):
        __slots__ = ("seen",)

    class ShopConnection(sqlite3.Connection):
        __slots__ = ("shop",)

    def work():
        with closing(sqlite3.connect(path, factory=ShopConnection)) as connection:
            assert isinstance(connection.cursor(sqlite3.Cursor).execute("SELECT 1"), sqlite3.Cursor)
            cursor = connection.cursor(ShopCursor)
            cursor.seen = connection.shop = "axe"
            return cursor.execute("SELECT name FROM product ORDER BY id").fetchall()

    assert replays_equal(work) == NAMES


def test_a_class_that_takes_no_other_beside_it_is_left_alone(path):
    class Sealed(sqlite3.Connection):
        def __init_subclass__(cls):
            raise TypeError("sealed")

    def work():
        with closing(sqlite3.connect(path, factory=Sealed)) as connection:
            return type(connection) is Sealed, connection.execute("SELECT 1").fetchone()

    assert Runs(work).result == (True, (1,))


def test_a_connection_that_was_open_before_reaches_its_file_no_more_and_stays_open(path):
    connection = sqlite3.connect(path)

    def work():
        connection.execute("INSERT INTO product (name) VALUES ('saw')")
        connection.commit()
        found = connection.execute("SELECT name FROM product WHERE id > 3").fetchall()
        connection.close()
        return found

    with closing(sqlite3.connect(path)) as other:
        recorded = Runs(work)
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        other.execute("DELETE FROM product")
        other.commit()
        result, playback = recorded.replayed(lambda: [tuple(row) for row in work()])
        assert result == [("saw",)]
        assert playback.missed == []
        assert connection.execute("SELECT count(*) FROM product").fetchone()[0] == 0
        assert connection.execute("SELECT 1 AS one").description[0][0] == "one"
    connection.close()


def test_a_statement_that_ran_before_the_operation_gives_a_replay_no_rows(path):
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT name FROM product")
        recorded = Runs(lambda: cursor.fetchone())
        with pytest.raises(RecordingKeyError, match="was not run within the replayed operation"):
            recorded.replayed(lambda: cursor.fetchone())


def test_threads_of_an_operation_are_recorded_and_their_rules_hold(path, replays_equal):
    def work():
        found = []

        def query():
            with closing(sqlite3.connect(path)) as own:
                found.append(own.execute("SELECT count(*) FROM product").fetchone())
            try:
                connection.execute("SELECT 1")
            except sqlite3.ProgrammingError as error:
                found.append("thread" in str(error))

        with closing(sqlite3.connect(path)) as connection:
            thread = threading.Thread(target=query)
            thread.start()
            thread.join()
        return found

    assert replays_equal(work) == [(3,), True]


def test_a_closed_connection_is_closed_in_a_replay(path, replays_equal):
    def work():
        connection = sqlite3.connect(path)
        connection.close()
        with pytest.raises(sqlite3.ProgrammingError, match="closed") as failure:
            connection.execute("SELECT 1")
        return str(failure.value)

    replays_equal(work)


def test_functions_collations_backups_and_dumps_work(path, replays_equal):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.create_function("twice", 1, lambda number: 2 * number)
            connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))
            query = "SELECT twice(cents) FROM product ORDER BY name COLLATE backwards"
            rows = connection.execute(query).fetchall()
            with closing(sqlite3.connect(":memory:")) as copy:
                connection.backup(copy)
                rows += copy.execute("SELECT count(*) FROM product").fetchall()
            return rows, list(connection.iterdump())

    rows, dump = replays_equal(work)
    assert rows == [(3600,), (1900,), (8400,), (3,)]
    assert "COMMIT;" in dump


def test_a_blob_in_a_replay_is_a_miss(path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            return connection.blobopen("picture", "pixels", 1, readonly=True).read()

    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE picture (pixels); INSERT INTO picture VALUES (x'00ff')"
        )
    recorded = Runs(work)
    assert recorded.result == b"\x00\xff"
    with pytest.raises(RecordingKeyError, match="Blob is not recorded"):
        recorded.replayed(work)


def test_secrets_are_hidden_by_the_names_of_columns_and_parameters(path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE login (name, password)")
            insert = "INSERT INTO login (name, password) VALUES (?, ?)"
            connection.execute(insert, ("ada", "engine"))
            connection.execute("UPDATE login SET password = ?", ("enigma",))
            query = "SELECT password FROM login WHERE password = :password"
            return len(connection.execute(query, {"password": "enigma"}).fetchall())

    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = Redactor(key=b"k" * 16)
    recorded = Runs(work, recorder=recorder)
    result, playback = recorded.replayed(work)
    assert result == 1
    assert playback.playback_outputs == playback.recorded_outputs
    for entry in recorded.recording.entries:
        for blob in (entry.arguments, entry.result):
            stored = bytes(blob if isinstance(blob, bytes) else blob.encode() if blob else b"")
            assert b"engine" not in stored
            assert b"enigma" not in stored


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("patterns", [[], ["/en[a-z]+a/"]])
@pytest.mark.parametrize("name", ["password", "rowcount"])
def test_secrets_of_rows_are_hidden_whatever_else_is_in_them(path, name, patterns, count):
    sqlite3.register_converter("day", lambda text: date.fromisoformat(text.decode()))

    def work():
        with closing(sqlite3.connect(path, detect_types=sqlite3.PARSE_COLNAMES)) as connection:
            query = (
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                f" SELECT 'sword' || 'fish' AS {name}, 'enig' || 'ma' AS note,"
                " '2026-03-01' AS \"at [day]\""
                " FROM n"
            )
            return [str(at) for _, _, at in connection.execute(query, (count,)).fetchall()]

    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = Redactor(key=b"k" * 16, fields=[name], patterns=patterns)
    recorded = Runs(work, recorder=recorder)
    blob = stored(recorded)
    assert b"swordfish" not in blob
    assert blob.count(recorder.redaction.pseudonym("swordfish").encode()) == count
    assert (b"enigma" in blob) is not bool(patterns)
    assert recorder.redaction.value(blob_of_rows(recorded)) == blob_of_rows(recorded)
    assert recorded.replayed(work)[0] == ["2026-03-01"] * count


def blob_of_rows(recorded):
    return encoded(recorded.recording.entries[0].result)


def test_rows_fetched_after_the_operation_are_the_application_s_alone(path):
    cursors = []
    with closing(sqlite3.connect(path)) as connection:
        recorded = Runs(lambda: cursors.append(connection.execute("SELECT name FROM product")))
        (cursor,) = cursors
        assert [cursor.fetchone(), *cursor.fetchmany(1), *cursor] == [*NAMES]
    (_, query, *_) = recorded.recording.entries
    assert query.decoded_result()["rows"] == 0


def test_what_is_used_within_an_operation_goes_when_the_application_lets_it_go(path):
    def work():
        connection = sqlite3.connect(path)
        cursor = connection.execute("SELECT name FROM product WHERE id = ?", (1,))
        cursor.fetchall()
        alive = weakref.ref(connection), weakref.ref(cursor)
        connection.close()
        del connection, cursor
        gc.collect()
        return [each() for each in alive]

    assert Runs(work).result == [None, None]


def test_without_an_operation_cursors_and_connections_are_as_any_other(path):
    with closing(sqlite3.dbapi2.connect(path)) as connection:
        cursor = connection.cursor()
        assert isinstance(connection, sqlite3.Connection)
        assert isinstance(cursor, sqlite3.Cursor)
        assert cursor.execute("SELECT name FROM product ORDER BY id").fetchone() == ("axe",)
        assert next(cursor) == ("broom",)
        assert cursor.fetchmany() == [("chisel",)]
        assert (cursor.rowcount, cursor.description[0][0], cursor.arraysize) == (-1, "name", 1)
        connection.row_factory = lambda cursor, row: row[0]
        # A row that is made None is no end.
        query = "SELECT NULL UNION ALL SELECT 1"
        assert list(connection.execute(query)) == [None, 1]
        with connection:
            connection.execute("DELETE FROM product")
            assert connection.in_transaction
        assert connection.total_changes == 3
        assert repr(connection).startswith("<sqlite3.Connection object")
        connection.row_factory = None
        assert connection.row_factory is None
        assert list(connection.execute(query)) == [(None,), (1,)]
        with pytest.raises(AttributeError):
            cursor.anything = "a cursor has no attributes of an application's"


def test_a_cursor_made_before_the_operation_is_recorded_within_it(path):
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT 1")

        def work():
            return cursor.execute("SELECT name FROM product ORDER BY id").fetchall()

        runs = Runs(work)
        assert (runs.result, runs.aliases) == (NAMES, ["sqlite3 SELECT product"])
        assert runs.replayed(work)[0] == NAMES


def test_uninstalled_it_makes_plain_connections_also_where_a_replay_has_guarded_it(path):
    Runs(lambda: None).replayed(lambda: None)
    uninstall_interceptors()
    with closing(sqlite3.connect(path)) as connection:
        assert type(connection) is sqlite3.Connection
    install_interceptors()
    with closing(sqlite3.connect(path)) as connection:
        assert type(connection) is not sqlite3.Connection


def test_recordings_in_sqlite_are_stored_and_read_by_connections_of_their_own(path, tmp_path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT name FROM product").fetchall()

    with closing(SQLiteTapeCassette(tmp_path / "recordings.db")) as cassette:
        recorder = TapeRecorder(cassette)
        recorded = Runs(work, recorder=recorder)
        assert [alias for _, alias in recorded.calls[1:-1]] == ["sqlite3 SELECT product"]
        assert "late" not in recorder.counters
        result, playback = recorded.replayed(work)
        assert result == recorded.result
        assert playback.outside == playback.late == []
        names = {
            type(each).__mro__[1].__module__
            for each in gc.get_objects()
            if issubclass(type(each), sqlite3.Connection)
        }
        assert not any("interceptors" in name for name in names)


def moving(source, target, *, reading_from=None):
    """Return an operation that writes to one database and another one, and reads of the first."""

    def work():
        with closing(sqlite3.connect(source)) as first, closing(sqlite3.connect(target)) as second:
            first.execute("UPDATE product SET cents = 1 WHERE id = 1")
            second.execute("UPDATE product SET cents = 2 WHERE id = 1")
            first.commit()
            second.commit()
            asked = second if reading_from == target else first
            return asked.execute("SELECT cents FROM product WHERE id = 1").fetchall()

    return work


@pytest.fixture
def archive(tmp_path):
    archive = tmp_path / "archive.db"
    with closing(sqlite3.connect(archive)) as connection:
        connection.executescript(SCHEMA)
    return archive


def test_a_write_that_goes_to_the_other_database_of_an_operation_is_a_difference(path, archive):
    recorded = Runs(moving(path, archive))
    assert recorded.replayed_the_same().result == [(1,)]
    astray = recorded.replayed(moving(path, path))
    assert (astray.result, astray.playback.missed) == ([(1,)], [])
    assert not astray.is_equal
    sent = [output.value["kwargs"] for output in astray.playback.recorded_outputs]
    assert [each.get("database") for each in sent[:4]] == [None, 2, None, 2]


def test_databases_in_other_places_are_the_same_where_they_are_used_in_the_same_order(
    path, archive, tmp_path
):
    recorded = Runs(moving(path, archive))
    elsewhere = recorded.replayed(moving(tmp_path / "x.db", tmp_path / "y.db"))
    assert elsewhere.result == [(1,)]
    assert elsewhere.is_equal


def test_what_is_read_of_the_other_database_is_found_and_listed(path, archive):
    recorded = Runs(moving(path, archive))
    other = recorded.replayed(moving(path, archive, reading_from=archive))
    assert other.result == [(1,)]
    (moved,) = other.playback.moved
    assert (moved.alias, moved.how) == ("sqlite3 SELECT product", "normalised")


@pytest.mark.parametrize("name", [":memory:", "", "file:one?mode=memory"])
def test_databases_in_memory_are_told_apart_while_both_are_open(name):
    def work(reads="first", writes="second"):
        opened = {
            each: sqlite3.connect(name, uri=name.startswith("file:"))
            for each in ("first", "second")
        }
        for each in opened.values():
            each.executescript(SCHEMA)
        opened[writes].execute("DELETE FROM product")
        (rows,) = opened[reads].execute("SELECT count(*) FROM product").fetchall()
        for each in opened.values():
            each.close()
        return rows

    recorded = Runs(work)
    assert recorded.result == (3,)
    assert recorded.replayed_the_same().playback.other_databases == []
    assert not recorded.replayed(lambda: work(writes="first")).is_equal
    read_elsewhere = recorded.replayed(lambda: work(reads="second")).playback
    assert [each.how for each in read_elsewhere.moved] == ["normalised"]


def test_a_query_is_answered_by_the_database_in_memory_that_it_asks():
    def work(order):
        opened = [sqlite3.connect(":memory:") for _ in range(2)]
        for cents, each in enumerate(opened):
            each.executescript(SCHEMA)
            each.execute("UPDATE product SET cents = ?", (cents,))
        found = [
            opened[each].execute("SELECT max(cents) FROM product").fetchone() for each in order
        ]
        for each in opened:
            each.close()
        return found

    recorded = Runs(lambda: work([0, 1]))
    assert recorded.replayed(lambda: work([1, 0])).result == [(1,), (0,)]


def test_databases_in_memory_that_follow_each_other_are_one():
    def work(names=("one", "two")):
        found = []
        for name in names:
            with closing(sqlite3.connect(":memory:")) as connection:
                connection.execute("CREATE TABLE t (name)")
                connection.execute("INSERT INTO t VALUES (?)", (name,))
                found += connection.execute("SELECT name FROM t").fetchall()
        return found

    recorded = Runs(work)
    assert recorded.databases == {"sqlite3": [":memory:"]}
    recorded.replayed_the_same()


def test_databases_in_memory_from_before_have_the_order_of_their_first_use():
    opened = [sqlite3.connect(":memory:") for _ in range(3)]

    def work(used):
        return [opened[each].execute("SELECT ?", (each,)).fetchall() for each in used]

    recorded = Runs(lambda: work([2, 0]))
    recorded.replayed_the_same()
    assert recorded.databases == {"sqlite3": [":memory:", ":memory: (2)"]}
    assert recorded.replayed(lambda: work([2, 0])).playback.moved == []
    for each in opened:
        each.close()


def test_which_file_an_operation_attaches_is_compared(path, tmp_path):
    def work(name):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("ATTACH ? AS shop", (str(tmp_path / name),))
            return connection.execute("SELECT count(*) FROM shop.product").fetchone()

    recorded = Runs(lambda: work(path.name))
    recorded.replayed_the_same()
    assert not recorded.replayed(lambda: work("other.db")).is_equal


def test_shared_databases_in_memory_are_told_by_their_names():
    def work():
        name = "file:shared?mode=memory&cache=shared"
        with (
            closing(sqlite3.connect(name, uri=True)) as one,
            closing(sqlite3.connect(name, uri=True)) as other,
        ):
            one.execute("CREATE TABLE t (name)")
            return other.execute("SELECT count(*) FROM t").fetchall()

    recorded = Runs(work)
    assert recorded.databases == {"sqlite3": ["file:shared?mode=memory&cache=shared"]}
    recorded.replayed_the_same()


def test_databases_that_changed_places_are_a_difference(path, archive, tmp_path):
    recorded = Runs(moving(path, archive))
    there = tmp_path / "there"
    assert not recorded.replayed(moving(archive, path)).is_equal
    assert not recorded.replayed(moving(there / archive.name, there / path.name)).is_equal


def test_a_database_in_another_place_is_listed_and_a_strict_replay_refuses_it(path, tmp_path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE product SET cents = 1")

    recorded = Runs(work)
    before, path = path, tmp_path / "laptop.db"
    recorder, ids = recorded.recorder, [recorded.recording_id]
    replayed = recorder.operation(category="work")(work)

    def play(recording_id, *, strict=False):
        return recorder.play(recording_id, lambda recording: replayed(), strict=strict)

    (comparison,) = Equalizer(ids, play, list, compare_outputs).run_comparison()
    assert str(comparison) == "Equal - [ignored: another database: 1 (sqlite3 database)]"
    (listed,) = comparison.comparator_status.diff.ignored
    assert str(listed) == (f"sqlite3 database: {before} -> {path}, ignored (another database)")
    with pytest.raises(RecordingKeyError, match=f"It was {before}; a strict replay takes"):
        play(*ids, strict=True)
    path = before
    assert play(*ids, strict=True).missed == []


@pytest.mark.parametrize("by_text", [True, False])
def test_a_commit_by_its_method_and_by_a_statement_are_the_same(path, by_text):
    def work(*, by_text):
        with closing(sqlite3.connect(path)) as connection:
            cursor = connection.execute("UPDATE product SET cents = 1")
            if by_text:
                cursor.execute("COMMIT")
            else:
                connection.commit()
            return connection.in_transaction, connection.execute("SELECT 1").fetchall()

    recorded = Runs(lambda: work(by_text=by_text))
    replay = recorded.replayed(lambda: work(by_text=not by_text))
    assert replay.result == recorded.result == (False, [(1,)])
    assert replay.is_equal


def ending(*ends, between=None):
    """Return an operation that writes to two databases, and how their transactions end."""

    def work(path, archive):
        with closing(sqlite3.connect(path)) as first, closing(sqlite3.connect(archive)) as second:
            for connection in (first, second):
                connection.execute("UPDATE product SET cents = 1 WHERE id = 1")
            for number, end in ends:
                getattr((first, second)[number], end)()
                first.execute("SELECT 1").fetchall()
                if between:
                    first.execute(between)

    return work


@pytest.mark.parametrize(
    ("recorded", "replayed", "is_same"),
    [
        (ending((0, "commit"), (1, "commit")), ending((1, "commit"), (0, "commit")), True),
        (ending((1, "commit"), (0, "rollback")), ending((0, "rollback"), (1, "commit")), True),
        (ending((1, "commit"), (0, "rollback")), ending((0, "commit"), (1, "rollback")), False),
        (ending((1, "commit"), (0, "commit")), ending((1, "commit"), (1, "commit")), False),
        (
            ending((0, "commit"), (1, "commit"), between="DELETE FROM product"),
            ending((1, "commit"), (0, "commit"), between="DELETE FROM product"),
            False,
        ),
    ],
)
def test_transactions_of_several_databases_end_in_any_order_where_nothing_is_between(
    path, archive, recorded, replayed, is_same
):
    runs = Runs(lambda: recorded(path, archive))
    assert runs.replayed_the_same()
    astray = runs.replayed(lambda: replayed(path, archive)).playback
    assert (astray.playback_outputs == astray.recorded_outputs) == is_same


def test_an_address_that_is_redacted_is_the_same_again(path):
    def work():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE product SET cents = 1")

    recorded = Runs(work, Redactor(key=b"k" * 32, patterns=[f"/{path.name}/"]))
    assert path.name not in recorded.databases["sqlite3"][0]
    assert recorded.replayed_the_same().playback.other_databases == []


def test_a_transaction_that_is_ended_otherwise_is_a_difference_and_no_miss(path):
    def work(end="commit"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM product")
            getattr(connection, end)()
            return connection.in_transaction

    recorded = Runs(work)
    result, playback = recorded.replayed(lambda: work("rollback"))
    assert (result, playback.missed) == (False, [])
    assert _sent_in(playback)[1:-1] == ["sqlite3 ROLLBACK"]
    (substitution,) = playback.substituted
    assert substitution.alias == "sqlite3 ROLLBACK"


def test_the_end_of_a_part_of_a_transaction_that_was_not_recorded_leaves_it_open(path):
    def work(end="RELEASE", last="COMMIT"):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute("SAVEPOINT a")
            connection.execute("DELETE FROM product")
            states = []
            for statement in (f"{end} a", last):
                connection.execute(statement)
                states.append(connection.in_transaction)
            return states

    recorded = Runs(work)
    result, playback = recorded.replayed(lambda: work("ROLLBACK TO", "ROLLBACK"))
    assert (result, recorded.result, playback.missed) == ([True, False], [True, False], [])
    assert _sent_in(playback)[3:-1] == ["sqlite3 ROLLBACK TO", "sqlite3 ROLLBACK"]


def test_a_transaction_that_is_new_is_a_difference_and_no_miss(path):
    def work(steps=()):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            states = []
            for statement in steps:
                connection.execute(statement)
                states.append(connection.in_transaction)
            connection.execute("DELETE FROM product")
            connection.commit()
            return states

    begins = ("BEGIN IMMEDIATE", "SAVEPOINT a")
    result, playback = Runs(work).replayed(lambda: work(begins))
    assert (result, playback.missed) == ([True, True], [])
    assert _sent_in(playback)[:-2] == ["sqlite3 BEGIN", "sqlite3 SAVEPOINT"]
    assert [each.alias for each in playback.substituted] == ["sqlite3 BEGIN", "sqlite3 SAVEPOINT"]


def _sent_in(playback):
    return [key.removeprefix("output: ").partition(" #")[0] for key, _ in playback.playback_outputs]


@pytest.mark.parametrize(
    ("level", "told"), [(None, "autocommit"), ("IMMEDIATE", "IMMEDIATE"), ("DEFERRED", None)]
)
def test_a_write_under_other_transactions_is_a_difference(path, level, told):
    def work(level=""):
        with closing(sqlite3.connect(path, isolation_level=level)) as connection:
            connection.execute("DELETE FROM product")
            connection.commit()

    _, playback = Runs(work).replayed(lambda: work(level))
    assert playback.recorded_outputs[0].value["kwargs"] == {"sql": "DELETE FROM product"}
    assert playback.playback_outputs[0].value["kwargs"].get("transaction") == told
