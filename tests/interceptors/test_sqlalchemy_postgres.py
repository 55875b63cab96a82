"""Engines of SQLAlchemy over PostgreSQL, by psycopg."""

import asyncio

import pytest
from sqlalchemy import create_engine, exc, func, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


class Base(DeclarativeBase):
    pass


class Tool(Base):
    __tablename__ = "tool"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    cents: Mapped[int]


NAMES = select(Tool.name).order_by(Tool.id)


@pytest.fixture(scope="module")
def url(postgres):
    url = f"postgresql+psycopg://postgres@/postgres?host={postgres.folder}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    yield url
    Base.metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def engine(url):
    engine = create_engine(url, pool_pre_ping=True)
    with Session(engine) as session:
        session.query(Tool).delete()
        session.add_all([Tool(name="axe", cents=4200), Tool(name="broom", cents=950)])
        session.commit()
    yield engine
    engine.dispose()


@pytest.fixture
def replays_equal(postgres):
    def check(operation, replayed=None):
        recorded = Runs(operation)
        with postgres.gone():
            result, playback = recorded.replayed(replayed or operation)
        assert result == recorded.result
        assert playback.missed == []
        assert playback.moved == []
        assert playback.never_consumed == []
        assert playback.playback_outputs == playback.recorded_outputs
        return recorded

    return check


def _work(engine):
    with Session(engine) as session:
        session.add_all([Tool(name=f"tool {i}", cents=i) for i in range(3)])
        session.flush()
        with session.begin_nested():
            session.add(Tool(name="vice", cents=9900))
        session.commit()
        names = session.scalars(NAMES).all()
        return names, session.scalar(select(func.sum(Tool.cents)))


def test_a_unit_of_work_replays_without_its_server(engine, replays_equal):
    recorded = replays_equal(lambda: _work(engine))
    assert recorded.result == (["axe", "broom", "tool 0", "tool 1", "tool 2", "vice"], 15053)
    outputs = [alias for kind, alias in recorded.calls[:-1] if kind == "OUTPUT"]
    assert outputs == [
        *("psycopg INSERT tool", "psycopg SAVEPOINT", "psycopg INSERT tool"),
        *("psycopg RELEASE", "psycopg COMMIT"),
    ]


def test_an_engine_that_has_never_seen_the_server_replays_and_asks_it_later(
    engine, url, replays_equal
):
    fresh = create_engine(url)
    replays_equal(lambda: _work(engine), lambda: _work(fresh))
    assert fresh.dialect.server_version_info == engine.dialect.server_version_info
    with fresh.connect() as connection:
        assert connection.scalars(NAMES).all()[0] == "axe"
    fresh.dispose()


def test_rows_of_a_cursor_of_the_server_are_streamed(engine, replays_equal):
    def work():
        streaming = engine.connect().execution_options(yield_per=1)
        with streaming as connection, connection.execute(NAMES) as rows:
            return next(iter(rows)).name

    assert replays_equal(work).result == "axe"


def test_errors_are_those_of_sqlalchemy_again(engine, replays_equal):
    def work():
        with engine.connect() as connection:
            try:
                connection.execute(text("SELECT * FROM nowhere"))
            except exc.ProgrammingError as error:
                return error.orig.sqlstate

    assert replays_equal(work).result == "42P01"


def test_the_level_of_isolation_is_set_and_reset(engine, replays_equal):
    def work():
        options = {"isolation_level": "AUTOCOMMIT"}
        with engine.connect().execution_options(**options) as connection:
            connection.execute(text("UPDATE tool SET cents = 0"))
        with engine.connect() as connection:
            return connection.scalar(select(func.sum(Tool.cents)))

    assert replays_equal(work).result == 0


def test_async_engines_replay_too(engine, url, replays_equal):
    async def run():
        asynchronous = create_async_engine(url)
        try:
            async with async_sessionmaker(asynchronous)() as session:
                session.add(Tool(name="saw", cents=1))
                await session.commit()
                names = (await session.scalars(NAMES)).all()
                return names + [name async for name in await session.stream_scalars(NAMES.limit(1))]
        finally:
            await asynchronous.dispose()

    assert replays_equal(lambda: asyncio.run(run())).result == ["axe", "broom", "saw", "axe"]


def test_an_engine_of_another_isolation_level_is_a_difference(engine, postgres):
    def work(**options):
        with Session(engine.execution_options(**options)) as session:
            session.add(Tool(name="saw", cents=1))
            session.commit()

    recorded = Runs(work)
    for level in ("SERIALIZABLE", "AUTOCOMMIT"):
        with postgres.gone():
            _, playback = recorded.replayed(lambda at=level: work(isolation_level=at))
        sent = playback.playback_outputs[0].value["kwargs"]["transaction"]
        assert level.lower() in sent.lower()
