"""The decorators of a TapeRecorder: how operations, inputs and outputs are declared."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from playback_core.binding import Binding, decorate
from playback_core.data_handlers import InputInterceptionDataHandler, OutputInterceptionDataHandler
from playback_core.drivers import drive
from playback_core.errors import SettingsError
from playback_core.input_interception import UNSET, InputInterception, InputOptions
from playback_core.interception_key import CapturedArg
from playback_core.operation_interception import OperationInterception, OperationOptions
from playback_core.output_interception import OutputInterception, OutputOptions
from playback_core.recording_session import DEFAULT_PARAMETERS, RecordingHost, RecordingParameters

Function = TypeVar("Function")
Class = TypeVar("Class", bound=type)


class Declarations:
    """What users decorate their code with; the recorder is one of these.

    Every decorator takes functions, methods, class and static methods (in either order with
    `@classmethod` and `@staticmethod`) and properties, sync and async, and gives the same kind of
    thing back. With nothing being recorded or replayed the decorated callable is the plain one.
    """

    recording_enabled: bool

    def __init__(self) -> None:
        self._parameters: WeakKeyDictionary[type, RecordingParameters] = WeakKeyDictionary()
        # Most recorders have none, and to ask the dictionary takes a call of its own.
        self._has_parameters = False

    def recording_host(self) -> RecordingHost | None:
        """Return what a recording needs, None where there is no cassette."""
        raise SettingsError(f"{type(self).__name__} records nothing by itself.")

    def standing_metadata(self, kind: str) -> Mapping[str, Any]:
        """Return the metadata that every recording of a kind carries."""
        return {}

    def operation(
        self,
        metadata_extractor: Callable[..., Mapping[str, Any]] | None = None,
        *,
        category: str | None = None,
        separate: bool = False,
    ) -> Callable[[Function], Function]:
        """Declare a callable to be an operation: each call is recorded, or part of an outer one.

        `metadata_extractor` gets the call's arguments after it ended and returns metadata to look
        recordings up by (None is none). The category is the class's name for methods (of the
        instance's own class), else the qualified name, unless given. An operation within another
        one is a span of it; with `separate` it has its own recording and is one output of the outer
        one.
        """
        if _is_being_defined(metadata_extractor):
            raise SettingsError(
                f"operation decorates {metadata_extractor!r} without its parentheses;"
                " write @recorder.operation()."
            )
        options = OperationOptions(
            metadata_extractor=metadata_extractor, category=category, separate=separate
        )

        def make(function: Callable[..., Any], binding: Binding) -> Callable[..., Any]:
            interception = OperationInterception(self, options, binding)
            return drive(function, interception, interception.gate)

        subject = "an operation" if category is None else f"operation {category!r}"
        return lambda target: decorate(target, make, subject)

    def class_operation(
        self,
        metadata_extractor: Callable[..., Mapping[str, Any]] | None = None,
        *,
        category: str | None = None,
        separate: bool = False,
    ) -> Callable[[Function], Function]:
        """Declare a class method to be an operation; the predecessor's name for `operation`."""
        return self.operation(metadata_extractor, category=category, separate=separate)

    def intercept_input(
        self,
        alias: str,
        alias_params_resolver: Callable[..., Mapping[str, Any]] | None = None,
        data_handler: InputInterceptionDataHandler | None = None,
        capture_args: Sequence[CapturedArg] | None = None,
        run_intercepted_when_missing: bool = False,
        value_when_missing: Any = UNSET,
        fallback_aliases: Sequence[str] | Callable[..., Sequence[str]] | None = None,
    ) -> Callable[[Function], Function]:
        """Declare a callable whose result enters the operation; a replay returns the recorded one.

        `alias` names the input and is formatted with what `alias_params_resolver(*args, **kwargs)`
        returns. The key is the alias and the arguments: all of them, or those in `capture_args`
        (an empty list or False captures none). A replayed call that was not recorded is looked for
        under `fallback_aliases`, then runs for real if `run_intercepted_when_missing`, then gets
        `value_when_missing` (any value, or a function of the arguments), else raises
        RecordingKeyError. Running for real is off unless asked for: a replay touches nothing.
        """
        return self._input(
            InputOptions(
                alias=alias,
                alias_params_resolver=alias_params_resolver,
                data_handler=data_handler,
                capture_args=capture_args,
                run_intercepted_when_missing=run_intercepted_when_missing,
                value_when_missing=value_when_missing,
                fallback_aliases=fallback_aliases,
            ),
            static=False,
        )

    def static_intercept_input(
        self,
        alias: str,
        alias_params_resolver: Callable[..., Mapping[str, Any]] | None = None,
        data_handler: InputInterceptionDataHandler | None = None,
        capture_args: Sequence[CapturedArg] | None = None,
        run_intercepted_when_missing: bool = False,
        value_when_missing: Any = UNSET,
        fallback_aliases: Sequence[str] | Callable[..., Sequence[str]] | None = None,
    ) -> Callable[[Function], Function]:
        """Declare an input as `intercept_input` does, of a callable that has no receiver."""
        return self._input(
            InputOptions(
                alias=alias,
                alias_params_resolver=alias_params_resolver,
                data_handler=data_handler,
                capture_args=capture_args,
                run_intercepted_when_missing=run_intercepted_when_missing,
                value_when_missing=value_when_missing,
                fallback_aliases=fallback_aliases,
            ),
            static=True,
        )

    def intercept_output(
        self,
        alias: str,
        data_handler: OutputInterceptionDataHandler | None = None,
        fail_on_no_recorded_result: bool = True,
        default_result_when_not_recorded: Any = None,
    ) -> Callable[[Function], Function]:
        """Declare a callable whose arguments leave the operation; a replay captures them.

        The replayed call does not run: it gets the result of the recorded call of the same number.
        Where there is none it raises RecordingKeyError, or with `fail_on_no_recorded_result=False`
        gets `default_result_when_not_recorded`.
        """
        return self._output(
            OutputOptions(
                alias=alias,
                data_handler=data_handler,
                fail_on_no_recorded_result=fail_on_no_recorded_result,
                default_result_when_not_recorded=default_result_when_not_recorded,
            ),
            static=False,
        )

    def static_intercept_output(
        self,
        alias: str,
        data_handler: OutputInterceptionDataHandler | None = None,
        fail_on_no_recorded_result: bool = True,
        default_result_when_not_recorded: Any = None,
    ) -> Callable[[Function], Function]:
        """Declare an output as `intercept_output` does, of a callable that has no receiver."""
        return self._output(
            OutputOptions(
                alias=alias,
                data_handler=data_handler,
                fail_on_no_recorded_result=fail_on_no_recorded_result,
                default_result_when_not_recorded=default_result_when_not_recorded,
            ),
            static=True,
        )

    def recording_params(
        self, recording_parameters: RecordingParameters | None = None, **kwargs: Any
    ) -> Callable[[Class], Class]:
        """Give the operations of a class, and of its subclasses, recording parameters.

        Takes a RecordingParameters or its fields by name; raise SettingsError on a wrong one, and
        on both.
        """
        parameters = _recording_parameters(recording_parameters, kwargs)

        def remember(owner: Class) -> Class:
            if not isinstance(owner, type):
                raise SettingsError(f"recording_params decorates a class, not {owner!r}.")
            self._parameters[owner] = parameters
            self._has_parameters = True
            return owner

        return remember

    def parameters_of(self, owner: type | None) -> RecordingParameters:
        """Return the recording parameters of a class, its own or the nearest base's."""
        if owner is not None and self._has_parameters:
            for base in owner.__mro__:
                if base in self._parameters:
                    return self._parameters[base]
        return DEFAULT_PARAMETERS

    def _input(self, options: InputOptions, *, static: bool) -> Callable[[Function], Function]:
        def make(function: Callable[..., Any], binding: Binding) -> Callable[..., Any]:
            return drive(function, InputInterception(options, binding))

        return lambda target: decorate(target, make, f"input {options.alias!r}", static=static)

    def _output(self, options: OutputOptions, *, static: bool) -> Callable[[Function], Function]:
        def make(function: Callable[..., Any], binding: Binding) -> Callable[..., Any]:
            return drive(function, OutputInterception(options, binding))

        return lambda target: decorate(target, make, f"output {options.alias!r}", static=static)


