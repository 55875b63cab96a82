"""`examples/studio.py`, run as a user runs it."""

from collections.abc import Callable
from subprocess import CompletedProcess

RunExample = Callable[..., CompletedProcess[str]]


def test_only_the_affected_invoices_differ_after_the_change(run_example: RunExample) -> None:
    finished = run_example("studio.py")

    assert finished.returncode == 0, finished.stderr
    before, after = finished.stdout.split("After a change")
    assert before.count(" Equal - ") == 6
    assert "Different" not in before
    assert after.count(" Equal - ") == 4
    assert "Different - ada: was 250.13, now 250.12" in after
    assert "Different - chen: was 108.39, now 108.38" in after


def test_each_category_lists_its_own_recordings(run_example: RunExample) -> None:
    lines = run_example("studio.py").stdout.splitlines()

    assert lines.count("Invoice") == lines.count("Reminder") == 2
    assert sum("  Invoice/" in line for line in lines) == 6
    assert sum("  Reminder/" in line for line in lines) == 6
