"""What is recorded while an operation runs: reads of the wall clock, drawings of random numbers.

The functions of `random` come to two of one object, whichever name they are called by; `uuid4`,
`secrets` and `SystemRandom` come to `urandom`, and `date.today` to `time.time`.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from playback_core.clock.places import Place
from playback_core.reads import seconds
from playback_core.replacing import Function
from playback_core.replayed_reads import BranchReads
from playback_core.session import current, within


def _clock(original: Function, name: str) -> Function:
    def read() -> Any:
        branch = current()
        if branch is None:
            return original()
        reads = branch.reads
        return original() if reads is None else reads.clock(name, original)

    return read


def _drawing(original: Function, name: str) -> Function:
    def draw(*args: Any) -> Any:
        branch = current()
        if branch is None:
            return original(*args)
        reads = branch.reads
        return original(*args) if reads is None else reads.random(name, original, args)

    return draw


def _composite(original: Function, name: str, defaults: tuple[Any, ...]) -> Function:
    """Wrap a function that itself reads what is recorded, or keeps half of what it has drawn."""

    def draw(*args: Any, **kwargs: Any) -> Any:
        branch = current()
        if branch is None:
            return original(*args, **kwargs)
        reads = branch.reads
        if reads is None or kwargs:
            return original(*args, **kwargs)

        def apart(*args: Any) -> Any:
            with within(branch.inner):
                return original(*args)

        return reads.random(name, apart, args or defaults)

    return draw


def _unrecorded_clock(original: Function, read: Callable[[BranchReads], Any]) -> Function:
    def read_now() -> Any:
        reads = replayed_reads()
        return original() if reads is None else read(reads)

    return read_now


def _unrecorded_drawing(original: Function, name: str) -> Function:
    def draw(*args: Any, **kwargs: Any) -> Any:
        reads = replayed_reads()
        if reads is None or kwargs:
            return original(*args, **kwargs)
        return reads.random_beyond(name, args)

    return draw


def replayed_reads() -> BranchReads | None:
    """Return the reads of the branch that is being replayed in this context."""
    branch = current()
    reads = None if branch is None else branch.reads
    return reads if isinstance(reads, BranchReads) else None


def _read_from(name: str, read: Callable[[BranchReads], Any]) -> Place:
    return Place(time, name, partial(_clock, name=name), partial(_unrecorded_clock, read=read))


def _drawn_from(owner: Any, attribute: str, name: str) -> Place:
    wrap, alias = partial(_drawing, name=name), partial(_unrecorded_drawing, name=name)
    return Place(owner, attribute, wrap, alias)


def _composed(owner: Any, name: str, defaults: tuple[Any, ...] = ()) -> Place:
    wrap = partial(_composite, name=name, defaults=defaults)
    return Place(owner, name, wrap, partial(_unrecorded_drawing, name=name))


# The object that the functions of the module are methods of: they call these two of it.
_GENERATOR: Final = random._inst

PLACES: Final = [
    _read_from("time", lambda reads: seconds(reads.now())),
    _read_from("time_ns", BranchReads.now),
    _read_from("perf_counter", lambda reads: seconds(reads.elapsed())),
    _read_from("perf_counter_ns", BranchReads.elapsed),
    _drawn_from(os, "urandom", "urandom"),
    _drawn_from(random, "_urandom", "urandom"),
    *(
        _drawn_from(owner, name, name)
        for name in ("random", "getrandbits")
        for owner in (_GENERATOR, random)
    ),
    *(_composed(owner, "gauss", (0.0, 1.0)) for owner in (_GENERATOR, random)),
    _composed(uuid, "uuid1"),
]