def _recording_parameters(given: Any, by_name: dict[str, Any]) -> RecordingParameters:
    choices = ", ".join(field.name for field in fields(RecordingParameters))
    if given is None:
        try:
            return RecordingParameters(**by_name)
        except TypeError as error:
            raise SettingsError(f"recording_params: {error}; choose from {choices}.") from error
    if not isinstance(given, RecordingParameters):
        raise SettingsError(
            f"recording_params was given {given!r}; give a RecordingParameters, or by name any of"
            f" {choices}."
        )
    if by_name:
        raise SettingsError(
            f"recording_params was given both a RecordingParameters and {', '.join(by_name)};"
            " give one or the other."
        )
    return given


def _is_being_defined(function: Any) -> bool:
    # `@recorder.operation` gives a function just as `recorder.operation(extractor)` does, but only
    # there is the line that runs one of the function's own. A shell numbers every input from 1.
    function = inspect.unwrap(function)
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        return False
    code, frame = function.__code__, sys._getframe()
    while frame.f_back is not None and frame.f_globals is globals():
        frame = frame.f_back
    if code.co_filename.startswith("<") or code.co_filename != frame.f_code.co_filename:
        return False
    last = max(line for _, _, line in code.co_lines() if line is not None)
    return code.co_firstlineno <= frame.f_lineno <= last
