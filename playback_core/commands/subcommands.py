"""The subcommands of every front end: their parameters, what they print, how they end."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TextIO, cast

from playback_core.adapters import CommandTarget
from playback_core.commands.commands import (
    compare_recordings,
    list_recordings,
    prune_recordings,
    replay_recording,
    show_recording,
)
from playback_core.commands.debugging import ExceptionKeeper, post_mortem
from playback_core.commands.definition import AS_JSON, Call, Parameter, Subcommand
from playback_core.commands.exit_codes import ExitCode, exit_code
from playback_core.commands.export import export_recordings, json_line
from playback_core.commands.options import (
    CompareOptions,
    ExportOptions,
    ListOptions,
    execution,
    parse_since,
    parse_size,
)
from playback_core.commands.parameters import (
    ALLOW,
    CATEGORIES,
    IN_PROCESS,
    LIMIT,
    METADATA,
    PROCESSES,
    RECORDING_ID,
    RECORDING_IDS,
    SINCE,
    STRICT,
    TUNER,
)
from playback_core.errors import SettingsError
from playback_core.sandbox_options import SEALED, SandboxOptions
from playback_core.studio import DefaultTuner, EqualizerTuner, load_tuner
from playback_core.studio.reports import printable
from playback_core.studio.summary import Comparisons
from playback_core.tape_recorder import TapeRecorder


def _list(call: Call, **selection: Any) -> int:
    with call.target() as target:
        call.report.recordings(list_recordings(target.cassette, ListOptions(**selection)))
    return ExitCode.ALL_EQUAL


def _show(call: Call, recording_id: str) -> int:
    with call.target() as target:
        call.report.recording(show_recording(target.cassette, recording_id))
    return ExitCode.ALL_EQUAL


def _replay(
    call: Call,
    recording_id: str,
    tuner: str | None,
    allow: SandboxOptions | None,
    strict: bool,
    in_process: bool,
    debug: bool,
) -> int:
    # The debugger opens where the exception is.
    processes = execution(
        dedicated=False, in_process=debug or in_process, recycle=None, timeout=None
    )
    processes = replace(processes, sandbox=allow or SEALED, strict=strict)
    with call.target() as target:
        keeper = ExceptionKeeper(tuner_of(target, tuner))
        comparison = replay_recording(_recorder(target), recording_id, keeper, processes)
        call.report.replay(comparison)
        if debug:
            _debug(keeper.exception, call.err)
    return exit_code({comparison.comparator_status.equality_status: 1})


def _compare(
    call: Call,
    tuner: str | None,
    dedicated: bool,
    in_process: bool,
    recycle: int | None,
    timeout: float | None,
    allow: SandboxOptions | None,
    strict: bool,
    **selection: Any,
) -> int:
    processes = execution(dedicated, in_process, recycle, timeout)
    processes = replace(processes, sandbox=allow or SEALED, strict=strict)
    with call.target() as target:
        options = CompareOptions(**selection, execution=processes)
        comparisons = compare_recordings(_recorder(target), tuner_of(target, tuner), options)
        with _ended_by_ctrl_c(comparisons):
            call.report.comparisons(comparisons)
    return ExitCode.INTERRUPTED if comparisons.interrupted else exit_code(comparisons.counts)


def _prune(call: Call, older_than: datetime | None, max_size: int | None) -> int:
    with call.target() as target:
        removed = prune_recordings(target.cassette, older_than, max_bytes=max_size)
        call.report.pruned(removed)
    return ExitCode.ALL_EQUAL


def _export(call: Call, output: str | None, **selection: Any) -> int:
    with call.target() as target, _written_to(output, call.out) as out:
        ascii_only = (out.encoding or "").lower().replace("-", "") != "utf8"
        exported = damaged = 0
        for each in export_recordings(target.cassette, ExportOptions(**selection)):
            if each.document is None:
                damaged += 1
                print(printable(f"Not exported: {each.damage}"), file=call.err)
            else:
                exported += 1
                out.write(json_line(each.document, ascii_only=ascii_only) + "\n")
    if damaged or output is not None:
        note = f", {damaged} cannot be read" if damaged else ""
        print(f"{exported} recordings exported{note}", file=call.err)
    return ExitCode.REPLAY_FAILURES if damaged else ExitCode.ALL_EQUAL


SUBCOMMANDS: Final = (
    Subcommand(
        name="list",
        summary="List recordings, the newest of each category.",
        parameters=(CATEGORIES, SINCE, LIMIT, METADATA, AS_JSON),
        run=_list,
    ),
    Subcommand(
        name="show",
        summary="Show all there is in a recording.",
        parameters=(RECORDING_ID, AS_JSON),
        run=_show,
    ),
    Subcommand(
        name="replay",
        summary="Replay one recording and show how it compares.",
        parameters=(
            RECORDING_ID,
            TUNER,
            ALLOW,
            STRICT,
            IN_PROCESS,
            Parameter(
                name="debug", flag="--pdb", is_switch=True, help="Debug what the replay raised."
            ),
            AS_JSON,
        ),
        run=_replay,
    ),
    Subcommand(
        name="compare",
        summary="Replay recordings and compare what comes out; of all categories, if none is"
        " named, and by default of the last 7 days.",
        parameters=(
            CATEGORIES,
            SINCE,
            LIMIT,
            METADATA,
            RECORDING_IDS,
            TUNER,
            ALLOW,
            STRICT,
            *PROCESSES,
            AS_JSON,
        ),
        run=_compare,
    ),
    Subcommand(
        name="prune",
        summary="Remove old recordings; say by age, by size or by both.",
        parameters=(
            Parameter(
                name="older_than",
                flag="--older-than",
                metavar="AGE",
                parse=parse_since,
                help="Those before an age or a date: 30d, 2026-01-31.",
            ),
            Parameter(
                name="max_size",
                flag="--max-size",
                metavar="SIZE",
                parse=parse_size,
                help="The oldest beyond a size: 500MB, 2GiB.",
            ),
            AS_JSON,
        ),
        run=_prune,
    ),
    Subcommand(
        name="export",
        summary="Write recordings as JSON lines, one for each.",
        parameters=(
            CATEGORIES,
            SINCE,
            Parameter(
                name="until",
                flag="--until",
                metavar="AGE",
                parse=parse_since,
                help="Only earlier ones.",
            ),
            METADATA,
            RECORDING_IDS,
            Parameter(
                name="output",
                flag="--output",
                metavar="FILE",
                help="Write to a file instead of stdout.",
            ),
        ),
        run=_export,
    ),
)


def _recorder(target: CommandTarget) -> TapeRecorder:
    if target.recorder is None:
        raise SettingsError(
            "A replay runs the application; name it: playback --app module:attribute."
        )
    return target.recorder


def tuner_of(target: CommandTarget, named: str | None = None) -> EqualizerTuner:
    """Return the tuner that is named, else that of the settings, else one that compares all."""
    tuner = named or target.tuner
    if tuner is None:
        return DefaultTuner(target.players)
    # A tuner of the settings was checked when they were read.
    return load_tuner(tuner) if isinstance(tuner, str) else cast(EqualizerTuner, tuner)


def _debug(exception: BaseException | None, err: TextIO) -> None:
    if exception is None:
        print("Nothing was raised; there is nothing to debug.", file=err)
    elif not post_mortem(exception):
        print("There is no input to debug from.", file=err)


@contextmanager
def _ended_by_ctrl_c(comparisons: Comparisons) -> Iterator[None]:
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not is_main or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: comparisons.interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _written_to(path: str | None, out: TextIO) -> Iterator[TextIO]:
    if path is None:
        yield out
        return
    try:
        # Recordings are nobody else's business.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error
    with open(descriptor, "w", encoding="utf-8") as file:
        yield file
