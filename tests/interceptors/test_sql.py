"""What is told of an SQL text: its kind, its table, the forms by which texts are the same."""

import pytest

from playback_core.interceptors._dialects import MYSQL, POSTGRESQL, SQLITE
from playback_core.interceptors._parameters import Places, named, named_rows
from playback_core.interceptors._sql import directs, normal_form, statement


@pytest.mark.parametrize(
    ("text", "title", "reads"),
    [
        ("SELECT * FROM products", "SELECT products", True),
        ("select 1", "SELECT", True),
        ('SELECT * FROM "shop"."Orders" o JOIN lines ON true', "SELECT Orders", True),
        ("SELECT extract(year FROM day) FROM events", "SELECT events", True),
        ("SELECT * FROM (SELECT * FROM inner_one) q", "SELECT inner_one", True),
        ("(SELECT a FROM t) UNION (SELECT a FROM u)", "SELECT t", True),
        ("SELECT * FROM t FOR UPDATE", "SELECT t", True),
        ("WITH x AS (SELECT 1 FROM y) SELECT * FROM x", "SELECT x", True),
        ("VALUES (1), (2)", "VALUES", True),
        ("SHOW server_version", "SHOW", True),
        ("COPY t (a) TO STDOUT (FORMAT csv)", "COPY t", True),
        ("EXPLAIN QUERY PLAN SELECT * FROM t", "EXPLAIN t", True),
        ("PRAGMA foreign_keys", "PRAGMA foreign_keys", True),
        ("PRAGMA table_info(t)", "PRAGMA table_info", True),
        ("-- one\n/* two */ SELECT a FROM t", "SELECT t", True),
        ("SELECT 'INSERT INTO x' FROM t", "SELECT t", True),
        ("INSERT INTO orders (a) VALUES (1)", "INSERT orders", False),
        ("INSERT OR IGNORE INTO orders VALUES (1)", "INSERT orders", False),
        ("REPLACE INTO orders VALUES (1)", "REPLACE orders", False),
        ("UPDATE OR IGNORE orders SET a = 1", "UPDATE orders", False),
        ("DELETE FROM orders", "DELETE orders", False),
        ("MERGE INTO stock USING x ON true", "MERGE stock", False),
        ("WITH x AS (SELECT 1) INSERT INTO orders SELECT * FROM x", "INSERT orders", False),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", "SELECT gone", False),
        ("SELECT a INTO copy FROM t", "SELECT t", False),
        ("EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN t", False),
        ("EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", "EXPLAIN", False),
        ("COPY (DELETE FROM t RETURNING *) TO STDOUT", "COPY", False),
        ("COPY t FROM STDIN", "COPY t", False),
        ("(WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone)", "", False),
        ("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys", False),
        ("PRAGMA journal_mode(wal)", "PRAGMA journal_mode", False),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)", "CREATE t", False),
        ("CREATE TABLE IF NOT EXISTS t (a INT)", "CREATE t", False),
        ("DROP TABLE t", "DROP t", False),
        ("BEGIN IMMEDIATE", "BEGIN", False),
        ("start transaction read only", "START TRANSACTION", False),
        ("START REPLICA", "START", False),
        ("CALL restock(1)", "CALL restock", False),
        ("SELECT 1; DELETE FROM t", "SELECT", False),
        ("SELECT pg_notify('news', $1)", "SELECT", False),
        ("SELECT pg_catalog.setval('s', 1)", "SELECT", False),
        ("SELECT pg_try_advisory_xact_lock(7)", "SELECT", False),
        ("SELECT GET_LOCK('sale', 1)", "SELECT", False),
        ("SELECT 'pg_notify(1)'", "SELECT", True),
        ("SELECT nextval('s')", "SELECT", True),
        ("FROBNICATE t", "FROBNICATE", False),
        ("", "", False),
    ],
)
def test_a_statement_is_told_by_verb_and_table_and_whether_it_only_reads(text, title, reads):
    told = statement(text)
    assert (told.title, told.reads) == (title, reads)


