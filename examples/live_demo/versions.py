"""The two versions of a service: made, and asked what they do without it around them."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def function_of(module: Path, name: str) -> Callable[..., Any]:
    """Load a module of a version by its path, and return a function of it."""
    spec = importlib.util.spec_from_file_location(f"{module.stem}_of_a_version", module)
    if spec is None or spec.loader is None:
        raise ImportError(f"{module} is not a Python module.")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    function: Callable[..., Any] = getattr(loaded, name)
    return function


def make_versions(folder: Path, package: Path, changes: Path) -> tuple[Path, Path]:
    """Make two folders with a package, the second with its changed modules."""
    first, second = folder / "first", folder / "second"
    for version in (first, second):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, version / package.name, ignore=ignored)
    for changed in changes.glob("*.py"):
        shutil.copy(changed, second / package.name)
    return first, second
