"""The form in which a comparison leaves its process: encoded values, as recordings hold them."""

from dataclasses import fields
from functools import cached_property
from typing import Any, Final

from playback_core.codec import decode, encode, encode_plain
from playback_core.errors import PlaybackError
from playback_core.packing import PackedRecording, pack_entries, unpack_entries
from playback_core.playback import Evidence, Playback
from playback_core.recording import Recording
from playback_core.studio.comparison import ComparatorResult, Comparison, EqualityStatus

_APART: Final = {"original_recording", "evidence"}
_REST: Final = [field.name for field in fields(Playback) if field.name not in _APART]


class MalformedComparison(Exception):
    """Bytes that hold no comparison."""


def comparison_to_bytes(comparison: Comparison) -> bytes:
    """Encode a comparison, without its id; what cannot be stored becomes an Opaque.

    Raise EncodeError where a part of it is over the limits of the codec.
    """
    parts = [
        encode(comparison.comparator_status),
        encode([comparison.expected, comparison.actual]),
        comparison.expected_is_exception,
        comparison.actual_is_exception,
        _playback_to_bytes(comparison.playback),
    ]
    return encode_plain(parts)


def comparison_from_bytes(recording_id: str, data: bytes) -> Comparison:
    """Rebuild the comparison of a recording; raise MalformedComparison where it can't be.

    Its playback is rebuilt when it is first read, as most are not.
    """
    try:
        status, results, expected_raised, actual_raised, playback = decode(data)
        result, (expected, actual) = decode(status), decode(results)
    except (PlaybackError, TypeError, ValueError) as error:
        raise MalformedComparison from error
    # Decoding builds objects without their checks.
    if not isinstance(result, ComparatorResult) or (
        type(result.equality_status) is not EqualityStatus
    ):
        raise MalformedComparison
    return _Received(
        result, expected, actual, expected_raised, actual_raised, playback, recording_id
    )


class _Received(Comparison):
    def __init__(
        self,
        comparator_status: ComparatorResult,
        expected: Any,
        actual: Any,
        expected_is_exception: bool,
        actual_is_exception: bool,
        playback: bytes,
        recording_id: str,
    ) -> None:
        self.__dict__.update(
            comparator_status=comparator_status,
            expected=expected,
            actual=actual,
            expected_is_exception=expected_is_exception,
            actual_is_exception=actual_is_exception,
            recording_id=recording_id,
            _playback=playback,
        )

    @cached_property
    def playback(self) -> Any:
        return _playback_from_bytes(self.__dict__["_playback"])


def _playback_to_bytes(playback: Any) -> bytes:
    # Of a player's own, where it is of another type.
    if type(playback) is not Playback:
        return encode([None, playback])
    packed = playback.original_recording.pack(compressed=False)
    return encode_plain(
        [
            [packed.id, packed.started_at, packed.metadata, packed.payload],
            playback.evidence.consumed,
            pack_entries(playback.evidence.sent, None, framed=False),
            encode({name: getattr(playback, name) for name in _REST}),
        ]
    )


def _playback_from_bytes(data: bytes) -> Any:
    packed, *parts = decode(data)
    if packed is None:
        return parts[0]
    recording_id, started_at, metadata, payload = packed
    consumed, sent, rest = parts
    recording = Recording.unpack(
        PackedRecording(recording_id, started_at, metadata, payload, framed=False)
    )
    return Playback(
        original_recording=recording,
        evidence=Evidence(
            tuple(recording.entries), consumed, tuple(unpack_entries(sent, framed=False))
        ),
        **decode(rest),
    )