@pytest.mark.parametrize(
    ("text", "verb", "name"),
    [
        ('SAVEPOINT "s140_x1"', "SAVEPOINT", "s140_x1"),
        ("RELEASE SAVEPOINT sa_1", "RELEASE", "sa_1"),
        ("ROLLBACK TO SAVEPOINT sa_1", "ROLLBACK TO", "sa_1"),
        ("ROLLBACK TO sa_1", "ROLLBACK TO", "sa_1"),
        ("ROLLBACK", "ROLLBACK", ""),
        ('DECLARE "c_7f1f_2" NO SCROLL CURSOR FOR SELECT a FROM t', "DECLARE", "c_7f1f_2"),
        ("FETCH FORWARD 10 FROM c_7f1f_2", "FETCH", "c_7f1f_2"),
        ("MOVE ALL IN c_7f1f_2", "MOVE", "c_7f1f_2"),
        ("CLOSE c_7f1f_2", "CLOSE", "c_7f1f_2"),
        ("CLOSE ALL", "CLOSE", ""),
    ],
)
def test_savepoints_and_cursors_have_names(text, verb, name):
    told = statement(text)
    assert (told.verb, told.name) == (verb, name)
    assert not name or name not in told.folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a,b FROM t", "SELECT a ,\n  b\nFROM t"),
        ("SELECT count(*) FROM t", "SELECT count ( * ) FROM t -- all"),
        ("SELECT a FROM t WHERE x=?", "SELECT a FROM t WHERE x  =  ?"),
        ("INSERT INTO t(a) VALUES(?)", "INSERT INTO t (a)\tVALUES (?)"),
    ],
)
def test_whitespace_and_comments_are_no_difference(one, other):
    assert statement(one).folded == statement(other).folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT ab", "SELECT a b"),
        ('SELECT "a  b"', 'SELECT "a b"'),
        ("SELECT $$a  b$$", "SELECT $$a b$$"),
        ("SELECT /*+ HINT */ a", "SELECT a"),
        (r"SELECT 'it\'s  a'", r"SELECT 'it\'s a'"),
        ("SELECT E'a'", "SELECT E 'a'"),
        ("SELECT 'a''b'", "SELECT 'a' 'b'"),
    ],
)
def test_what_means_something_else_stays_different(one, other):
    assert statement(one).folded != statement(other).folded
    assert normal_form(one) != normal_form(other)


def test_the_normal_form_has_words_and_numbers_in_one_spelling():
    one = normal_form("select a from t where x >= 1.50 and y != 'Rome';")
    assert one == normal_form("SELECT A FROM T WHERE x>=1.5 AND y<>'Rome'")
    assert one != normal_form("SELECT A FROM T WHERE x>=1.5 AND y<>'rome'")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('INSERT INTO t (name, "pass") VALUES (?, lower(?))', ("name", "pass")),
        ("INSERT INTO s.t (a, b) VALUES (%s, %s), (%s, %s)", ("a", "b", "a", "b")),
        ("UPDATE t SET a=?, b = b + ? WHERE t.id = ?", ("a", "b", "id")),
        ("SELECT * FROM t WHERE a IN (?, ?) AND b LIKE ? LIMIT ?", ("a", "a", "b", "LIMIT")),
        ("SELECT * FROM t WHERE a BETWEEN ? AND ?", ("a", "a")),
        ("SELECT ?, x FROM t WHERE y = ?", ("parameter 1", "y")),
        ("SELECT ?", ()),
        ("INSERT INTO t VALUES (?, ?)", ()),
        (
            'INSERT INTO "t" ("a", "password") SELECT * FROM'
            " UNNEST((%s)::bigint[], (%s)::varchar(20)[]) RETURNING id",
            ("a", "password"),
        ),
        ("INSERT INTO t (a) SELECT b FROM u WHERE b IN (SELECT UNNEST(%s))", ("UNNEST",)),
        ("SELECT '?'", ()),
        ("SELECT ?, :name", ()),
        ("SELECT * FROM t WHERE pass = :secret AND :other > 1", ("pass", "other")),
        (
            "INSERT INTO t (a, b) SELECT p0::INT FROM (VALUES (%(a__0)s::INT, %(b__0)s, 0),"
            " (%(a__1)s::INT, %(b__1)s, 1)) AS x(p0, p1, n) ORDER BY n",
            ("a", "b", "a", "b"),
        ),
    ],
)
def test_parameters_have_the_names_of_their_columns(text, names):
    assert statement(text).places.names == names


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("SELECT * FROM t WHERE a IN (?, ?) AND b NOT IN (?,? , ?)", {"a", "b"}),
        ("SELECT * FROM t WHERE a IN (:one, :two) AND b > :three", {"a"}),
        ("SELECT * FROM t WHERE a IN (?, ?) AND a > ?", set()),
        ("SELECT * FROM t WHERE a IN (?, ?) OR a IN (?, ?)", set()),
        ("SELECT * FROM t WHERE a > ? AND a < ? AND b IN (?)", set()),
        ("SELECT * FROM t WHERE a IN (?, lower(?))", set()),
        ("SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE b > ? AND b < ?)", set()),
        ("INSERT INTO t (a) VALUES (?), (?)", set()),
    ],
)
def test_lists_whose_order_means_nothing_are_told_from_others(text, sets):
    assert statement(text).places.sets == sets
    assert statement(text.replace("?", "%s")).places.sets == sets


