from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playback_core import Recording, TapeRecorder, provenance

Load = Callable[[], Recording]
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run in a folder without a checkout, with no revision in the environment."""
    for name in (
        "PLAYBACK_REVISION",
        "GIT_COMMIT",
        "SOURCE_VERSION",
        "GITHUB_SHA",
        "CI_COMMIT_SHA",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    forget()
    yield
    forget()


def forget() -> None:
    """Forget what is found once in a process."""
    for function in (provenance.standing_metadata, provenance._revision):
        function.cache_clear()


@pytest.fixture
def metadata(recorder: TapeRecorder, last_recording: Load) -> Callable[[], dict[str, Any]]:
    def metadata() -> dict[str, Any]:
        recorder.operation(category="any")(lambda: None)()
        return last_recording().get_metadata()

    return metadata


def checkout(folder: Path, head: str = "ref: refs/heads/main") -> Path:
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head + "\n")
    return folder / ".git"


def test_versions_are_those_of_python_and_of_the_bundle(
    metadata: Callable[[], dict[str, Any]],
) -> None:
    versions = metadata()[TapeRecorder.VERSIONS]

    assert set(versions) == {"python", "implementation", "playback"}
    assert versions["python"].startswith("3.")


def test_the_environment_names_the_revision(
    metadata: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SHA", "from the build")
    monkeypatch.setenv("PLAYBACK_REVISION", "from the user")

    assert metadata()[TapeRecorder.REVISION] == "from the user"


def test_a_checkout_around_the_working_directory_names_it(
    metadata: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = checkout(tmp_path)
    (git / "refs" / "heads" / "main").write_text(REVISION + "\n")
    inner = tmp_path / "deep" / "inside"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    assert metadata()[TapeRecorder.REVISION] == REVISION


def test_a_checkout_at_a_revision_names_it(
    metadata: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    checkout(tmp_path, head=REVISION)

    assert metadata()[TapeRecorder.REVISION] == REVISION


def test_a_branch_that_git_has_packed_names_it(
    metadata: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    git = checkout(tmp_path)
    (git / "packed-refs").write_text(
        f"# pack-refs with: peeled fully-peeled sorted\n{REVISION} refs/heads/main\n"
        f"{'f' * 40} refs/heads/other\n"
    )

    assert metadata()[TapeRecorder.REVISION] == REVISION


def test_a_worktree_names_its_own_and_not_that_of_a_checkout_around_it(
    metadata: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = checkout(tmp_path, head="f" * 40)
    (git / "refs" / "heads" / "topic").write_text(REVISION + "\n")
    own = git / "worktrees" / "topic"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/topic\n")
    (own / "commondir").write_text("../..\n")
    worktree = tmp_path / "topic"
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {own}\n")
    monkeypatch.chdir(worktree)

    assert metadata()[TapeRecorder.REVISION] == REVISION


@pytest.mark.parametrize("head", [b"", b"\xff\xfe\x00", b"ref: refs/heads/gone"])
def test_without_a_readable_revision_there_is_none_and_the_recording_is_kept(
    metadata: Callable[[], dict[str, Any]], tmp_path: Path, head: bytes
) -> None:
    git = checkout(tmp_path)
    (git / "HEAD").write_bytes(head)

    assert metadata()[TapeRecorder.REVISION] is None


def test_outside_of_a_checkout_there_is_none(metadata: Callable[[], dict[str, Any]]) -> None:
    assert metadata()[TapeRecorder.REVISION] is None
