"""The comparator that needs no tuning: the operation's output, then the ordered outputs."""

import re
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from playback_core.codec import encode_key, holds_opaque
from playback_core.intercepted_files import is_stored_file
from playback_core.metadata import OPERATION_OUTPUT_ALIAS
from playback_core.recording import Output
from playback_core.studio.alignment import blocks_by_shape
from playback_core.studio.clock_rule import recorded_form, replayed_form
from playback_core.studio.comparison import ComparatorResult, EqualityStatus
from playback_core.studio.diff import differences, exception_differences
from playback_core.studio.difference import (
    Diff,
    Difference,
    DifferenceKind,
    extra,
    ignored,
    missing,
    taken_out,
)
from playback_core.studio.http_request import (
    CUT_RULE,
    is_cut_off,
    is_request,
    request_differences,
)
from playback_core.studio.http_response import is_response, is_server_error, response_differences
from playback_core.studio.presence import shape_of

NO_RESULT_RULE: Final = "neither run has a result to compare"
OPAQUE_RULE: Final = "holds values that could not be rebuilt, which compare by their stored form"
FILE_PATH_RULE: Final = "paths of files whose content is recorded are not compared"
EXCEPTION_RULE: Final = "exceptions compare by type and arguments"
_KEY: Final = re.compile(r"output: (?P<alias>.*) #(?P<number>\d+)\.output", re.DOTALL)


def compare_outputs(recorded: Sequence[Output], replayed: Sequence[Output]) -> ComparatorResult:
    """Compare everything an operation put out, and return the verdict with a `Diff`.

    The operation's own output comes first: an HTTP response by its parts, an exception by type and
    arguments, anything else as a structure. Then every other output, in order. Failed means the
    replay raised (or answered 5xx) where the recording did not; Fixed is the reverse.
    """
    before, after = _Run.of(recorded, recorded_form), _Run.of(replayed, replayed_form)
    if before.is_empty and after.is_empty:
        return ComparatorResult(
            EqualityStatus.EqualizerFailure,
            "nothing verified: neither the recording nor the replay has an output to compare",
        )
    diff = Diff.of(_all_differences(before, after))
    summary = diff.summary() or None
    if before.failed != after.failed and before.results and after.results:
        status = EqualityStatus.Failed if after.failed else EqualityStatus.Fixed
    else:
        status = EqualityStatus.Different if diff.found or diff.cut else EqualityStatus.Equal
    return ComparatorResult(status, summary, diff)


@dataclass(frozen=True, eq=False, slots=True)
class _Sent:
    """One output; `place` counts the outputs of a run, `number` those of an alias, from 1."""

    place: int
    alias: str
    number: int
    value: Any
    content: bytes
    named: Callable[[bytes], bytes]

    @property
    def path(self) -> str:
        return f"output {self.alias} #{self.number}"

    @property
    def shape(self) -> tuple[str, bytes]:
        """What of it a counterpart has in common, though its keys and moments are others."""
        return self.alias, shape_of(self.named(self.content))

    @property
    def is_call(self) -> bool:
        return isinstance(self.value, dict) and self.value.keys() == {"args", "kwargs"}


@dataclass(frozen=True, slots=True)
class _Result:
    """What an operation came to: the value it returned, or the exception it raised."""

    value: Any
    raised: bool

    @classmethod
    def of(cls, sent: Any) -> "_Result":
        is_call = isinstance(sent, dict) and isinstance(sent.get("args"), (list, tuple))
        if not is_call or len(sent["args"]) != 1:
            return cls(sent, False)
        return cls(sent["args"][0], sent.get("raised") is True)

    @property
    def how(self) -> str:
        return "raised" if self.raised else "returned"


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run put out: the operation's own results (one, or none) and the other outputs."""

    results: list[_Result] = field(default_factory=list)
    sent: list[_Sent] = field(default_factory=list)

    @classmethod
    def of(cls, outputs: Sequence[Output], named: Callable[[bytes], bytes]) -> "_Run":
        run = cls()
        for key, value in outputs:
            parts = _KEY.fullmatch(key)
            alias = parts["alias"] if parts else key
            if alias == OPERATION_OUTPUT_ALIAS:
                run.results.append(_Result.of(value))
            else:
                number = int(parts["number"]) if parts else 1
                place = len(run.sent) + 1
                content = encode_key(value)
                run.sent.append(_Sent(place, alias, number, value, content, named))
        return run

    @property
    def is_empty(self) -> bool:
        return not self.results and not self.sent

    @property
    def failed(self) -> bool:
        return any(r.raised or is_server_error(r.value) for r in self.results)


