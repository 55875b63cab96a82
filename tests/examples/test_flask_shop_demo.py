"""The demo on each database, with little traffic; changes planted in what it recorded.

Each change shows in the comparison as what it is, and alone.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from tests.examples.demo_runs import (
    assert_interrupting_leaves_nothing,
    finished_run,
    stored_texts,
)
from tests.patience import PATIENCE

DEMO = [sys.executable, "-m", "examples.flask_shop.demo"]
ORDER = "api.v1.place_order"
FLASK = [sys.executable, "-m", "flask", "--app", "shop"]

Compare = Callable[..., list[dict[str, Any]]]
Finished = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module", params=["sqlite", "psycopg", "sqlalchemy"])
def run(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    example_environment: dict[str, str],
) -> tuple[Finished, Path]:
    """One whole run of the demo on a database, and where it kept what it recorded."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    command = [*DEMO, "--requests", "120", "--database", request.param]
    return finished_run(command, folder, example_environment, timeout=PATIENCE), folder


@pytest.fixture
def finished(run: tuple[Finished, Path]) -> Finished:
    done, _ = run
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def kept(run: tuple[Finished, Path], finished: Finished) -> Path:
    """Where the demo kept its recordings, all of them replayed Equal."""
    return run[1]


@pytest.fixture
def compare(kept: Path, example_environment: dict[str, str], tmp_path: Path) -> Compare:
    """Compare the recordings of a category on a version of the shop with one text replaced."""

    def compare(category: str, module: str, old: str, new: str) -> list[dict[str, Any]]:
        shutil.copytree(kept / "first" / "shop", tmp_path / "shop")
        changed = tmp_path / "shop" / f"{module}.py"
        code = changed.read_text()
        assert code.count(old) == 1
        changed.write_text(code.replace(old, new))
        settings = json.loads((kept / "replay.json").read_text())
        done = subprocess.run(
            [*FLASK, "playback", "compare", "--json", category],
            cwd=tmp_path,
            env=example_environment | settings | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode in (1, 3), done.stdout + done.stderr
        verdicts: list[dict[str, Any]] = json.loads(done.stdout)["categories"][category]
        return verdicts

    return compare


def test_the_demo_finds_exactly_the_planted_regression(finished: Finished) -> None:
    replayed = r"Replayed on the \w+ version, 90 days later, sealed \w+: (.*)\."
    first, second = re.findall(replayed, finished.stdout)
    assert re.fullmatch(r"\d+ Equal", first)
    assert re.fullmatch(r"\d+ Equal, \d+ Different", second)
    assert "Those are exactly the" in finished.stdout


def test_the_demo_shows_old_and_new_total_of_the_affected_orders(finished: Finished) -> None:
    assert re.search(
        r"^  \S+  POST /api/v1/orders:  \d+ x [\d.]+ = [\d.]+, now [\d.]+$", finished.stdout, re.M
    )


def test_the_recordings_are_kept_and_hold_no_password(kept: Path) -> None:
    sign_ins = stored_texts(kept, "site.sign_in")
    stored = "".join(sign_ins)

    assert len(sign_ins) >= 16
    assert "ada" in stored
    for password in ("engine", "mikrokosmos", "one plus two", "displacement", "a guess"):
        assert password not in stored
        assert quote_plus(password) not in stored


def test_an_interrupted_demo_leaves_no_server_behind(
    example_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*DEMO, "--requests", "100000", "--keep", str(tmp_path / "kept")]
    assert_interrupting_leaves_nothing(command, example_environment)


def differences(verdict: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    counted = [each for each in verdict["diff"] if each["kind"] != "ignored"]
    return [(each["path"], each["recorded"], each["replayed"]) for each in counted]


def test_a_query_for_each_row_is_a_call_that_was_not_recorded(compare: Compare) -> None:
    verdicts = compare(
        "site.account",
        "orders",
        "    return [_order(row) for row in rows]\n",
        "        for row in rows:\n"
        '            connection.rows("SELECT name FROM product WHERE sku = :sku", sku=row["sku"])\n'
        "    return [_order(row) for row in rows]\n",
    )
    with_orders = [each for each in verdicts if each["status"] != "Equal"]
    assert with_orders
    for verdict in with_orders:
        assert verdict["status"] == "EqualizerFailure"
        assert "SELECT product" in verdict["message"]
        assert "SELECT name FROM product" in verdict["message"]


def test_a_write_that_is_dropped_is_missing(compare: Compare) -> None:
    verdicts = compare(
        ORDER, "orders", '    audit.write_line(f"{order.placed_at.isoformat()} ', '    str(f"'
    )
    for verdict in verdicts:
        assert verdict["status"] == "Different"
        ((path, recorded, replayed),) = differences(verdict)
        assert path == "output redis RPUSH #1"
        assert "ordered" in str(recorded)
        assert replayed is None


def test_a_parameter_that_is_changed_is_named(compare: Compare) -> None:
    changed = compare(
        ORDER,
        "catalogue",
        "            quantity=quantity,\n",
        "            quantity=quantity + 1,\n",
    )
    for verdict in changed:
        assert verdict["status"] == "Different"
        paths = [path for path, *_ in differences(verdict)]
        assert paths
        for path in paths:
            assert "UPDATE product" in path
            assert "quantity" in path or "parameters" in path


def test_writes_that_swap_places_show_as_that(compare: Compare) -> None:
    take = (
        "    if not catalogue.take_stock(sku, quantity):\n"
        '        raise OutOfStock(f"There are no {quantity} pieces of {sku} left.")\n'
    )
    insert = "    insert_order(order)\n"
    swapped = compare(ORDER, "orders", take + insert, insert + take)
    for verdict in swapped:
        assert verdict["status"] == "Different"
        moved = {path: places for path, *places in differences(verdict)}
        (insert,) = [path for path in moved if "INSERT placed_order" in path]
        recorded, replayed = moved[insert]
        assert int(str(recorded).removeprefix("place ")) > int(str(replayed).removeprefix("place "))
        assert all("INSERT" in path or "COMMIT" in path for path in moved)
