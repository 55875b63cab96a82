"""What is shipped: the version, the files of the wheel, what an import loads, module sizes."""

import email
import json
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import playback_core

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("playback_*/__init__.py"))
MODULES = sorted(ROOT.glob("playback_*/**/*.py"))

# About 250 is what to aim at; a module over this has a second concept in it.
MAX_LINES = 320

# Costly or not always installed; wrapt alone takes a tenth of a second and loads asyncio.
NOT_LOADED_WITH_CORE = {
    "boto3",
    "botocore",
    "celery",
    "click",
    "django",
    "flask",
    "jinja2",
    "playback_core.studio",
    "rich",
    "wrapt",
}

LIST_LOADED_MODULES = """
import sys
before = set(sys.modules)
import playback_core
import json
json.dump(sorted(set(sys.modules) - before), sys.stdout)
"""


def run_python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    run_python("-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_importing_the_core_loads_nothing_that_production_does_not_need():
    loaded = set(json.loads(run_python("-c", LIST_LOADED_MODULES)))
    assert "playback_core" in loaded
    assert not loaded & NOT_LOADED_WITH_CORE


def test_the_version_is_one_in_the_package_and_in_the_metadata(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(wheel.read(name))
    assert metadata["Version"] == playback_core.__version__


def test_the_wheel_holds_every_package_with_its_types_and_nothing_else(wheel):
    files = {Path(name) for name in wheel.namelist()}
    folders = {path.parts[0] for path in files if not path.parts[0].endswith(".dist-info")}
    assert folders == set(PACKAGES)
    assert {Path(package, "py.typed") for package in PACKAGES} <= files
    assert {module.relative_to(ROOT) for module in MODULES} <= files


def test_every_entry_point_can_be_loaded():
    scripts = PROJECT.get("scripts", {})
    declared = [("console_scripts", *item) for item in scripts.items()]
    for group, points in PROJECT.get("entry-points", {}).items():
        declared += [(group, *item) for item in points.items()]
    assert declared
    for group, name, value in declared:
        assert EntryPoint(name, value, group).load() is not None


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_stays_small_enough_to_read(module):
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: split it by concept"
