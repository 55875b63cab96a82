"""CapturedOutputs: what a replay sends, in the order in which a recording would have it."""

from playback_core.entry import BranchPath, Entry, EntryKind, RankedEntry, add_by_rank


class CapturedOutputs:
    """The outputs of one replay."""

    def __init__(self) -> None:
        self._outputs: list[Entry] = []

    def reserve(self, branch: BranchPath, *, rank: int = 0) -> Entry:
        """Return a place for an output that is told later, and begins now."""
        place = RankedEntry(EntryKind.OUTPUT, "", branch, None)
        place.rank = rank
        add_by_rank(self._outputs, place)
        return place

    def number(self, alias: str) -> int:
        """Return how many were sent by this alias."""
        return sum(1 for output in self._outputs if output.alias == alias)

    def told(self) -> tuple[Entry, ...]:
        """Return all but those whose place was reserved and which were never told."""
        return tuple(each for each in self._outputs if each.arguments is not None)
