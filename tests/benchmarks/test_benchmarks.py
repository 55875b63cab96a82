"""The benchmarks run, their figures have a form, and none hides that something is missing."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measurement import ERRORS, LOST, Effort, Measurement, interleaved, ratios
from benchmarks.payloads import KILOBYTE, compact_json, orders, typed_orders
from benchmarks.predecessor import PredecessorUnavailable, python_with_predecessor
from benchmarks.report import as_json, as_text
from benchmarks.runner import ROOT, Row, run
from benchmarks.workload import Target, Workload
from benchmarks.workloads import WORKLOADS

TINY = Effort(rounds=1, scale=0.02)
REASON = "not measured: no package index"


def row(target: Target | None, bundle: Measurement | str) -> Row:
    workload = Workload(
        name="a-row", title="a row", unit="x", target=target, measure=WORKLOADS[0].measure
    )
    return Row(workload, bundle, REASON)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    path = tmp_path_factory.mktemp("benchmarks") / "figures.json"
    effort = ["--rounds", str(TINY.rounds), "--scale", str(TINY.scale)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--no-predecessor", "--json", str(path), *effort],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text(encoding="utf-8")), done.stdout


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_every_workload_gives_a_row_of_figures(report, workload):
    figures, text = report
    (found,) = [one for one in figures["rows"] if one["name"] == workload.name]
    assert found["title"] == workload.title
    measured = found["bundle"]
    assert "missing" not in measured, measured
    assert len(measured["rounds"]) == TINY.rounds
    assert measured["min"] <= measured["median"] <= measured["max"]
    assert measured["details"].get(LOST, 0) == 0
    assert measured["details"].get(ERRORS, 0) == 0
    assert found["verdict"] in ({"reached", "missed"} if workload.target else {""})
    assert f"{workload.name}: {workload.title}" in text


def test_the_figures_say_where_they_come_from(report):
    figures, _ = report
    assert figures["rounds"] == TINY.rounds
    assert figures["machine"]["cores"] >= 1
    assert figures["machine"]["python"].endswith(platform.python_version())
    assert all(
        one["predecessor"]["missing"] in ("not asked for", "cannot do this")
        for one in figures["rows"]
    )


def test_names_of_workloads_are_unique():
    names = [workload.name for workload in WORKLOADS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target(1.5), 1.5, "reached"),
        (Target(1.5), 1.51, "missed"),
        (Target(0.93, at_least=True), 0.93, "reached"),
        (Target(0.93, at_least=True), 0.92, "missed"),
        (None, 7.0, ""),
    ],
)
def test_the_verdict_goes_by_the_median(target, value, verdict):
    found = row(target, Measurement(rounds=[0.0, value, 100.0]))
    assert found.verdict == verdict
    assert verdict in as_text([found]).splitlines()[2]


@pytest.mark.parametrize("fault", [LOST, ERRORS])
def test_speed_at_the_price_of_recordings_or_answers_is_missed(fault):
    assert row(Target(2), Measurement(rounds=[1.0], details={fault: 0})).verdict == "reached"
    assert row(Target(2), Measurement(rounds=[1.0], details={fault: 1})).verdict == "missed"


def test_a_row_that_failed_is_never_called_reached():
    found = row(Target(100), "failed: MemoryError")
    text = as_text([found])
    assert found.verdict == "not measured"
    assert "failed: MemoryError" in text
    assert REASON in text
    assert as_json([found], TINY)["rows"][0]["bundle"] == {"missing": "failed: MemoryError"}


def test_a_predecessor_that_cannot_run_is_said_not_hidden():
    told: list[str] = []
    # An interpreter without the predecessor.
    python = Path(sys.executable)
    (found,) = run(WORKLOADS[:1], TINY, predecessor=python, progress=told.append)
    assert isinstance(found.bundle, Measurement)
    assert found.predecessor == "failed: ModuleNotFoundError: No module named 'playback'"
    assert len(told) == 1


def test_rows_of_one_run_share_its_details_and_keep_their_figures():
    run_of_two = Measurement(rounds=[1.0], others={"second": [2.0]}, details={LOST: 3})
    assert run_of_two.of_row("first") == Measurement(rounds=[1.0], details={LOST: 3})
    assert run_of_two.of_row("second") == Measurement(rounds=[2.0], details={LOST: 3})


@pytest.mark.parametrize("name", ["flask-shop", "flask-shop-shed"])
def test_the_shop_is_run_once_for_both_of_its_rows(report, name):
    figures, _ = report
    rows = {one["name"]: one["bundle"] for one in figures["rows"]}
    rate, p99 = rows[name], rows[f"{name}-p99"]
    assert rate["details"] == p99["details"]
    assert rate["rounds"] != p99["rounds"]
    assert rate["details"]["recorded answers"] > 0


def test_an_environment_that_cannot_be_made_is_an_error_that_says_why(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(PredecessorUnavailable, match=r"file"):
        python_with_predecessor(in_the_way / "environment")


def test_variants_take_turns_and_the_first_turn_does_not_count():
    turns: list[str] = []

    def taking(name: str, seconds: float) -> float:
        turns.append(name)
        return seconds

    times = interleaved({"a": lambda: taking("a", 1.0), "b": lambda: taking("b", 2.0)}, rounds=3)
    assert times == {"a": [1.0] * 3, "b": [2.0] * 3}
    assert turns == ["a", "b", "a", "b", "b", "a", "a", "b"]


def test_a_ratio_is_what_was_added_in_units_of_the_base_of_the_same_round():
    times = {"recorded": [5.0, 9.0], "bare": [1.0, 1.0], "P": [2.0, 4.0]}
    assert ratios(times, "recorded", "bare", "P") == [2.0, 2.0]


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"scale": 0.0}])
def test_an_effort_that_would_measure_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Effort(**wrong)


@pytest.mark.parametrize("size", [KILOBYTE, 100 * KILOBYTE])
def test_payloads_have_the_size_asked_for_and_differ(size):
    documents = [compact_json(order) for order in orders(25, size)]
    assert len(set(documents)) == len(documents)
    assert all(0.9 * size < len(document) < 1.15 * size for document in documents)


@pytest.mark.parametrize("make", [orders, typed_orders])
def test_payloads_depend_on_the_seed_alone(make):
    assert make(3, seed=5) == make(3, seed=5)
    assert make(3, seed=5) != make(3, seed=6)
