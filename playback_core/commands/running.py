"""Runs a subcommand for a front end: what it prints where, and the code it ends with."""

import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from playback_core.adapters import OpenTarget
from playback_core.commands.definition import AS_JSON, Call, Subcommand
from playback_core.commands.exit_codes import ExitCode
from playback_core.errors import PlaybackError
from playback_core.settings import shows_tracebacks
from playback_core.studio.reports import choose_report, printable


def run_subcommand(
    subcommand: Subcommand, target: OpenTarget, given: Mapping[str, Any], *, verbose: bool = False
) -> int:
    """Run a subcommand and return its exit code.

    `given` has the texts of its parameters by name: one, None, a tuple of a repeated one, a bool of
    a switch. Results go to stdout; an error is one line on stderr, with `verbose` or PLAYBACK_DEBUG
    after its traceback. A closed stdout ends the command quietly.
    """
    out, err = _stream(sys.stdout), _stream(sys.stderr)
    try:
        values = subcommand.values(given)
        report = choose_report(out, as_json=values.pop(AS_JSON.name, False))
        code = subcommand.run(Call(target, report, out, err), **values)
        out.flush()
    except PlaybackError as error:
        if verbose or shows_tracebacks():
            traceback.print_exception(error, file=err)
        print(f"Error: {error_line(error)}", file=err)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        print("Interrupted.", file=err)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _discard(out)
        return ExitCode.OUTPUT_CLOSED
    except OSError as error:
        _discard(out)
        print(f"Error: {printable(error)}", file=err)
        return ExitCode.USAGE
    return code


def error_line(error: PlaybackError) -> str:
    """Return an error as the one line a front end prints."""
    return printable(" ".join(str(error).split()))


def _stream(given: TextIO | None) -> TextIO:
    # None where the shell closed it before the start.
    return given or open(os.devnull, "w", encoding="utf-8")


def _discard(out: TextIO) -> None:
    # What is still buffered would be written, and fail, once more when the process ends.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
