"""Files at a path argument: stored with the recording, put back at replay."""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    InputInterceptionFileDataHandler,
    OutputInterceptionFileDataHandler,
    Playback,
    Recording,
    RecordingKeyError,
    SandboxOptions,
    SettingsError,
    TapeRecorder,
    TapeRecorderException,
)
from playback_core.intercepted_files import FileInterception
from playback_core.studio import EqualityStatus, Equalizer, compare_outputs

Load = Callable[[], Recording]
Replay = Callable[[Callable[[], Any]], Playback]
VARIABLE = "PLAYBACK_INTERCEPTED_FILE_SIZE_LIMIT"
MARKER = FileInterception.ABOVE_LIMIT_CONTENT


class Shop:
    """Downloads to a path and reads what is there; what it has to download may change."""

    def __init__(self, recorder: TapeRecorder, limit: float | None = None) -> None:
        self.content: bytes | None = b"from production"
        handler = InputInterceptionFileDataHandler(1, "path", limit)

        class Store:
            @recorder.intercept_input("download", data_handler=handler, capture_args=[])
            def download(store, path: Any, result: Any = None) -> Any:
                if self.content is not None:
                    Path(os.fsdecode(path)).write_bytes(self.content)
                return path if result == "path" else result

        self.store = Store()


def writing_below(folder: Path) -> SandboxOptions:
    """Let a replay's own code write its files."""
    return SandboxOptions(paths=(str(folder),))


@pytest.fixture
def shop(recorder: TapeRecorder) -> Shop:
    return Shop(recorder)


