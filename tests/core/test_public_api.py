import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

import playback_core
from playback_core import (
    AsyncRecordOnlyTapeCassette,
    CapturedArg,
    InputInterceptionDataHandler,
    OutputInterceptionDataHandler,
    PlaybackError,
    RecordingParameters,
    TapeRecorder,
)
from playback_core.sandbox_options import SEALED

PUBLIC = {
    "AsyncRecordOnlyTapeCassette",
    "Awaited",
    "CachedReadOnlyS3TapeCassette",
    "CapturedArg",
    "CassetteClosedError",
    "CassetteError",
    "CassetteReadOnlyError",
    "CassetteUnavailableError",
    "CodecError",
    "DamagedRecordingError",
    "DecodeError",
    "EncodeError",
    "Entry",
    "EntryKind",
    "FileBasedTapeCassette",
    "InMemoryTapeCassette",
    "InputInterceptionDataHandler",
    "InputInterceptionFileDataHandler",
    "InputInterceptionKeyCreationError",
    "Miss",
    "NoSuchRecording",
    "Opaque",
    "OpaqueValueError",
    "OperationExceptionDuringPlayback",
    "OtherDatabase",
    "Outcome",
    "Output",
    "OutputInterceptionDataHandler",
    "OutputInterceptionFileDataHandler",
    "PackedRecording",
    "Playback",
    "PlaybackError",
    "Recording",
    "RecordingFilter",
    "RecordingKeyError",
    "RecordingParameters",
    "Relocation",
    "S3TapeCassette",
    "SQLiteTapeCassette",
    "SandboxOptions",
    "SettingsError",
    "SideEffectBlocked",
    "StoredRecording",
    "Streamed",
    "Substitution",
    "TapeCassette",
    "TapeRecorder",
    "TapeRecorderException",
    "alias_type",
    "recorder",
    "register_type",
}

INPUT_PARAMETERS = (
    "self, alias, alias_params_resolver=None, data_handler=None, capture_args=None,"
    " run_intercepted_when_missing=False, value_when_missing=<unset>, fallback_aliases=None"
)
OUTPUT_PARAMETERS = (
    "self, alias, data_handler=None, fail_on_no_recorded_result=True,"
    " default_result_when_not_recorded=None"
)
OPERATION_PARAMETERS = "self, metadata_extractor=None, *, category=None, separate=False"

SIGNATURES = {
    "__init__": "self, tape_cassette=None, *, random_seed=None, clock=True",
    "enable_recording": "self",
    "disable_recording": "self",
    "enabled_recording": "self",
    "start_recording": "self, category, metadata, post_operation_metadata_extractor=None",
    "discard_recording": "self",
    "force_sample_recording": "self",
    "record_data": "self, key, value",
    "play_data": "self, key",
    "recording_params": "self, recording_parameters=None, **kwargs",
    "play": f"self, recording_id, playback_function, *, sandbox={SEALED!r}, strict=False",
    "operation": OPERATION_PARAMETERS,
    "class_operation": OPERATION_PARAMETERS,
    "intercept_input": INPUT_PARAMETERS,
    "static_intercept_input": INPUT_PARAMETERS,
    "intercept_output": OUTPUT_PARAMETERS,
    "static_intercept_output": OUTPUT_PARAMETERS,
}

METADATA_NAMES = {
    "DURATION": "_tape_recorder_recording_duration",
    "RECORDED_AT": "_tape_recorder_recorded_at",
    "OPERATION_OUTPUT_ALIAS": "_tape_recorder_operation",
    "OPERATION_CLASS": "_tape_recorder_operation_class",
    "EXCEPTION_IN_OPERATION": "_tape_recorder_exception_in_operation",
    "INCOMPLETE_RECORDING": "_tape_recorder_incomplete_recording",
}


def parameters_of(function: Any) -> str:
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))[1:-1]


def test_the_public_names_are_pinned() -> None:
    assert set(playback_core.__all__) == PUBLIC
    assert sorted(set(playback_core.__all__)) == sorted(playback_core.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(playback_core, name).__doc__


@pytest.mark.parametrize("method", sorted(SIGNATURES))
def test_the_signature_is_pinned_of(method: str) -> None:
    assert parameters_of(getattr(TapeRecorder, method)) == SIGNATURES[method]


@pytest.mark.parametrize(
    "name",
    [
        "in_recording_mode",
        "in_playback_mode",
        "current_recording_id",
        "is_recording_sample_forced",
    ],
)
def test_the_state_is_read_as_a_property(name: str) -> None:
    assert isinstance(inspect.getattr_static(TapeRecorder, name), property)


@pytest.mark.parametrize("name", sorted(METADATA_NAMES))
def test_the_value_of_a_metadata_name_is_pinned(name: str) -> None:
    assert getattr(TapeRecorder, name) == METADATA_NAMES[name]


def test_data_handlers_keep_the_names_of_the_predecessor() -> None:
    inputs, outputs = InputInterceptionDataHandler, OutputInterceptionDataHandler

    assert parameters_of(inputs.prepare_input_for_recording) == (
        "self, interception_key, result, args, kwargs"
    )
    assert parameters_of(inputs.restore_input_from_recording) == "self, recorded_data, args, kwargs"
    assert parameters_of(outputs.prepare_output_for_recording) == (
        "self, interception_key, args, kwargs"
    )
    assert parameters_of(outputs.restore_output_from_recording) == "self, recorded_data"


def test_recording_parameters_and_captured_args_have_their_fields_and_defaults() -> None:
    assert parameters_of(RecordingParameters) == (
        "sampling_rate=1.0, ignore_enforced_sampling=False, skipped=False,"
        " copy_data_on_intercepion=None"
    )
    assert CapturedArg(position=1, name="key") == (1, "key")


def test_the_process_has_one_default_recorder_without_a_cassette() -> None:
    assert isinstance(playback_core.recorder, TapeRecorder)
    assert playback_core.recorder.tape_cassette is None


def test_the_background_writer_keeps_the_names_of_the_predecessor() -> None:
    assert parameters_of(AsyncRecordOnlyTapeCassette).startswith(
        "cassette, flush_interval=0.1, timeout_on_close=10"
    )


@pytest.mark.parametrize(
    "error",
    [value for value in vars(playback_core).values() if inspect.isclass(value)],
    ids=lambda value: value.__name__,
)
def test_every_public_error_has_one_root(error: type) -> None:
    if issubclass(error, BaseException):
        assert issubclass(error, PlaybackError)


def test_an_error_with_fields_of_its_own_survives_pickling() -> None:
    error = playback_core.NoSuchRecording("shop/20240101/1")

    again = pickle.loads(pickle.dumps(error))

    assert again.recording_id == "shop/20240101/1"
    assert str(again) == str(error)


def test_importing_the_core_loads_nothing_that_production_does_not_need() -> None:
    code = "import sys, playback_core; print(*sorted(sys.modules))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    unwanted = {
        "asyncio",
        "boto3",
        "click",
        "flask",
        "jinja2",
        "playback_core.studio",
        "rich",
        "wrapt",
    }
    assert "playback_core.tape_recorder" in loaded
    assert unwanted.isdisjoint(loaded)
