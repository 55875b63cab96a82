"""Engines of SQLAlchemy: what an application does by them is recorded, what they do is not."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Integer, create_engine, event, exc, func, insert, inspect, pool, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.interceptors import install_interceptors, uninstall_interceptors
from playback_core.studio import Equalizer, compare_outputs
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    cents: Mapped[int]


NAMES = select(Product.name).order_by(Product.id)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE product (id INTEGER PRIMARY KEY, name VARCHAR UNIQUE, cents INTEGER);"
            "INSERT INTO product (name, cents) VALUES ('axe', 4200), ('broom', 950);"
        )
    return path


@pytest.fixture
def engine(path):
    """An engine as an application makes it when it is imported."""
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def replays_equal(path, operation, replayed=None):
    """Record an operation, hide its database, and check that a replay comes out the same."""
    recorded = Runs(operation)
    hidden = path.with_suffix(".hidden")
    path.rename(hidden)
    result, playback = recorded.replayed(replayed or operation)
    assert not path.exists()
    hidden.rename(path)
    assert result == recorded.result
    assert playback.missed == []
    assert playback.moved == []
    assert playback.never_consumed == []
    assert playback.playback_outputs == playback.recorded_outputs
    return recorded


def test_threads_that_connect_at_once_replay_where_none_has_connected_before(path):
    def engine_of_threads():
        engine, both = create_engine(f"sqlite:///{path}"), Barrier(2, timeout=10)
        event.listen(engine, "checkout", lambda *taken: both.wait())
        return engine

    def asked(engine):
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Product))

    def work(engine):
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(asked, [engine, engine]))

    recorded, replayed = engine_of_threads(), engine_of_threads()
    replays_equal(path, lambda: work(recorded), lambda: work(replayed))
    recorded.dispose()
    replayed.dispose()


def test_a_unit_of_work_replays_without_its_database(path, engine):
    def work():
        with Session(engine) as session:
            session.add_all([Product(name=f"tool {i}", cents=i) for i in range(3)])
            session.flush()
            with session.begin_nested():
                session.add(Product(name="vice", cents=9900))
            session.commit()
            product = session.get(Product, 1)
            product.cents += 1
            session.commit()
            names = session.scalars(NAMES).all()
            return names, session.scalar(select(func.sum(Product.cents))), product.cents

    recorded = replays_equal(path, work)
    assert recorded.result[0][-1] == "vice"
    outputs = [alias for kind, alias in recorded.calls[:-1] if kind == "OUTPUT"]
    assert outputs == [
        *["sqlite3 INSERT product"] * 3,
        "sqlite3 SAVEPOINT",
        "sqlite3 INSERT product",
        *("sqlite3 RELEASE", "sqlite3 COMMIT"),
        *("sqlite3 UPDATE product", "sqlite3 COMMIT"),
    ]


def test_many_rows_inserted_at_once_give_their_keys_again(path, engine):
    rows = [{"name": f"tool {i}", "cents": i} for i in range(500)]

    def work():
        with engine.begin() as connection:
            returned = connection.execute(insert(Product).returning(Product.id, Product.name), rows)
            return [tuple(row) for row in returned]

    assert replays_equal(path, work).result[-1] == (502, "tool 499")


def test_rows_are_streamed_as_far_as_they_were_read(path, engine):
    def work():
        with engine.connect() as connection:
            result = connection.execution_options(yield_per=1).execute(NAMES)
            return next(iter(result)).name

    assert replays_equal(path, work).result == "axe"


def test_errors_are_those_of_sqlalchemy_again(path, engine):
    def work():
        found = []
        for statement in (insert(Product).values(name="axe", cents=1), text("SELECT * FROM no")):
            try:
                with engine.begin() as connection:
                    connection.execute(statement)
            except exc.DBAPIError as error:
                original = error.orig
                found.append((type(error), str(original), original.sqlite_errorname))
        return found

    kinds = [kind for kind, *_ in replays_equal(path, work).result]
    assert kinds == [exc.IntegrityError, exc.OperationalError]


def test_a_database_that_cannot_be_opened_is_so_again(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'missing' / 'shop.db'}")

    def work():
        try:
            engine.connect()
        except exc.OperationalError as error:
            return str(error)

    recorded = Runs(work)
    (tmp_path / "missing").mkdir()
    result, playback = recorded.replayed(work)
    assert result == recorded.result
    assert "unable to open database file" in result
    assert playback.missed == []


@pytest.mark.parametrize(
    "kind", [pool.NullPool, pool.QueuePool, pool.StaticPool, pool.SingletonThreadPool]
)
@pytest.mark.parametrize("warm", [False, True])
def test_the_state_of_a_pool_is_no_difference(path, kind, warm):
    engine = create_engine(f"sqlite:///{path}", poolclass=kind, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def set_up(connection, record):
        connection.execute("PRAGMA foreign_keys = ON").close()

    @event.listens_for(engine, "checkout")
    def look(connection, record, proxy):
        connection.execute("PRAGMA foreign_keys").fetchone()

    def work():
        with engine.connect() as connection:
            return connection.scalars(NAMES).all()

    if warm:
        work()
    recorded = replays_equal(path, work)
    assert recorded.calls[1:-1] == [
        ("INPUT", "sqlalchemy connect"),
        ("INPUT", "sqlite3 SELECT product"),
    ]
    assert work() == ["axe", "broom"]
    engine.dispose()


def test_what_an_engine_attaches_to_its_connections_is_listed_as_not_compared(path, tmp_path):
    engine, file = create_engine(f"sqlite:///{path}"), "archive.db"

    @event.listens_for(engine, "connect")
    def set_up(connection, record):
        connection.execute("PRAGMA foreign_keys = ON").close()
        connection.execute(f"ATTACH '{tmp_path / file}' AS archive").close()

    def work():
        with engine.connect() as connection:
            return connection.scalars(NAMES).all()

    recorded = Runs(work)
    file = "other.db"
    recorder = recorded.recorder
    replayed = recorder.operation(category="work")(work)
    (comparison,) = Equalizer(
        [recorded.recording_id],
        lambda recording_id: recorder.play(recording_id, lambda recording: replayed()),
        list,
        compare_outputs,
    ).run_comparison()
    attached = f"ATTACH '{tmp_path / file}' AS archive"
    assert str(comparison) == f"Equal - [ignored: set up before, not compared: 1 ({attached})]"
    engine.dispose()


def test_whoever_gives_a_password_to_connect_is_not_asked_in_a_replay(path):
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": 1}, poolclass=pool.NullPool
    )
    asked = []

    @event.listens_for(engine, "do_connect")
    def ask(dialect, record, args, options):
        asked.append(options["timeout"])

    def work():
        with engine.connect() as connection:
            return connection.scalars(NAMES).all()

    recorded = Runs(work)
    assert recorded.replayed(work)[0] == recorded.result
    assert asked == [1]


def test_a_creator_of_the_application_s_own_opens_its_own_class(path):
    class ShopConnection(sqlite3.Connection):
        pass

    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, factory=ShopConnection),
        poolclass=pool.NullPool,
    )

    def work():
        with engine.connect() as connection:
            mine = isinstance(connection.connection.dbapi_connection, ShopConnection)
            return mine, connection.scalars(NAMES).all()

    assert replays_equal(path, work).result == (True, ["axe", "broom"])


def test_an_engine_that_has_never_seen_its_server_is_told_of_it_and_asks_later(path, engine):
    def work(engine):
        with engine.connect() as connection:
            names = connection.scalars(NAMES).all()
            return names, connection.dialect.server_version_info

    recorded = Runs(lambda: work(engine))
    fresh = create_engine(f"sqlite:///{path}")
    fresh.dialect._get_server_version_info = lambda connection: connection.exec_driver_sql(
        "SELECT 9, 9, 9"
    ).one()
    result, playback = recorded.replayed(lambda: work(fresh))
    assert result == recorded.result == (["axe", "broom"], sqlite3.sqlite_version_info)
    assert playback.missed == []
    assert work(fresh)[1] == (9, 9, 9)
    fresh.dispose()


def test_a_connection_used_by_a_function_that_is_an_input_itself_is_given_back_after_it(
    path, engine
):
    recorder = TapeRecorder(InMemoryTapeCassette())

    def work():
        with Session(engine) as session:

            @recorder.intercept_input("names")
            def names():
                return list(session.scalars(NAMES))

            return names()

    recorded = Runs(work, recorder=recorder)
    assert recorded.calls[1:-1] == [("INPUT", "names")]
    result, playback = recorded.replayed(work)
    assert result == recorded.result
    assert playback.playback_outputs == playback.recorded_outputs


def test_nothing_of_a_replay_is_left_in_a_pool(path, engine):
    def work():
        with engine.begin() as connection:
            connection.execute(insert(Product).values(name="saw", cents=1))

    recorded = Runs(work)
    recorded.replayed(work)
    with engine.connect() as connection:
        assert connection.scalars(NAMES).all() == ["axe", "broom", "saw"]


def test_a_driver_that_is_not_intercepted_connects_to_nothing_in_a_replay(path, engine):
    def work():
        with engine.connect() as connection:
            return connection.scalars(NAMES).all()

    recorded = Runs(work)
    uninstall_interceptors()
    install_interceptors(["sqlalchemy"])
    try:
        with pytest.raises(RecordingKeyError, match="no interceptor of sqlite3"):
            recorded.replayed(work)
    finally:
        install_interceptors()


def test_a_query_that_was_not_recorded_is_a_miss(path, engine):
    def work(name):
        with engine.connect() as connection:
            return connection.scalars(NAMES.where(Product.name == name)).all()

    recorded = Runs(lambda: work("axe"))
    with pytest.raises(RecordingKeyError, match='was "axe", is "saw"'):
        recorded.replayed(lambda: work("saw"))


def test_the_write_that_was_missed_is_named_not_the_rollback_behind_it(path, engine):
    def work(tools=2):
        with Session(engine) as session:
            session.add_all([Product(name=f"tool {i}", cents=i) for i in range(tools)])
            session.commit()

    with pytest.raises(RecordingKeyError, match="INSERT product #3"):
        Runs(work).replayed(lambda: work(tools=3))


def test_the_query_that_was_missed_is_named_not_the_rollback_behind_it(path, engine):
    def work(name="axe"):
        with Session(engine) as session:
            session.execute(insert(Product).values(name="saw", cents=1))
            return session.scalars(select(Product.cents).where(Product.name == name)).all()

    with pytest.raises(RecordingKeyError, match="SELECT product"):
        Runs(work).replayed(lambda: work("broom"))


def test_tables_are_made_and_reflected(path, engine):
    def work():
        Base.metadata.create_all(engine)
        return inspect(engine).get_table_names(), inspect(engine).get_columns("product")[1]["name"]

    assert replays_equal(path, work).result == (["product"], "name")


async def _names(maker):
    async with maker() as session:
        session.add(Product(name="saw", cents=1))
        await session.commit()
        names = (await session.scalars(NAMES)).all()
        async for product in await session.stream_scalars(select(Product).limit(1)):
            names.append(product.name)
        return names


def test_async_engines_replay_too(path):

    def work():
        async def run():
            engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
            try:
                return await _names(async_sessionmaker(engine))
            finally:
                await engine.dispose()

        return asyncio.run(run())

    assert replays_equal(path, work).result == ["axe", "broom", "saw", "axe"]


def test_flask_sqlalchemy_is_as_any_engine(path):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
    db = SQLAlchemy(app, model_class=Base)

    def work():
        with app.app_context():
            db.session.add(Product(name="saw", cents=1))
            db.session.commit()
            return db.session.scalars(NAMES).all()

    assert replays_equal(path, work).result == ["axe", "broom", "saw"]
    with app.app_context():
        db.engine.dispose()


def test_a_session_of_several_databases_replays_in_whatever_order_it_commits(tmp_path):
    class Base(DeclarativeBase):
        pass

    def table(name):
        key = mapped_column(Integer, primary_key=True)
        return type(name, (Base,), {"__tablename__": name, "id": key})

    tables = [table(name) for name in ("orders", "people", "visits")]
    engines = [create_engine(f"sqlite:///{tmp_path / each.__name__}.db") for each in tables]
    for engine in engines:
        Base.metadata.create_all(engine)

    def work():
        # It commits them in the order of their hashes, which are addresses.
        with Session(binds=dict(zip(tables, engines, strict=True))) as session:
            session.add_all(each() for each in tables)
            session.commit()

    recorded = Runs(work)
    assert recorded.aliases.count("sqlite3 COMMIT") == 3
    for _ in range(8):
        assert recorded.replayed_the_same()
    for engine in engines:
        engine.dispose()
