"""Where a recording comes from: service, code revision and versions."""

import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from playback_core.metadata import KIND, REVISION, SERVICE, VERSIONS

REVISION_VARIABLE: Final = "PLAYBACK_REVISION"
"""The environment variable that names the code's revision; no setting of the code."""

_REVISION_VARIABLES: Final = (
    REVISION_VARIABLE,
    "GIT_COMMIT",
    "SOURCE_VERSION",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
)


@cache
def standing_metadata(kind: str, service: str | None) -> Mapping[str, Any]:
    """Return the metadata every recording of a kind carries in this process.

    The revision is that of the first variable set of PLAYBACK_REVISION, GIT_COMMIT,
    SOURCE_VERSION, GITHUB_SHA and CI_COMMIT_SHA, else that of a git checkout around the working
    directory, else None.
    """
    return {KIND: kind, SERVICE: service, REVISION: _revision(), VERSIONS: _versions()}


@cache
def _revision() -> str | None:
    for variable in _REVISION_VARIABLES:
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return _git_revision(Path.cwd())
    except (OSError, ValueError):
        return None


def _git_revision(start: Path) -> str | None:
    for folder in (start, *start.parents):
        git = folder / ".git"
        if git.is_file():  # a worktree or a submodule, which names where its own folder is
            git = folder / git.read_text().strip().removeprefix("gitdir: ")
        if (git / "HEAD").is_file():
            return _head(git)
    return None


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head or None
    branch = head.removeprefix("ref: ")
    shared = git / "commondir"
    common = git / shared.read_text().strip() if shared.is_file() else git
    if (common / branch).is_file():
        return (common / branch).read_text().strip()
    packed = common / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    named = (line.partition(" ") for line in lines)
    return next((revision for revision, _, name in named if name == branch), None)


@cache
def _versions() -> Mapping[str, str]:
    try:
        own = version("playback-bundle")
    except PackageNotFoundError:
        own = "not installed"
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "playback": own,
    }
