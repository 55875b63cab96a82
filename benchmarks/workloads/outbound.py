"""GET of 1 KB over loopback by requests: recorded and replayed, against bare; VCR.py beside."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.kilobyte_server import KILOBYTE, running_server
from benchmarks.measurement import Effort, Measurement
from benchmarks.recorded_calls import AnswersDiffer, Run, measure_calls
from benchmarks.systems import System
from benchmarks.workload import Target, Workload

_CALLS: Final = 100


def _measure(system: type[System], folder: Path, effort: Effort) -> Measurement:
    calls = effort.repetitions(_CALLS)
    with running_server() as url:
        return measure_calls(
            system(folder),
            partial(_ask, url, calls),
            calls,
            effort,
            replayed_row=HTTP_REPLAYED.name,
            others={"requests alone": partial(_ask_nobody, url, calls)} | _peer(folder, url, calls),
        )


def _peer(folder: Path, url: str, calls: int) -> dict[str, Run]:
    # No dependency: it is measured where it is installed.
    try:
        vcr: Any = import_module("vcr")
    except ImportError:
        return {}

    def recorded() -> None:
        path = folder / "new.yaml"
        path.unlink(missing_ok=True)
        with vcr.use_cassette(str(path), record_mode="all"):
            _ask(url, calls)

    def replayed() -> None:
        with vcr.use_cassette(str(folder / "kept.yaml"), record_mode="once"):
            _ask(url, calls)

    replayed()
    return {"vcrpy recorded": recorded, "vcrpy replayed": replayed}


def _ask(url: str, calls: int) -> None:
    import requests

    for _ in range(calls):
        if requests.get(url).content != KILOBYTE:
            raise AnswersDiffer(url)


def _ask_nobody(url: str, calls: int) -> None:
    """Do what requests does itself for each call: what a replay can't do without."""
    import requests
    import urllib3

    class Answering(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            answer = requests.Response()
            answer._content = KILOBYTE
            answer.raw = urllib3.HTTPResponse(preload_content=False)
            return answer

    for _ in range(calls):
        with requests.Session() as session:
            session.mount("http://", Answering())
            session.get(url)


HTTP_RECORDED: Final = Workload(
    name="http-recorded",
    title="GET of 1 KB over loopback by requests, within a recorded operation, against bare",
    unit="x",
    target=Target(1.10),
    measure=_measure,
    predecessor_rounds=0,
)
HTTP_REPLAYED: Final = Workload(
    name="http-replayed",
    title="the same replayed, load included, against bare",
    unit="x",
    target=Target(0.15),
    measure=_measure,
    predecessor_rounds=0,
)