class TestInputs:
    def test_the_file_is_written_where_the_replayed_call_says(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay
    ) -> None:
        @recorder.operation()
        def execute(path: Path) -> bytes:
            shop.store.download(path)
            return path.read_bytes()

        recorded = tmp_path / "production" / "report"
        recorded.parent.mkdir()
        assert execute(recorded) == b"from production"
        recorded.write_bytes(b"not to be touched")
        elsewhere = tmp_path / "laptop" / "deep" / "report"
        shop.content = b"the world"
        playback = replay(lambda: execute(elsewhere))

        assert playback.playback_outputs == playback.recorded_outputs
        assert elsewhere.read_bytes() == b"from production"
        assert recorded.read_bytes() == b"not to be touched"

    def test_what_is_there_already_is_overwritten_in_place(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, last_recording: Load
    ) -> None:
        path = tmp_path / "file"

        @recorder.operation()
        def execute() -> bytes:
            with path.open("w+b") as held:
                held.write(b"x" * 100)
                held.flush()
                shop.store.download(str(path))
                held.seek(0)
                return held.read()

        assert execute() == b"from production"
        playback = recorder.play(
            last_recording().id, lambda recording: execute(), sandbox=writing_below(tmp_path)
        )
        assert playback.playback_outputs == playback.recorded_outputs

    @pytest.mark.parametrize("kind", [str, os.fsencode, Path])
    def test_a_call_that_returns_its_path_returns_that_of_the_replay(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay, kind: Any
    ) -> None:
        returned: list[Any] = []

        @recorder.operation(category="all")
        def execute(path: Any) -> None:
            returned.append(shop.store.download(path, "path"))

        execute(kind(tmp_path / "recorded"))
        replay(lambda: execute(str(tmp_path / "replayed")))
        assert returned[1] == kind(tmp_path / "replayed")
        assert type(returned[1]) is type(returned[0])

    @pytest.mark.parametrize("result", [None, True, {"bytes": 15}])
    def test_any_other_result_is_the_recorded_one(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay, result: Any
    ) -> None:
        execute = recorder.operation(category="all")(
            lambda: shop.store.download(path=tmp_path / "file", result=result)
        )
        assert execute() == result
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_a_coroutine_function_is_served_too(
        self, recorder: TapeRecorder, tmp_path: Path, replay: Replay
    ) -> None:
        handler = InputInterceptionFileDataHandler(0, "path")

        @recorder.intercept_input("download", data_handler=handler)
        async def download(path: Path) -> None:
            await asyncio.to_thread(path.write_bytes, b"\x00\xff")

        @recorder.operation()
        async def execute() -> bytes:
            await download(tmp_path / "file")
            return (tmp_path / "file").read_bytes()

        assert asyncio.run(execute()) == b"\x00\xff"
        (tmp_path / "file").unlink()
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_what_happens_to_the_file_after_the_call_is_not_recorded(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay
    ) -> None:
        path = tmp_path / "file"
        seen = []

        @recorder.operation()
        def execute() -> None:
            shop.store.download(path)
            seen.append(path.read_bytes())
            path.write_bytes(b"changed")

        execute()
        replay(execute)
        assert seen == [b"from production"] * 2

    def test_where_there_was_no_file_none_is_put(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay
    ) -> None:
        shop.content = None

        @recorder.operation()
        def execute() -> tuple[Any, bool]:
            path = tmp_path / "none"
            return shop.store.download(path, False), path.exists()

        assert execute() == (False, False)
        shop.content = b"the world"
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_a_call_without_a_path_has_no_file(
        self, recorder: TapeRecorder, shop: Shop, replay: Replay
    ) -> None:
        shop.content = None
        execute = recorder.operation(category="all")(lambda: shop.store.download(None, 5))
        assert execute() == 5
        playback = replay(execute)
        assert playback.playback_outputs == playback.recorded_outputs

    def test_a_folder_is_not_recorded_and_the_replay_says_so(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay
    ) -> None:
        shop.content = None
        execute = recorder.operation(category="all")(lambda: shop.store.download(tmp_path, 5))
        assert execute() == 5
        with pytest.raises(RecordingKeyError, match=r"was not recorded: it is no regular file"):
            replay(execute)

    def test_a_pipe_is_not_waited_for(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, last_recording: Load
    ) -> None:
        shop.content = None
        os.mkfifo(tmp_path / "pipe")
        recorder.operation(category="all")(lambda: shop.store.download(tmp_path / "pipe"))()
        stored = last_recording().get_data("input: download args=[], kwargs={}")["value"]
        assert stored["not_recorded"] == "it is no regular file"

    def test_a_file_that_may_not_be_read_costs_its_content_only(
        self,
        recorder: TapeRecorder,
        shop: Shop,
        tmp_path: Path,
        replay: Replay,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / "locked"
        execute = recorder.operation(category="all")(lambda: shop.store.download(path))

        def refuse(path: Any) -> Any:
            raise PermissionError(13, "Permission denied")

        with monkeypatch.context() as patched:
            patched.setattr("playback_core.intercepted_files.os.stat", refuse)
            execute()
        assert recorder.counters == {"recorded": 1}
        with pytest.raises(RecordingKeyError, match="cannot be read: Permission denied"):
            replay(execute)

    def test_a_place_that_cannot_be_written_is_a_miss_that_says_why(
        self, recorder: TapeRecorder, shop: Shop, tmp_path: Path, replay: Replay
    ) -> None:
        execute = recorder.operation(category="all")(shop.store.download)
        execute(tmp_path / "file")
        with pytest.raises(RecordingKeyError, match="IsADirectoryError"):
            replay(lambda: execute(tmp_path))

    def test_a_call_whose_path_is_not_passed_costs_the_recording_and_says_why(
        self, recorder: TapeRecorder, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        handler = InputInterceptionFileDataHandler(0, "path")

        @recorder.intercept_input("download", data_handler=handler)
        def download(path: Path = tmp_path / "default") -> int:
            return 5

        assert recorder.operation(category="all")(lambda: download())() == 5
        assert recorder.counters == {"failed": 1}
        assert "no argument 'path', and none at index 0" in caplog.text

    @pytest.mark.parametrize(("index", "name"), [(1, "path"), (1, None), (None, "path")])
    def test_the_receiver_counts_in_the_index(
        self, tmp_path: Path, index: int | None, name: str | None
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"content")
        handler = InputInterceptionFileDataHandler(index, name)
        args, kwargs = ((object(),), {"path": path}) if index is None else ((object(), path), {})
        prepared = handler.prepare_input_for_recording("key", None, args, kwargs)
        assert prepared == {"file_path": str(path), "file_content": b"content", "result": None}


class TestOutputs:
    @pytest.fixture
    def upload(self, recorder: TapeRecorder) -> Callable[..., Any]:
        class Store:
            @recorder.intercept_output(
                "upload", data_handler=OutputInterceptionFileDataHandler(0, "path")
            )
            def upload(self, path: Path) -> str:
                path.write_bytes(b"changed by the call")
                return "etag"

        return Store().upload

    def test_the_file_is_stored_as_it_was_sent_and_held_for_an_extractor(
        self,
        recorder: TapeRecorder,
        upload: Callable[..., Any],
        last_recording: Load,
        tmp_path: Path,
    ) -> None:
        path = tmp_path / "report"

        @recorder.operation()
        def execute() -> Any:
            path.write_bytes(b"totals")
            return upload(path)

        assert execute() == "etag"
        stored = last_recording().get_data("output: upload #1.output")
        assert stored == {"file_path": str(path), "file_content": b"totals"}
        holder = OutputInterceptionFileDataHandler(0, "path").restore_output_from_recording(stored)
        holder.to_file(tmp_path / "extracted")
        assert (tmp_path / "extracted").read_bytes() == holder.file_content == b"totals"
        assert holder.output_file_path == str(path)

        playback = recorder.play(
            last_recording().id, lambda recording: execute(), sandbox=writing_below(tmp_path)
        )
        assert playback.playback_outputs == playback.recorded_outputs
        assert path.read_bytes() == b"totals", "the replay uploads nothing"

    def test_a_missing_file_is_no_content(self, tmp_path: Path) -> None:
        handler = OutputInterceptionFileDataHandler(0, "path")
        path = tmp_path / "none"
        prepared = handler.prepare_output_for_recording("key", (path,), {})
        assert prepared == {"file_path": str(path), "file_content": None}
        with pytest.raises(TapeRecorderException, match="none' to write: there was no file"):
            handler.restore_output_from_recording(prepared).to_file(tmp_path / "copy")

    @pytest.mark.parametrize(
        ("sent", "status"), [(b"same", EqualityStatus.Equal), (b"other", EqualityStatus.Different)]
    )
    def test_content_is_compared_and_its_path_is_listed(
        self,
        recorder: TapeRecorder,
        cassette: InMemoryTapeCassette,
        upload: Callable[..., Any],
        tmp_path: Path,
        sent: bytes,
        status: EqualityStatus,
    ) -> None:
        path, content = tmp_path / "a", b"same"

        @recorder.operation(category="all")
        def execute() -> Any:
            path.write_bytes(content)
            return upload(path)

        execute()
        path, content = tmp_path / "b", sent
        (comparison,) = compare(recorder, cassette, execute, tmp_path)
        assert comparison.comparator_status.equality_status is status
        if status is EqualityStatus.Equal:
            assert "paths of files whose content is recorded" in str(comparison.comparator_status)

    def test_a_file_above_the_limit_is_listed_in_the_verdict(
        self,
        recorder: TapeRecorder,
        cassette: InMemoryTapeCassette,
        tmp_path: Path,
    ) -> None:
        handler = OutputInterceptionFileDataHandler(0, "path", 0.001)
        upload = recorder.intercept_output("upload", data_handler=handler)(lambda path: None)
        path = tmp_path / "file"
        path.write_bytes(b"x" * 5_000)

        @recorder.operation(category="all")
        def execute() -> None:
            upload(path)

        execute()
        (comparison,) = compare(recorder, cassette, execute, tmp_path)
        assert comparison.comparator_status.equality_status is EqualityStatus.Equal
        assert "content of the file was not recorded" in str(comparison.comparator_status)


def compare(
    recorder: TapeRecorder,
    cassette: InMemoryTapeCassette,
    execute: Callable[[], Any],
    folder: Path,
) -> list[Any]:
    player = partial(
        recorder.play,
        playback_function=lambda recording: execute(),
        sandbox=writing_below(folder),
    )
    ids = cassette.get_all_recording_ids()
    return list(Equalizer(ids, player, list, compare_outputs).run_comparison())


class TestLimits:
    def stored(self, path: Path, limit: float | None = None) -> dict[str, Any]:
        handler = OutputInterceptionFileDataHandler(0, "path", limit)
        stored: dict[str, Any] = handler.prepare_output_for_recording("key", (path,), {})
        return stored

    def test_a_marker_stands_for_a_file_above_the_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"x" * 1024**2)
        assert self.stored(path, 1)["file_content"] == path.read_bytes()
        path.write_bytes(b"x" * (1024**2 + 1))
        stored = self.stored(path, 1)
        assert stored["file_content"] == MARKER
        assert stored["not_recorded"] == "it has 1,048,577 bytes, and the limit is 1 MB"
        holder = OutputInterceptionFileDataHandler(0, "path").restore_output_from_recording(stored)
        holder.to_file(tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == holder.file_content == MARKER
        assert holder.not_recorded == stored["not_recorded"]

    def test_a_replay_does_not_take_the_marker_for_the_file(
        self, recorder: TapeRecorder, tmp_path: Path, replay: Replay
    ) -> None:
        shop = Shop(recorder, limit=0)
        path = tmp_path / "file"
        execute = recorder.operation(category="all")(lambda: shop.store.download(path))
        execute()
        path.unlink()
        with pytest.raises(RecordingKeyError, match="was not recorded: it has 15 bytes"):
            replay(execute)
        assert not path.exists()

    def test_the_environment_gives_the_limit_and_an_argument_goes_before_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"x" * 2_000)
        monkeypatch.setenv(VARIABLE, "0.001")
        assert self.stored(path)["file_content"] == MARKER
        assert self.stored(path, 1)["file_content"] == path.read_bytes()
        monkeypatch.delenv(VARIABLE)
        assert OutputInterceptionFileDataHandler(0, "path").intercepted_size_limit == 500

    def test_a_file_that_no_recording_can_hold_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "sparse"
        with path.open("wb") as file:
            file.truncate(300 * 1024**2)
        stored = self.stored(path)
        assert stored["file_content"] == MARKER
        assert stored["not_recorded"].endswith("a recording holds 64 MB at most")

    def test_a_file_whose_size_is_not_told_is_read_to_the_limit(self) -> None:
        assert self.stored(Path("/proc/self/status"))["file_content"].startswith(b"Name:")
        assert self.stored(Path("/proc/self/status"), 0)["file_content"] == MARKER

    def test_files_that_do_not_fit_together_cost_the_recording(
        self, recorder: TapeRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("playback_core.recording_session.MAX_OPERATION_BYTES", 10_000)
        shop = Shop(recorder)
        shop.content = b"x" * 6_000

        @recorder.operation(category="all")
        def execute() -> None:
            shop.store.download(tmp_path / "one")
            shop.store.download(tmp_path / "two")

        execute()
        assert recorder.counters == {"too_large": 1}
        assert (tmp_path / "two").read_bytes() == shop.content

    @pytest.mark.parametrize("value", ["much", "-1", "nan"])
    def test_an_environment_that_is_no_size_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv(VARIABLE, value)
        with pytest.raises(SettingsError, match=VARIABLE):
            InputInterceptionFileDataHandler(0, "path")

    @pytest.mark.parametrize(
        "arguments",
        [("0", "path"), (True, "path"), (None, None), (None, ""), (0, 1), (0, "path", "1")],
    )
    def test_wrong_arguments_are_refused(self, arguments: tuple[Any, ...]) -> None:
        with pytest.raises(SettingsError, match="InputInterceptionFileDataHandler"):
            InputInterceptionFileDataHandler(*arguments)
