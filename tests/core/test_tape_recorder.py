import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest

from playback_core import (
    InMemoryTapeCassette,
    NoSuchRecording,
    Playback,
    Recording,
    RecordingKeyError,
    RecordingParameters,
    SettingsError,
    TapeRecorder,
    TapeRecorderException,
)

Replay = Callable[[Callable[[], Any]], Playback]
Load = Callable[[], Recording]


class TestSwitchingOnAndOff:
    def test_nothing_is_recorded_before_recording_is_enabled(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recorder = TapeRecorder(cassette)

        @recorder.operation()
        def execute() -> int:
            return 1

        assert execute() == 1
        assert cassette.get_all_recording_ids() == []

    def test_enabled_recording_enables_without_a_with_statement(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recorder = TapeRecorder(cassette)

        @recorder.operation()
        def execute() -> int:
            return 1

        recorder.enabled_recording()
        execute()

        assert len(cassette.get_all_recording_ids()) == 1

    def test_enabled_recording_disables_on_exit_and_gives_the_recorder(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recorder = TapeRecorder(cassette)

        @recorder.operation()
        def execute() -> int:
            return 1

        with recorder.enabled_recording() as enabled:
            assert enabled is recorder
            execute()
        execute()

        assert len(cassette.get_all_recording_ids()) == 1

    def test_an_operation_that_runs_when_recording_is_disabled_is_recorded_to_its_end(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> int:
            return 5

        @recorder.operation()
        def execute() -> int:
            recorder.disable_recording()
            return read()

        execute()

        assert last_recording().get_data("input: read args=[], kwargs={}") == {"value": 5}

    def test_the_cassette_may_be_set_after_the_code_is_decorated(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recorder = TapeRecorder(None)

        @recorder.operation()
        def execute() -> int:
            return 1

        recorder.tape_cassette = cassette
        with recorder.enabled_recording():
            execute()

        assert len(cassette.get_all_recording_ids()) == 1

    def test_recording_without_a_cassette_costs_the_recording_and_is_said_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        recorder = TapeRecorder(None)

        @recorder.operation()
        def execute() -> int:
            return 1

        with recorder.enabled_recording():
            assert [execute(), execute()] == [1, 1]

        assert recorder.counters == {"failed": 2}
        assert len(caplog.records) == 1
        assert "no cassette" in caplog.text

    def test_an_interception_acts_on_the_operation_of_another_recorder(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        answers = iter([1, 2])
        helper_modules = TapeRecorder(None)

        @helper_modules.intercept_input("read")
        def read() -> int:
            return next(answers)

        @recorder.operation()
        def execute() -> int:
            return read()

        execute()
        playback = replay(execute)

        assert playback.playback_outputs == playback.recorded_outputs
        assert next(answers) == 2


class TestState:
    def test_outside_an_operation_there_is_none(self, recorder: TapeRecorder) -> None:
        assert not recorder.in_recording_mode
        assert not recorder.in_playback_mode
        assert recorder.current_recording_id is None
        assert not recorder.is_recording_sample_forced

    def test_within_an_operation_it_is_that_of_the_recording_or_of_the_replay(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        seen: list[tuple[bool, bool, str | None]] = []

        @recorder.operation()
        def execute() -> None:
            seen.append(
                (
                    recorder.in_recording_mode,
                    recorder.in_playback_mode,
                    recorder.current_recording_id,
                )
            )

        execute()
        replay(execute)

        recording_id = last_recording().id
        assert seen == [(True, False, recording_id), (False, True, recording_id)]

    def test_after_discarding_there_is_no_recording(self, recorder: TapeRecorder) -> None:
        seen: list[tuple[bool, str | None]] = []

        @recorder.operation()
        def execute() -> None:
            recorder.discard_recording()
            seen.append((recorder.in_recording_mode, recorder.current_recording_id))

        execute()

        assert seen == [(False, None)]

    @pytest.mark.parametrize("method", ["discard_recording", "force_sample_recording"])
    def test_steering_a_recording_outside_an_operation_does_nothing(
        self, recorder: TapeRecorder, method: str
    ) -> None:
        getattr(recorder, method)()

        assert recorder.counters == {}


class TestStartRecording:
    def test_a_block_is_recorded_with_its_metadata(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        with recorder.start_recording("nightly", {"day": 1}, lambda: {"rows": 3}):
            recorder.record_data("seen", [1, 2])

        recording = last_recording()
        assert recording.category == "nightly"
        assert recording.get_data("seen") == [1, 2]
        metadata = recording.get_metadata()
        assert (metadata["day"], metadata["rows"]) == (1, 3)

    @pytest.mark.parametrize("fails", [False, True])
    def test_metadata_that_the_block_adds_to_is_stored_as_it_is_at_the_end(
        self, recorder: TapeRecorder, last_recording: Load, fails: bool
    ) -> None:
        metadata = {"day": 1, "rows": 0}

        with suppress(KeyError), recorder.start_recording("nightly", metadata):
            metadata["rows"] = 3
            if fails:
                raise KeyError

        stored = last_recording().get_metadata()
        assert (stored["day"], stored["rows"]) == (1, 3)

    @pytest.mark.parametrize(
        ("parameters", "counted"),
        [({"sampling_rate": 0.0}, {"sampled_out": 1}), ({"skipped": True}, {})],
    )
    def test_the_class_in_the_metadata_gives_the_recording_parameters(
        self, recorder: TapeRecorder, parameters: dict[str, Any], counted: dict[str, int]
    ) -> None:
        @recorder.recording_params(**parameters)
        class Nightly: ...

        with recorder.start_recording("nightly", {TapeRecorder.OPERATION_CLASS: Nightly}):
            pass

        assert recorder.counters == counted

    def test_an_exception_of_the_block_is_noted_and_leaves_it(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        with (
            pytest.raises(KeyError, match="gone"),
            recorder.start_recording("nightly", {}),
        ):
            raise KeyError("gone")

        metadata = last_recording().get_metadata()
        assert metadata[TapeRecorder.EXCEPTION_IN_OPERATION] is True
        assert metadata[TapeRecorder.INCOMPLETE_RECORDING] is False

    def test_an_interrupted_block_is_incomplete(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        with (
            pytest.raises(KeyboardInterrupt),
            recorder.start_recording("nightly", {}),
        ):
            raise KeyboardInterrupt

        assert last_recording().get_metadata()[TapeRecorder.INCOMPLETE_RECORDING] is True

    def test_a_block_within_an_operation_belongs_to_it(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        @recorder.operation(category="outer")
        def execute() -> None:
            with recorder.start_recording("inner", {}):
                recorder.record_data("seen", 1)

        execute()

        assert len(cassette.get_all_recording_ids()) == 1
        assert last_recording().get_data("seen") == 1

    def test_a_replay_passes_through_a_block(self, recorder: TapeRecorder, replay: Replay) -> None:
        real = iter([7])

        @recorder.intercept_input("read")
        def read() -> int:
            return next(real)

        @recorder.intercept_output("write")
        def write(value: int) -> None: ...

        def nightly() -> None:
            with recorder.start_recording("nightly", {}):
                write(read())

        nightly()
        playback = replay(nightly)

        assert playback.playback_outputs == playback.recorded_outputs
        assert playback.playback_outputs[0].value == {"args": [7], "kwargs": {}}

    def test_nothing_is_recorded_while_recording_is_disabled(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        recorder.disable_recording()

        with recorder.start_recording("nightly", {}):
            assert not recorder.in_recording_mode

        assert cassette.get_all_recording_ids() == []

    def test_a_block_may_be_discarded(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        with recorder.start_recording("nightly", {}):
            recorder.discard_recording()

        assert cassette.get_all_recording_ids() == []
        assert recorder.counters == {"discarded": 1}


class TestData:
    def test_recorded_data_is_played_in_the_order_it_was_recorded(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        played: list[Any] = []

        @recorder.operation()
        def execute() -> None:
            if recorder.in_playback_mode:
                played.extend([recorder.play_data("step"), recorder.play_data("step")])
            else:
                recorder.record_data("step", {"n": 1})
                recorder.record_data("step", {"n": 2})

        execute()
        replay(execute)

        assert played == [{"n": 1}, {"n": 2}]

    def test_data_never_recorded_is_a_miss_even_when_the_error_is_swallowed(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        def execute() -> None:
            try:
                recorder.play_data("step")
            except RecordingKeyError:
                return

        execute()
        playback = replay(execute)

        assert [miss.key for miss in playback.missed] == ["step"]

    def test_outside_a_replay_there_is_nothing_to_play_and_nothing_to_record(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        recorder.record_data("step", 1)

        assert recorder.play_data("step") is None
        assert cassette.get_all_recording_ids() == []


class TestMetadata:
    def test_every_recording_says_what_it_is_and_how_it_went(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        recorder.service = "shop"

        @recorder.operation()
        def execute() -> None: ...

        execute()

        metadata = last_recording().get_metadata()
        assert metadata[TapeRecorder.KIND] == "function"
        assert metadata[TapeRecorder.SERVICE] == "shop"
        assert metadata[TapeRecorder.DURATION] >= 0
        assert metadata[TapeRecorder.EXCEPTION_IN_OPERATION] is False
        assert metadata[TapeRecorder.INCOMPLETE_RECORDING] is False
        assert datetime.fromisoformat(metadata[TapeRecorder.RECORDED_AT]).tzinfo is None

    def test_metadata_is_kept_as_it_was_when_it_was_extracted(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        live = {"items": [1]}
        kept: list[Recording] = []
        cassette.save_recording = kept.append  # type: ignore[method-assign]

        @recorder.operation(metadata_extractor=lambda: live)
        def execute() -> None: ...

        execute()
        live["items"].append(2)

        assert kept[0].get_metadata()["items"] == [1]


class TestRecordingParameters:
    @pytest.mark.parametrize("rate", [-0.1, 1.5, "0.5", None, True, float("nan")])
    def test_a_sampling_rate_that_is_no_share_is_refused(self, rate: Any) -> None:
        with pytest.raises(SettingsError, match="sampling_rate"):
            RecordingParameters(sampling_rate=rate)

    def test_an_unknown_parameter_is_refused_with_the_choices(self, recorder: TapeRecorder) -> None:
        with pytest.raises(SettingsError, match="sampling_rate, ignore_enforced_sampling, skipped"):
            recorder.recording_params(sampling=0.5)


class TestPlay:
    def test_a_recording_that_does_not_exist_is_said_to(self, recorder: TapeRecorder) -> None:
        with pytest.raises(NoSuchRecording, match="shop/20240101/1") as raised:
            recorder.play("shop/20240101/1", lambda recording: None)

        assert raised.value.recording_id == "shop/20240101/1"

    def test_without_a_cassette_there_is_a_clear_error(self) -> None:
        with pytest.raises(TapeRecorderException, match="tape_cassette"):
            TapeRecorder(None).play("shop/20240101/1", lambda recording: None)

    def test_the_playback_has_what_was_recorded_and_what_was_replayed(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        class Shop:
            factor = 1

            @recorder.operation()
            def execute(self) -> int:
                return 21 * self.factor

        Shop().execute()
        Shop.factor = 2
        recording_id = last_recording().id
        playback = recorder.play(
            recording_id,
            lambda recording: recording.get_metadata()[TapeRecorder.OPERATION_CLASS]().execute(),
        )

        assert [output.value["args"] for output in playback.recorded_outputs] == [[21]]
        assert [output.value["args"] for output in playback.playback_outputs] == [[42]]
        assert playback.playback_outputs[0].key == (
            f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"
        )
        assert playback.original_recording.id == recording_id
        assert playback.playback_duration > 0
        assert playback.recorded_duration is not None

    def test_the_operations_own_exception_is_an_output_of_the_replay(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        def execute() -> None:
            raise ValueError("sold out")

        with pytest.raises(ValueError, match="sold out"):
            execute()
        playback = replay(execute)

        (output,) = playback.playback_outputs
        assert isinstance(output.value["args"][0], ValueError)
        assert str(output.value["args"][0]) == "sold out"

    def test_any_other_exception_of_the_playback_function_leaves_it(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        def execute() -> None: ...

        def broken() -> None:
            raise LookupError("no such product")

        execute()
        with pytest.raises(LookupError, match="no such product"):
            replay(broken)
        assert not recorder.in_playback_mode

    def test_a_miss_leaves_it_as_the_error_it_is(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        wanted = 1

        @recorder.intercept_input("read")
        def read(key: int) -> int:
            return key

        @recorder.operation()
        def execute() -> int:
            return read(wanted)

        execute()
        wanted = 2
        with pytest.raises(RecordingKeyError):
            replay(execute)

    def test_a_replay_within_a_recorded_operation_does_not_mix_with_it(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette, last_recording: Load
    ) -> None:
        @recorder.intercept_input("read")
        def read() -> int:
            return 1

        @recorder.operation(category="reading")
        def reading() -> int:
            return read()

        reading()
        recorded = last_recording().id

        @recorder.operation(category="checking")
        def checking() -> None:
            recorder.play(recorded, lambda recording: reading())
            assert recorder.in_recording_mode

        checking()

        assert last_recording().get_all_keys() == [
            "_tape_recorder_operation_request",
            "output: _tape_recorder_operation #1.output",
        ]


class TestPlayOfCoroutines:
    def test_a_coroutine_function_runs_in_a_loop_of_its_own(
        self, recorder: TapeRecorder, last_recording: Load
    ) -> None:
        real = iter([1])

        @recorder.intercept_input("read")
        async def read() -> int:
            return next(real)

        @recorder.operation()
        async def execute() -> int:
            return await read() + 1

        async def run(recording: Recording) -> None:
            await execute()

        asyncio.run(execute())
        playback = recorder.play(last_recording().id, run)

        assert playback.playback_outputs == playback.recorded_outputs

    def test_the_exception_of_an_async_operation_is_an_output(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        async def execute() -> None:
            raise ValueError("sold out")

        with pytest.raises(ValueError, match="sold out"):
            asyncio.run(execute())
        playback = replay(execute)

        assert str(playback.playback_outputs[0].value["args"][0]) == "sold out"

    def test_within_a_running_loop_there_is_a_clear_error_and_no_pending_coroutine(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        async def execute() -> int:
            return 1

        async def replay_here() -> Playback:
            return replay(execute)

        asyncio.run(execute())
        with pytest.raises(TapeRecorderException, match="event loop"):
            asyncio.run(replay_here())

    def test_within_a_running_loop_another_thread_may_replay(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        @recorder.operation()
        async def execute() -> int:
            return 1

        async def replay_elsewhere() -> Playback:
            return await asyncio.to_thread(replay, execute)

        asyncio.run(execute())
        playback = asyncio.run(replay_elsewhere())

        assert playback.playback_outputs == playback.recorded_outputs
