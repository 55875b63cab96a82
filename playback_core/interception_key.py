"""Interception keys: what of a call makes its key, and how keys read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from playback_core.codec import describe


class CapturedArg(NamedTuple):
    """An argument that is part of an input's key.

    `position` is the index in the function's own signature, so `self` is 0 on a method; None for a
    keyword-only argument. `name` is looked for among the keyword arguments first.
    """

    position: int | None
    name: str | None


def captured(
    captured_args: Sequence[CapturedArg], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """Return `[args, kwargs]` of the captured arguments, of an empty list none.

    An argument that was not passed is left out, so that a default stays a default.
    """
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for position, name in captured_args:
        if name is not None and name in kwargs:
            named[name] = kwargs[name]
        elif position is not None and position < len(args):
            positional.append(args[position])
    return [positional, named]


def input_key(alias: str, arguments: Any) -> str:
    """Return `input: {alias} args=..., kwargs=...` of decoded `[args, kwargs]`."""
    positional, named = arguments
    return f"input: {alias} args={describe(positional)}, kwargs={describe(named)}"


def output_key(alias: str, number: int, part: str) -> str:
    """Return `output: {alias} #{number}.{part}`, part being `output` or `result`."""
    return f"output: {alias} #{number}.{part}"


def span_key(alias: str, number: int, part: str) -> str:
    """Return `span: {alias} #{number}.{part}`."""
    return f"span: {alias} #{number}.{part}"
