"""The form in which a comparison leaves its process: encoded values, as recordings hold them."""

from dataclasses import fields
from typing import Any, Final

from playback_core.codec import decode, encode, encode_plain
from playback_core.errors import PlaybackError
from playback_core.packing import PackedRecording, pack_entries, unpack_entries
from playback_core.playback import Evidence, Playback
from playback_core.recording import Recording
from playback_core.studio.comparison import ComparatorResult, Comparison, EqualityStatus
from playback_core.studio.difference import Diff

_APART: Final = {"original_recording", "evidence"}
_REST: Final = [field.name for field in fields(Playback) if field.name not in _APART]


class MalformedComparison(Exception):
    """Bytes that hold no comparison."""


def comparison_to_bytes(comparison: Comparison, *, keep_results: bool) -> bytes:
    """Encode a comparison, without its id; what cannot be stored becomes an Opaque.

    Without `keep_results` its playback stays here. Raise EncodeError where a part of it is over
    the limits of the codec.
    """
    parts = [
        _result_to_parts(comparison.comparator_status),
        encode([comparison.expected, comparison.actual]),
        comparison.expected_is_exception,
        comparison.actual_is_exception,
        _playback_to_bytes(comparison.playback if keep_results else None),
        comparison.sealed,
    ]
    return encode_plain(parts)


def comparison_from_bytes(recording_id: str, data: bytes) -> Comparison:
    """Rebuild the comparison of a recording; raise MalformedComparison where it can't be."""
    try:
        result, results, expected_raised, actual_raised, playback, sealed = decode(data)
        expected, actual = decode(results)
        return Comparison(
            _result_from_parts(result),
            expected,
            actual,
            expected_raised,
            actual_raised,
            _playback_from_bytes(playback),
            recording_id,
            sealed,
        )
    except (PlaybackError, TypeError, ValueError) as error:
        raise MalformedComparison from error


def _result_to_parts(result: ComparatorResult) -> Any:
    # Most find nothing, which the codec would take some 40 microseconds to say.
    if type(result) is ComparatorResult and (result.diff is None or _is_nothing(result.diff)):
        return [result.equality_status.value, result.diff is None, encode(result.message)]
    return encode(result)


def _is_nothing(diff: Any) -> bool:
    # A user's own diff may compare in any way.
    return type(diff) is Diff and diff == _NOTHING


def _result_from_parts(parts: Any) -> ComparatorResult:
    if isinstance(parts, list):
        status, without_diff, message = parts
        diff = None if without_diff else _NOTHING
        return ComparatorResult(EqualityStatus(status), decode(message), diff)
    result = decode(parts)
    # Decoding builds objects without their checks.
    if not isinstance(result, ComparatorResult) or (
        type(result.equality_status) is not EqualityStatus
    ):
        raise MalformedComparison
    return result


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


_NOTHING: Final = Diff()
