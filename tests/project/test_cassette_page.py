"""The page about cassettes of one's own: its example is whole, and passes the contract."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cassettes" / "of-your-own.md"


def run_contract(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_mapping.py").write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mapping.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_the_example_passes_both_halves_of_the_contract(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    done = run_contract("\n".join(blocks), tmp_path)
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 30


def test_a_cassette_that_forgets_a_filter_does_not_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(blocks)
    forgetful = code.replace("            and wanted.covers(recording.started_at)\n", "")
    assert forgetful != code
    done = run_contract(forgetful, tmp_path)
    assert done.returncode == 1, done.stdout
    assert "test_dates_are_inclusive" in done.stdout