def _all_differences(before: _Run, after: _Run) -> Iterator[Difference]:
    if not before.results and not after.results:
        yield ignored("result", NO_RESULT_RULE)
    for recorded, replayed in zip(before.results, after.results, strict=False):
        yield from _result_differences(recorded, replayed)
    for recorded in before.results[len(after.results) :]:
        yield missing("result", recorded.value)
    for replayed in after.results[len(before.results) :]:
        yield extra("result", replayed.value)
    yield from _sent_differences(before.sent, after.sent)
    for result in before.results:
        if holds_opaque(encode_key(result.value)):
            yield ignored("result", OPAQUE_RULE)
    for sent in before.sent:
        if holds_opaque(sent.content):
            yield ignored(sent.path, OPAQUE_RULE)
        if is_cut_off(sent.value):
            yield ignored(sent.path, CUT_RULE)


def _result_differences(before: _Result, after: _Result) -> Iterator[Difference]:
    recorded, replayed = before.value, after.value
    if before.raised != after.raised:
        yield from differences(before.how, after.how, "result was")
    if is_response(recorded) and is_response(replayed):
        yield from response_differences(recorded, replayed)
    elif isinstance(recorded, BaseException) and isinstance(replayed, BaseException):
        yield from _exception_differences(recorded, replayed)
    else:
        yield from differences(recorded, replayed, "result")


def _exception_differences(
    recorded: BaseException, replayed: BaseException
) -> Iterator[Difference]:
    found = list(exception_differences(recorded, replayed, "exception"))
    yield from found
    if any(difference.counts for difference in found):
        return
    listed = {difference.path for difference in found}
    for difference in differences(recorded, replayed, "exception"):
        if difference.path not in listed:
            yield difference if not difference.counts else taken_out(difference, EXCEPTION_RULE)


def _sent_differences(recorded: list[_Sent], replayed: list[_Sent]) -> Iterator[Difference]:
    gone, come, altered = _unmatched(recorded, replayed)
    moved = _paired(gone, come, by=lambda sent: (sent.alias, sent.content))
    moved += _paired(gone, come, by=lambda sent: sent.shape)
    for sent, other in moved:
        yield Difference(
            sent.path, f"place {sent.place}", f"place {other.place}", DifferenceKind.MOVED
        )
        yield from _value_differences(sent, other)
    altered += _paired(gone, come, by=lambda sent: sent.alias)
    for sent, other in altered:
        yield from _value_differences(sent, other)
    for sent in gone:
        yield missing(sent.path, sent.value)
    for sent in come:
        yield extra(sent.path, sent.value)


def _unmatched(
    recorded: list[_Sent], replayed: list[_Sent]
) -> tuple[list[_Sent], list[_Sent], list[tuple[_Sent, _Sent]]]:
    gone: list[_Sent] = []
    come: list[_Sent] = []
    in_place: list[tuple[_Sent, _Sent]] = []
    for block in blocks_by_shape(
        list(map(_Call, recorded)), list(map(_Call, replayed)), lambda call: call.sent.shape
    ):
        left = recorded[block.recorded.start : block.recorded.stop]
        right = replayed[block.replayed.start : block.replayed.stop]
        if block.is_pair and left[0].shape == right[0].shape:
            in_place.append((left[0], right[0]))
        else:
            gone += left
            come += right
    return gone, come, in_place


class _Call:
    """An output as something to align: equal to those of its alias and content."""

    def __init__(self, sent: _Sent) -> None:
        self.sent = sent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Call) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, bytes]:
        return self.sent.alias, self.sent.content


def _paired(
    gone: list[_Sent], come: list[_Sent], *, by: Callable[[_Sent], Hashable]
) -> list[tuple[_Sent, _Sent]]:
    """Take the pairs that agree in `by` out of both lists, first with first, and return them."""
    candidates: dict[Hashable, deque[_Sent]] = {}
    for other in come:
        candidates.setdefault(by(other), deque()).append(other)
    pairs = [(sent, candidates[by(sent)].popleft()) for sent in gone if candidates.get(by(sent))]
    taken = {sent for pair in pairs for sent in pair}
    gone[:] = [sent for sent in gone if sent not in taken]
    come[:] = [sent for sent in come if sent not in taken]
    return pairs


def _value_differences(recorded: _Sent, replayed: _Sent) -> Iterator[Difference]:
    if is_stored_file(recorded.value) and is_stored_file(replayed.value):
        yield from _file_differences(recorded, replayed)
        return
    if not (recorded.is_call and replayed.is_call):
        yield from differences(recorded.value, replayed.value, recorded.path)
        return
    yield from differences(recorded.value["args"], replayed.value["args"], f"{recorded.path} args")
    before, after, path = recorded.value["kwargs"], replayed.value["kwargs"], recorded.path
    if is_request(before) and is_request(after):
        yield from request_differences(before, after, path)
    else:
        yield from differences(before, after, f"{path} kwargs")


def _file_differences(recorded: _Sent, replayed: _Sent) -> Iterator[Difference]:
    before, after = dict(recorded.value), dict(replayed.value)
    paths = differences(
        before.pop("file_path"), after.pop("file_path"), f"{recorded.path} file_path"
    )
    if before["file_content"] is None or "not_recorded" in before:
        yield from paths
    else:
        yield from (taken_out(difference, FILE_PATH_RULE) for difference in paths)
    yield from differences(before, after, recorded.path)