def test_parameters_are_given_by_name_where_there_are_names():
    assert named(Places(("a", "b")), (1, 2)) == {"a": 1, "b": 2}
    assert named(Places(("a", "a", "b")), (1, 2, 3)) == {"a": [1, 2], "b": [3]}
    assert named(Places(()), (1, 2)) == [1, 2]
    assert named(Places(("a",)), (1, 2)) == [1, 2]
    assert named(Places(()), {"a": 1}) == {"a": 1}
    assert named(Places(("a", "b"), ("x", "y")), {"x": 1, "y": 2, "z": 3}) == {
        "a": 1,
        "b": 2,
        "z": 3,
    }
    assert named(Places(("a", "b"), ("x", "y")), {"x": 1}) == {"x": 1}
    assert named_rows(Places(("a", "b")), [(1, 2), (3, 4)]) == {"a": [1, 3], "b": [2, 4]}
    assert named_rows(Places(()), [(1, 2), (3, 4)]) == [[1, 3], [2, 4]]
    assert named_rows(Places(("b",), ("a",)), [{"a": 1}, {"a": 2}]) == [{"b": 1}, {"b": 2}]


def test_a_text_of_many_statements_is_told_in_time_that_grows_as_it_does():
    rows = ", ".join(["(?, ?)"] * 20_000)
    told = statement(f"INSERT INTO t (a, b) VALUES {rows}")
    assert told.title == "INSERT t"
    assert len(told.places.names) == 40_000


HIDDEN_WRITES = [
    (MYSQL, r"SELECT 'it\'s'; DELETE FROM t WHERE a = ''"),
    (MYSQL, r"""SELECT "it\"s"; DELETE FROM t WHERE a = "" """),
    # With NO_BACKSLASH_ESCAPES, or ANSI_QUOTES, in its sql_mode.
    (MYSQL, r"SELECT 'C:\'; DELETE FROM t WHERE a = '\'"),
    (MYSQL, r"""SELECT "C:\"; DELETE FROM t WHERE a = "\" """),
    (MYSQL, "SELECT 1 # it's\n; DELETE FROM t WHERE a = 'b'"),
    (MYSQL, "SELECT 1+# it's\n2; DELETE FROM t WHERE a = 'b'"),
    (MYSQL, "SELECT 5--1; DELETE FROM t"),
    (MYSQL, "SELECT $$; DELETE FROM t; SELECT $$"),
    (MYSQL, "SELECT 1 /*! INTO OUTFILE 'x' */"),
    (MYSQL, "SELECT 1 /*M!100100 INTO OUTFILE 'x' */"),
    (MYSQL, "SELECT 1 /*!50000 , '*/' */; DELETE FROM t WHERE a = ''"),
    (MYSQL, "SELECT /*!40001 SQL_NO_CACHE */* FROM t; DELETE FROM t /* */"),
    (MYSQL, "SELECT 2*/* it's */3; DELETE FROM t WHERE a = 'b'"),
    (POSTGRESQL, r"SELECT E'it\'s'; DELETE FROM t WHERE a = ''"),
    (POSTGRESQL, "SELECT E'it'\n'\\'s'; DELETE FROM t WHERE a = ''"),
    (POSTGRESQL, r"SELECT 'C:\'; DELETE FROM t WHERE a = '\'"),
    # With standard_conforming_strings off.
    (POSTGRESQL, r"SELECT 'it\'s'; DELETE FROM t WHERE a = ''"),
    (POSTGRESQL, "SELECT ARRAY['a]']; DELETE FROM t WHERE a = ''"),
    (POSTGRESQL, "SELECT /* a /* b */ ' */ 1; DELETE FROM t WHERE a = 'b'"),
    (POSTGRESQL, "SELECT 2*/* it's */3; DELETE FROM t WHERE a = 'b'"),
    (SQLITE, r"SELECT 'C:\'; DELETE FROM t WHERE a = '\'"),
    (SQLITE, "SELECT $$; DELETE FROM t; SELECT $$"),
]


