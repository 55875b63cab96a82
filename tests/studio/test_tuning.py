import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from playback_core import SettingsError
from playback_core.studio import DefaultTuner, EqualizerTuner, EqualizerTuning, load_tuner


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("a_users_tuners")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_tuner_is_loaded_from_an_instance_a_class_or_a_function(module: Any) -> None:
    module.instance, module.Class, module.function = DefaultTuner(), DefaultTuner, DefaultTuner
    for name in ("instance", "Class", "function"):
        assert isinstance(load_tuner(f"a_users_tuners:{name}"), EqualizerTuner)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "module",
        ":x",
        "a_users_tuners:",
        "no.such.module:x",
        "a_users_tuners:absent",
        "a_users_tuners:number",
    ],
)
def test_what_is_no_tuner_is_refused_by_name(module: Any, name: str) -> None:
    module.number = 3
    with pytest.raises(SettingsError, match="tuner"):
        load_tuner(name)


def test_a_tuner_whose_code_fails_is_refused_by_name(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module.function = lambda: 1 / 0
    (tmp_path / "a_broken_tuner.py").write_text("raise OSError('no database')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match=r"a_users_tuners:function.*ZeroDivisionError"):
        load_tuner("a_users_tuners:function")
    with pytest.raises(SettingsError, match=r"a_broken_tuner:x.*OSError: no database"):
        load_tuner("a_broken_tuner:x")


def test_a_tuning_takes_functions_only() -> None:
    with pytest.raises(SettingsError, match="comparator"):
        EqualizerTuning(print, print, "equal")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="comparison_data_extractor"):
        EqualizerTuning(print, print, print, {})  # type: ignore[arg-type]


def test_a_tuner_has_to_say_how_to_tune() -> None:
    with pytest.raises(TypeError, match="create_category_tuning"):
        EqualizerTuner()  # type: ignore[abstract]
