"""Runs a playback function to its end: what it returns is awaited, or read, as it was recorded."""

from collections.abc import AsyncGenerator, Callable, Generator
from inspect import isasyncgen, isawaitable, iscoroutine, isgenerator
from itertools import count
from typing import Any

from playback_core.entry import EntryKind
from playback_core.errors import TapeRecorderException
from playback_core.metadata import OPERATION_OUTPUT_ALIAS
from playback_core.recording import Recording
from playback_core.streamed import Streamed


def run_playback_function(
    playback_function: Callable[[Recording], Any], recording: Recording
) -> None:
    """Call a playback function; await an awaitable it returns, read a generator it returns.

    Of an operation whose reader left early no more is read than was then. Raise
    TapeRecorderException where an event loop would be needed and one runs already.
    """
    result = playback_function(recording)
    if isgenerator(result):
        _read(result, _items_read(recording))
    elif isasyncgen(result) or isawaitable(result):
        _run_in_loop(result, recording)


def _run_in_loop(result: Any, recording: Recording) -> None:
    import asyncio

    if asyncio._get_running_loop() is not None:
        if iscoroutine(result):
            result.close()
        raise TapeRecorderException(
            f"Recording {recording.id} cannot be replayed here: its playback function is async and"
            " this thread already runs an event loop. Call play() in another thread:"
            " await asyncio.to_thread(recorder.play, recording_id, playback_function)."
        )
    asyncio.run(_finish(result, recording))


async def _finish(result: Any, recording: Recording) -> None:
    value = await result if isawaitable(result) else result
    if isgenerator(value):
        _read(value, _items_read(recording))
    elif isasyncgen(value):
        await _read_async(value, _items_read(recording))


def _items_read(recording: Recording) -> int | None:
    for entry in recording.entries:
        if entry.kind is EntryKind.OUTPUT and entry.alias == OPERATION_OUTPUT_ALIAS:
            sent = entry.decoded_arguments()["args"][0]
            if isinstance(sent, Streamed) and sent.ending == "partial":
                return len(sent.items)
    return None


def _read(stream: Generator[Any, Any, Any], items: int | None) -> None:
    for number, _ in zip(count(1), stream, strict=False):
        if number == items:
            stream.close()
            return


async def _read_async(stream: AsyncGenerator[Any, Any], items: int | None) -> None:
    number = 0
    async for _ in stream:
        number += 1
        if number == items:
            await stream.aclose()
            return
