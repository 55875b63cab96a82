"""Aligns two sequences, so that one inserted element is one difference."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final, NamedTuple

# SequenceMatcher is quadratic and worse; above this many pairs elements are compared by position.
_MAX_PAIRS: Final = 250_000


class Block(NamedTuple):
    """Positions of the two sequences, between equal stretches, that do not match."""

    recorded: range
    replayed: range

    @property
    def is_pair(self) -> bool:
        """Whether it is one element of each sequence."""
        return len(self.recorded) == len(self.replayed) == 1


Shape = Callable[[Any], Hashable]
"""Gives what of an element says which other one it is a counterpart of, without being equal."""


def unmatched_blocks(recorded: Sequence[Hashable], replayed: Sequence[Hashable]) -> Iterator[Block]:
    """Yield what is left of two sequences when their equal elements, in order, are taken out."""
    start, end_recorded, end_replayed = _without_common_ends(recorded, replayed)
    length, other_length = end_recorded - start, end_replayed - start
    if not length and not other_length:
        return
    if not length or not other_length or length * other_length > _MAX_PAIRS:
        yield Block(range(start, end_recorded), range(start, end_replayed))
        return
    matcher = SequenceMatcher(
        None, recorded[start:end_recorded], replayed[start:end_replayed], autojunk=False
    )
    for operation, first, last, other_first, other_last in matcher.get_opcodes():
        if operation != "equal":
            yield Block(
                range(start + first, start + last), range(start + other_first, start + other_last)
            )


def blocks_by_shape(
    recorded: Sequence[Hashable], replayed: Sequence[Hashable], shape: Shape
) -> Iterator[Block]:
    """Yield the unmatched blocks, in order; two elements of one shape in place are a block."""
    for block in unmatched_blocks(recorded, replayed):
        yield from _split_by_shape(block, recorded, replayed, shape)


def align(
    recorded: Sequence[Hashable], replayed: Sequence[Hashable], shape: Shape
) -> Iterator[tuple[int | None, int | None]]:
    """Yield the pairs of positions that differ; None where one side has no counterpart."""
    for block in blocks_by_shape(recorded, replayed, shape):
        for one, other in zip_longest(block.recorded, block.replayed):
            if one is None or other is None or recorded[one] != replayed[other]:
                yield one, other


def _split_by_shape(
    block: Block, recorded: Sequence[Hashable], replayed: Sequence[Hashable], shape: Shape
) -> Iterator[Block]:
    shapes = [shape(recorded[one]) for one in block.recorded]
    others = [shape(replayed[other]) for other in block.replayed]
    if block.is_pair or set(shapes).isdisjoint(others):
        yield block
        return
    position = other_position = 0
    end = Block(range(len(shapes), len(shapes)), range(len(others), len(others)))
    for inner in (*unmatched_blocks(shapes, others), end):
        for one, other in zip(
            block.recorded[position : inner.recorded.start],
            block.replayed[other_position : inner.replayed.start],
            strict=True,
        ):
            yield Block(range(one, one + 1), range(other, other + 1))
        if inner is not end:
            yield Block(
                _within(block.recorded, inner.recorded), _within(block.replayed, inner.replayed)
            )
        position, other_position = inner.recorded.stop, inner.replayed.stop


def _within(positions: range, part: range) -> range:
    return positions[part.start : part.stop]


def _without_common_ends(
    recorded: Sequence[Hashable], replayed: Sequence[Hashable]
) -> tuple[int, int, int]:
    start = 0
    end_recorded, end_replayed = len(recorded), len(replayed)
    while start < min(end_recorded, end_replayed) and recorded[start] == replayed[start]:
        start += 1
    while min(end_recorded, end_replayed) > start and (
        recorded[end_recorded - 1] == replayed[end_replayed - 1]
    ):
        end_recorded -= 1
        end_replayed -= 1
    return start, end_recorded, end_replayed
