"""Requests a second that a recorded Flask application answers, against the same one bare."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from benchmarks.flask_service.clients import Answers, ask, request
from benchmarks.flask_service.server import Server
from benchmarks.measurement import ERRORS, LOST, Effort, Measurement, interleaved
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_ROUND_SECONDS = 1.0


class _Load:
    """Rounds of requests to one server, and what became of them."""

    def __init__(self, server: Server, seconds: float) -> None:
        self._server = server
        self._seconds = seconds
        self.answers: list[Answers] = []
        self.backlogs: list[float] = []

    def round(self) -> float:
        """Ask for a while, then wait until the server has stored all; return the rate."""
        answers = ask(self._server.port, self._seconds)
        started = monotonic()
        # Another server's round must not be slowed by what this one has still to do.
        request(self._server.port, "/drain")
        self.backlogs.append(monotonic() - started)
        self.answers.append(answers)
        return answers.rate

    @property
    def good(self) -> int:
        return sum(answers.good for answers in self.answers)

    @property
    def bad(self) -> int:
        return sum(answers.bad for answers in self.answers)


@dataclass(frozen=True, slots=True)
class _Service:
    """The service whose inputs take `wait` seconds each."""

    wait: float

    def measure(self, system: type[System], folder: Path, effort: Effort) -> Measurement:
        seconds = _ROUND_SECONDS * effort.scale
        with (
            Server("", folder, self.wait) as plain_server,
            Server(system.name, folder, self.wait) as recorded_server,
        ):
            plain, recorded = _Load(plain_server, seconds), _Load(recorded_server, seconds)
            # Until it is up, a server's socket keeps the first request waiting.
            request(plain_server.port, "/drain")
            request(recorded_server.port, "/drain")
            rates = interleaved({"plain": plain.round, "recorded": recorded.round}, effort.rounds)
        reader = system(folder)
        lost = recorded.good - reader.stored().recordings
        reader.close()
        return Measurement(
            rounds=[a / b for a, b in zip(rates["recorded"], rates["plain"], strict=True)],
            details={
                "plain requests/s": round(median(rates["plain"])),
                "recorded requests/s": round(median(rates["recorded"])),
                "plain errors": plain.bad,
                ERRORS: recorded.bad,
                "recorded answers": recorded.good,
                LOST: lost,
                "backlog s": round(median(recorded.backlogs), 3),
            },
        )


FLASK_WAITING = Workload(
    name="flask-waiting",
    title="Flask view, 3 inputs of 2 ms, 1 output, 8 threads, 8 clients: requests/s against bare",
    unit="x",
    target=Target(0.93, at_least=True),
    measure=_Service(wait=0.002).measure,
)
FLASK_BUSY = Workload(
    name="flask-busy",
    title="the same with no wait",
    unit="x",
    target=Target(0.8, at_least=True),
    measure=_Service(wait=0).measure,
)
