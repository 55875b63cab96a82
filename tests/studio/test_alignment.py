from hypothesis import given
from hypothesis import strategies as st

from playback_core.studio.alignment import Block, align, blocks_by_shape, unmatched_blocks

short_lists = st.lists(st.integers(0, 4), max_size=12)


def test_one_inserted_element_is_one_pair() -> None:
    assert list(align("abcdef", "abXcdef", str)) == [(None, 2)]


def test_one_removed_element_is_one_pair() -> None:
    assert list(align("abcdef", "acdef", str)) == [(1, None)]


def test_a_changed_element_is_paired_with_its_counterpart() -> None:
    assert list(align("abc", "aXc", str)) == [(1, 1)]


def test_long_sequences_without_common_ends_compare_by_position() -> None:
    recorded = ["first", *range(600), "last"]
    replayed = ["FIRST", *range(600), "LAST"]
    assert list(align(recorded, replayed, str)) == [(0, 0), (601, 601)]


def test_elements_of_one_shape_are_paired_behind_an_insertion() -> None:
    assert list(align("abc", "XABC", str.lower)) == [(None, 0), (0, 1), (1, 2), (2, 3)]


def test_equal_elements_come_before_those_of_one_shape() -> None:
    assert list(align("ab", "Aab", str.lower)) == [(None, 0)]


@given(st.text("abAB", max_size=8), st.text("abAB", max_size=8))
def test_a_shape_only_divides_the_blocks(recorded: str, replayed: str) -> None:
    def positions(blocks: list[Block]) -> tuple[list[int], list[int]]:
        recorded_ones = [i for block in blocks for i in block.recorded]
        return recorded_ones, [i for block in blocks for i in block.replayed]

    whole = list(unmatched_blocks(recorded, replayed))
    divided = list(blocks_by_shape(recorded, replayed, str.lower))
    assert positions(divided) == positions(whole)


@given(short_lists)
def test_a_sequence_has_nothing_unmatched_with_itself(elements: list[int]) -> None:
    assert not list(align(elements, list(elements), str))


@given(short_lists, short_lists)
def test_what_is_left_beside_the_blocks_is_the_same_on_both_sides(
    recorded: list[int], replayed: list[int]
) -> None:
    blocks = list(unmatched_blocks(recorded, replayed))
    taken = {i for block in blocks for i in block.recorded}
    other_taken = {i for block in blocks for i in block.replayed}
    rest = [e for i, e in enumerate(recorded) if i not in taken]
    other_rest = [e for i, e in enumerate(replayed) if i not in other_taken]
    assert rest == other_rest
    assert bool(blocks) == (recorded != replayed)
