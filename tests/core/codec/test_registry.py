"""Which type a stored name means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playback_core.codec import Opaque, alias_type, decode, encode, register_type
from playback_core.codec.registry import find_object, find_type, type_path
from tests.core.codec import samples


def test_alias_loads_an_old_name_as_the_new_class() -> None:
    blob = encode(samples.Order(4)).replace(b"samples.Order", b"oldname.Order")
    assert type(decode(blob)) is Opaque
    alias_type("tests.core.codec.oldname.Order", samples.Order)
    assert decode(blob) == samples.Order(4)


def test_latest_local_class_of_a_path_counts() -> None:
    def make() -> Any:
        @register_type
        class Local:
            pass

        return Local

    first, second = make(), make()
    assert first is not second
    assert find_type(type_path(first)) is second


def test_a_module_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    path = "tests.core.codec.samples.Plain"
    other = "colorsys." + "X" * (len(path) - len("colorsys."))
    blob = encode(samples.Plain(a=1)).replace(path.encode(), other.encode())
    assert decode(blob).type_path == other
    assert "colorsys" not in sys.modules


def test_module_getattr_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise AssertionError(name)

    monkeypatch.setattr(samples, "__getattr__", fail, raising=False)
    assert find_object("tests.core.codec.samples.Missing") is None
    assert find_type("tests.core.codec.samples.double") is None
    assert find_type("Order") is None


@pytest.mark.parametrize("arguments", [("x", 1), (1, int), ("", int)])
def test_alias_checks_its_arguments(arguments: Any) -> None:
    with pytest.raises(TypeError):
        alias_type(*arguments)


def test_register_checks_its_argument() -> None:
    with pytest.raises(TypeError, match="class"):
        register_type(samples.Order(1))  # type: ignore[type-var]


SCRIPT = """
import sys
from playback_core.codec import encode, decode
class Job:
    def __init__(self): self.x = 1
if __name__ == "__main__":
    blob = encode(Job())
    assert decode(blob).x == 1
    sys.stdout.write(blob.hex())
"""


@pytest.mark.parametrize("as_module", [False, True])
def test_types_of_a_script_are_found_by_its_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_module: bool
) -> None:
    name = f"job_script_{as_module}"
    (tmp_path / f"{name}.py").write_text(SCRIPT)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[3]}")
    how = ["-m", name] if as_module else [str(tmp_path / f"{name}.py")]
    shown = subprocess.run([sys.executable, *how], capture_output=True, check=True).stdout
    blob = bytes.fromhex(shown.decode())
    assert decode(blob).type_path == f"{name}.Job"
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(name)
    assert decode(blob).x == 1