@pytest.mark.parametrize(("dialect", "text"), HIDDEN_WRITES)
def test_a_write_behind_a_literal_or_comment_of_its_dialect_is_no_input(dialect, text):
    assert not statement(text, dialect).reads
    # Where nobody knows the dialect, it may be this one.
    assert not statement(text).reads


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (MYSQL, r"SELECT a FROM t WHERE b = 'it\'s' AND c = 'd'"),
        (MYSQL, r"""SELECT "it\"s", 'C:\\' FROM t"""),
        (MYSQL, "SELECT /*!40001 SQL_NO_CACHE */ * FROM t -- all; DELETE FROM t"),
        (MYSQL, "SELECT 1 # ; DELETE FROM t"),
        (POSTGRESQL, r"SELECT E'it\'s; DELETE FROM t'"),
        (POSTGRESQL, r"SELECT * FROM t WHERE a ~ '\d+'"),
        (POSTGRESQL, "SELECT $a$; DELETE FROM t; $b$ $a$"),
        (POSTGRESQL, "SELECT ARRAY['a', 'b'], c[1] FROM t"),
        (POSTGRESQL, "SELECT 1 /* a /* ' */ ; DELETE FROM t */"),
        (SQLITE, r"SELECT 'C:\', [a;b] FROM t"),
    ],
)
def test_what_only_looks_like_a_second_statement_is_an_input(dialect, text):
    assert statement(text, dialect).reads


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        (
            POSTGRESQL,
            "INSERT INTO t VALUES (ARRAY['a]  b'])",
            "INSERT INTO t VALUES (ARRAY['a] b'])",
        ),
        (MYSQL, r"""INSERT INTO t VALUES ("a\"  b")""", r"""INSERT INTO t VALUES ("a\" b")"""),
        (MYSQL, "SELECT 1 # it's\n, 'a  b'", "SELECT 1 # it's\n, 'a b'"),
    ],
)
def test_whitespace_in_a_literal_of_its_dialect_is_a_difference(dialect, one, other):
    assert statement(one, dialect).folded != statement(other, dialect).folded
    assert normal_form(one, dialect) != normal_form(other, dialect)
    assert normal_form(one) != normal_form(other)


@pytest.mark.parametrize(
    ("text", "directs_others"),
    [
        ("SET search_path TO shop", True),
        ("set session search_path = shop, public", True),
        ("SET ROLE clerk", True),
        ("SET SESSION AUTHORIZATION clerk", True),
        ("ATTACH 'archive.db' AS archive", True),
        ("SET statement_timeout TO 10", False),
        ("SET searching TO 10", False),
        ("SELECT 1", False),
    ],
)
def test_what_decides_where_other_statements_go_is_told(text, directs_others):
    assert directs(statement(text)) is directs_others


def test_parts_of_an_escape_string_are_looked_for_in_time_that_grows_as_the_text_does():
    text = "SELECT E'a'" + "\n" * 100_000 + ", 1; DELETE FROM t"
    assert not statement(text, POSTGRESQL).reads


def test_nested_comments_are_left_out_however_many_there_are():
    text = "SELECT 1" + " /* a /* b */ c */" * 5_000 + "FROM t"
    assert statement(text, POSTGRESQL).folded == "SELECT 1 FROM t"
