"""Runs a recorded operation of kind `function` again: a decorated method or function."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from playback_core.codec.registry import loaded_module
from playback_core.errors import RecordingKeyError, TapeRecorderException
from playback_core.metadata import OPERATION_CLASS, OPERATION_FUNCTION, OPERATION_REQUEST
from playback_core.recording import Recording

_ADVICE: Final = "Give its category a playback function of its own in an EqualizerTuner"


def replay_function(recording: Recording) -> Any:
    """Call the recorded method or function with the recorded arguments.

    A method is called on an instance made without arguments. What a coroutine function returns is
    for the caller (`TapeRecorder.play`) to await. Raise TapeRecorderException where the callable
    is not there, where an instance can't be made, or where the arguments were not recorded.
    """
    request = _request(recording)
    return _operation(recording)(*request["args"], **request["kwargs"])


def _request(recording: Recording) -> dict[str, Any]:
    try:
        request = recording.get_data(OPERATION_REQUEST)
    except RecordingKeyError:
        raise TapeRecorderException(
            f"Recording {recording.id} does not have the arguments of its operation. {_ADVICE}."
        ) from None
    if not (
        isinstance(request, dict)
        and isinstance(request.get("args"), (list, tuple))
        and isinstance(request.get("kwargs"), dict)
    ):
        raise TapeRecorderException(
            f"The request of recording {recording.id} is not one of a function. {_ADVICE}."
        )
    return request


def _operation(recording: Recording) -> Callable[..., Any]:
    metadata = recording.get_metadata()
    owner = metadata.get(OPERATION_CLASS)
    name = metadata.get(OPERATION_FUNCTION)
    module, separator, path = str(name).partition(":")
    if not separator:
        raise TapeRecorderException(
            f"Recording {recording.id} does not name its function. {_ADVICE}."
        )
    if owner is None:
        return _function(recording, module, path)
    if not isinstance(owner, type):
        raise TapeRecorderException(
            f"The class of recording {recording.id} is not known here: {owner!r}. Import the module"
            " that defines it first."
        )
    return _method(recording, owner, path.rpartition(".")[2])


def _function(recording: Recording, module: str, path: str) -> Callable[..., Any]:
    if "<locals>" in path:
        raise TapeRecorderException(
            f"Recording {recording.id} is of {module}:{path}, a function defined in another one,"
            f" which cannot be looked up. {_ADVICE}, or move it to its module."
        )
    found: Any = loaded_module(module)
    if found is None:
        raise TapeRecorderException(
            f"Recording {recording.id} is of {module}:{path}, and {module} is not imported. Import"
            " the application's modules first."
        )
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise TapeRecorderException(
            f"Recording {recording.id} is of {module}:{path}, which is not there (any more)."
            f" {_ADVICE} if it was renamed."
        )
    operation: Callable[..., Any] = found
    return operation


def _method(recording: Recording, owner: type, name: str) -> Callable[..., Any]:
    declared = inspect.getattr_static(owner, name, None)
    if declared is None:
        raise TapeRecorderException(
            f"Recording {recording.id} is of {owner.__qualname__}.{name}, and the class has no"
            f" {name} (any more). {_ADVICE} if it was renamed."
        )
    bound: Callable[..., Any] = getattr(owner, name)
    is_of_class = isinstance(declared, (classmethod, staticmethod))
    if is_of_class or getattr(bound, "__self__", None) is owner:
        return bound
    try:
        instance = owner()
    except TypeError as error:
        raise TapeRecorderException(
            f"Replaying recording {recording.id} needs an instance of {owner.__qualname__}, and"
            f" {owner.__qualname__}() failed: {error}. {_ADVICE}."
        ) from error
    method: Callable[..., Any] = getattr(instance, name)
    return method
