"""What is said of a process that ended, or had to be ended, before its comparison did."""

import signal
from typing import Final

MALFORMED: Final = (
    "sent what is no comparison, and was stopped. Replayed code may have written to a file"
    " descriptor that it had not opened; replay this recording alone to find where."
)


def ended(exit_code: int | None) -> str:
    """Say how a process ended by itself, given its exit code, minus the signal, or None."""
    if exit_code is None:
        return (
            "closed the pipe that results leave by, and was stopped. Replayed code may close"
            " descriptors that it has not opened, as daemons do; give it a playback function"
            " that leaves that out."
        )
    if exit_code == -signal.SIGKILL:
        return (
            "was killed by SIGKILL, as the system does where memory runs out. Give it more memory,"
            " or leave this recording out."
        )
    if exit_code < 0:
        return f"was ended by {_name(-exit_code)}. Its stderr may show where it was."
    return (
        f"ended with exit code {exit_code}, without a result. Its stderr may say why; look for"
        " os._exit() in the replayed code."
    )


def timed_out(seconds: float, *, forked_with_threads: bool) -> str:
    """Say that a process was stopped after so many seconds."""
    threads = (
        " Other threads were running when it was forked, and may have held a lock it waited for:"
        " if so, set compare_process_start_method='spawn'."
        if forked_with_threads
        else ""
    )
    return (
        f"did not come to an end within {seconds:g} s, and was stopped; its stderr shows where it"
        f" was. Raise compare_process_timeout if it needs longer.{threads}"
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
