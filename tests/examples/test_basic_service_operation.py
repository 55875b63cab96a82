"""`examples/basic_service_operation.py`, run as a user runs it."""

import re
from collections.abc import Callable
from subprocess import CompletedProcess

RunExample = Callable[..., CompletedProcess[str]]


def test_all_ten_recordings_replay_equal(run_example: RunExample) -> None:
    finished = run_example("basic_service_operation.py")

    assert finished.returncode == 0, finished.stderr
    compared = re.findall(r"^Recording (\S+): Equal - both stored \d+$", finished.stdout, re.M)
    assert len(set(compared)) == 10


def test_the_replay_stores_the_recorded_number(run_example: RunExample) -> None:
    finished = run_example("basic_service_operation.py")

    (then,) = re.findall(r"stored (\d+) then", finished.stdout)
    (now,) = re.findall(r"would store (\d+) now", finished.stdout)
    assert then == now
