"""One shop that is asked turn by turn, and what became of the requests."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, sleep
from typing import Any, Final, Protocol, Self

from examples.live_demo.serving import Serving
from examples.live_demo.visitors import Traffic, Visitor, visit_at_once

CLIENTS: Final = 8
_STALLED_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05


class Running(Protocol):
    """Runs a new shop in a folder; gives its processes and its address."""

    def __call__(
        self, folder: Path, *, recorded: bool
    ) -> AbstractContextManager[tuple[Serving, str]]: ...


class Customers(Protocol):
    """Makes customers of the shop at an address."""

    def __call__(self, address: str, connections: int, *, seed: int) -> Sequence[Visitor[Any]]: ...


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop of the examples, and the tables of its orders in the order they can be emptied."""

    running: Running
    customers: Customers
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the shop did in a turn: answers a second, and the 99th percentile of their times."""

    rate: float
    p99_ms: float

    @classmethod
    def of(cls, traffic: Traffic) -> Self:
        """Work out the figures of what was answered."""
        times = [exchange.seconds for exchange in traffic.exchanges]
        p99 = quantiles(times, n=100, method="inclusive")[-1]
        return cls(len(times) / traffic.seconds, p99 * 1e3)


class ShopLoad:
    """Turns of `requests` requests each to one running shop, over 8 kept connections."""

    def __init__(
        self, shop: Shop, serving: Serving, address: str, requests: int, *, recorded: bool
    ) -> None:
        self._shop = shop
        self._serving = serving
        self._address = address
        self._requests = requests
        self._recorded = recorded
        self.turns: list[Turn] = []
        self.backlogs: list[float] = []
        self.unexpected: list[str] = []
        self.answers = self.with_id = 0
        self.seconds = 0.0

    def turn(self) -> Turn:
        """Send the traffic that follows from the number of the turn; wait until it is stored."""
        self._forget_orders()
        seed = len(self.turns) + 1
        visitors = self._shop.customers(self._address, CLIENTS, seed=seed)
        traffic = visit_at_once(visitors, self._requests, go_on=True)
        self.answers += len(traffic.exchanges)
        self.with_id += sum(exchange.recording_id is not None for exchange in traffic.exchanges)
        self.unexpected += traffic.unexpected
        self.seconds += traffic.seconds
        if self._recorded:
            self.backlogs.append(self._wait_for_storing())
        self.turns.append(Turn.of(traffic))
        return self.turns[-1]

    def stored(self) -> int:
        """Count the recordings in storage."""
        uri = f"{self._serving.recordings.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            (recordings,) = connection.execute("SELECT count(*) FROM recordings").fetchone()
        return int(recordings)

    def shed(self) -> int:
        """Count the requests that were shed; the shop has ended."""
        return self._serving.counted()["shed"]

    @property
    def counted(self) -> list[Turn]:
        """The turns without the first, in which everything is new to the shop."""
        return self.turns[1:]

    @property
    def rate(self) -> float:
        """Answers a second in the median turn."""
        return median(turn.rate for turn in self.counted)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of response times in the median turn."""
        return median(turn.p99_ms for turn in self.counted)

    def _forget_orders(self) -> None:
        # The export lists all orders: the faster a shop, the more it would have to do.
        path = self._serving.data / "shop.db"
        with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
            for table in self._shop.orders:
                connection.execute(f"DELETE FROM {table}")

    def _wait_for_storing(self) -> float:
        # The other shop's turn must not be slowed by what this one has still to do.
        started = changed = monotonic()
        stored = self.stored()
        while stored < self.with_id and monotonic() - changed < _STALLED_SECONDS:
            sleep(_POLL_SECONDS)
            before, stored = stored, self.stored()
            if stored > before:
                changed = monotonic()
        return monotonic() - started


@contextmanager
def running_shops(shop: Shop, folder: Path, requests: int) -> Iterator[tuple[ShopLoad, ShopLoad]]:
    """Run two new shops, each in a folder of its own: one not recorded, and one recorded."""
    for name in ("plain", "recorded"):
        (folder / name).mkdir()
    with (
        shop.running(folder / "plain", recorded=False) as plain,
        shop.running(folder / "recorded", recorded=True) as recorded,
    ):
        yield (
            ShopLoad(shop, *plain, requests, recorded=False),
            ShopLoad(shop, *recorded, requests, recorded=True),
        )
