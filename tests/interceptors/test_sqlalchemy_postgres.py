"""Engines of SQLAlchemy over psycopg replay without a server, also those with a cold pool."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.interceptors.recorded import record

pytestmark = pytest.mark.usefixtures("intercepted")


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    more: Mapped[dict | None] = mapped_column(JSONB)


@pytest.fixture
def url(postgres):
    url = f"postgresql+psycopg://postgres@/postgres?host={postgres.folder}"
    engine = sa.create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Item(name="axe", more={"sizes": [1]}), Item(name="bow")])
        session.commit()
    engine.dispose()
    return url


def work_with(engine):
    with Session(engine) as session:
        rows = [(each.id, each.name, each.more) for each in session.scalars(sa.select(Item))]
        session.add_all([Item(name=f"item {number}") for number in range(3)])
        session.flush()
        session.get(Item, 1).name = "adze"
        code = None
        try:
            with session.begin_nested():
                session.execute(sa.insert(Item).values(name="bow"))
        except sa.exc.IntegrityError as error:
            code = error.orig.sqlstate
        session.commit()
    with engine.connect() as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=2)
        ids = [row.id for row in streaming.execute(sa.select(Item.id).order_by(Item.id))]
        return rows, code, ids, connection.get_isolation_level()


def expect_again(postgres, recorded, work):
    with postgres.gone():
        result, playback = recorded.replay(work)
    assert result == recorded.result
    assert playback.missed == []
    assert playback.playback_outputs == playback.recorded_outputs


@pytest.mark.parametrize("recorded_warm", [True, False])
@pytest.mark.parametrize("replayed_warm", [True, False])
def test_a_session_replays_whatever_its_pool_had(postgres, url, recorded_warm, replayed_warm):
    engines = []

    def engine(warm):
        engines.append(sa.create_engine(url))
        if warm:
            with engines[-1].connect():
                pass
        return engines[-1]

    first, second = engine(recorded_warm), engine(replayed_warm)
    recorded = record(lambda: work_with(first))
    assert recorded.result[0] == [(1, "axe", {"sizes": [1]}), (2, "bow", None)]
    assert recorded.result[1:3] == ("23505", [1, 2, 3, 4, 5])
    expect_again(postgres, recorded, lambda: work_with(second))
    for each in engines:
        each.dispose()


def test_an_async_engine_replays_as_a_sync_one_does(postgres, url):
    async def work():
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            query = sa.text("SELECT name FROM items WHERE id < :id ORDER BY id")
            rows = (await connection.execute(query, {"id": 3})).all()
            await connection.execute(sa.text("UPDATE items SET more = NULL"))
            streamed = [row.id async for row in await connection.stream(sa.select(Item.id))]
        await engine.dispose()
        return [tuple(each) for each in rows], sorted(streamed)

    recorded = record(lambda: asyncio.run(work()))
    assert recorded.result == ([("axe",), ("bow",)], [1, 2])
    expect_again(postgres, recorded, lambda: asyncio.run(work()))
