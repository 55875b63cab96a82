"""Which databases an operation uses: told apart by numbers, and kept with its recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from playback_core.codec import decode, encode
from playback_core.entry import BranchPath, Entry, EntryKind
from playback_core.metadata import DATABASES
from playback_core.packing import Redaction

_ByLibrary = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class OtherDatabase:
    """A database that a replay used in the place of the recorded one: their addresses.

    `recorded` has all that are recorded, where it is not known which of them is meant.
    """

    library: str
    recorded: str
    replayed: str


class UsedDatabases:
    """Those of an operation: by branch and library, numbered from 1 as they come."""

    def __init__(self) -> None:
        self._used: dict[tuple[BranchPath, str], dict[str, int]] = {}

    def number(self, path: BranchPath, library: str, address: str) -> int:
        """Return the number of a database in a branch."""
        key = path, library
        used = self._used.get(key)
        if used is None:
            used = self._used.setdefault(key, {})
        number = used.get(address)
        return used.setdefault(address, self._next(key, address)) if number is None else number

    def entries(self) -> Iterator[Entry]:
        """Yield what is stored of them, an entry for each branch that has used any."""
        by_branch: dict[BranchPath, dict[str, list[str]]] = {}
        # Copies: a thread that outlives the operation may be adding to them.
        for (path, library), used in list(self._used.items()):
            by_branch.setdefault(path, {})[library] = list(used)
        for path, by_library in by_branch.items():
            yield Entry(EntryKind.DATA, DATABASES, path, None, encode(by_library))

    def _next(self, key: tuple[BranchPath, str], address: str) -> int:
        return len(self._used[key]) + 1


class ReplayedDatabases(UsedDatabases):
    """Those of a replay, each with the number of the recorded one that it stands for.

    That is the one with its address, else the only one with its name, else the next one. One with
    a recorded address is never taken for another. Addresses are redacted as the recorded ones are.
    """

    def __init__(self, entries: Iterable[Entry], redaction: Redaction | None = None) -> None:
        super().__init__()
        self._entries = entries
        self._redaction = redaction
        self._stored: dict[str, str] = {}
        self._recorded: dict[BranchPath, _ByLibrary] | None = None
        self.set_up: dict[str, None] = {}

    def note_set_up(self, statement: str) -> None:
        """Note what a connection is told on which its statements depend; nothing compares it.

        It is told when the connection is made, which need not have been within the operation.
        """
        self.set_up[statement] = None

    def other(self, path: BranchPath, library: str, address: str) -> OtherDatabase | None:
        """Return what a database stands for that has been given a number, None for itself."""
        of_branch = self._of_branch(path, library)
        stored, number = self._stored[address], self._used[path, library][address]
        if number <= len(of_branch):
            recorded = of_branch[number - 1]
            return None if recorded == stored else OtherDatabase(library, recorded, stored)
        known = self._of_all(library)
        if not known or stored in known:
            return None
        return OtherDatabase(library, ", ".join(known), stored)

    def others(self) -> list[OtherDatabase]:
        """Return each database that stands for another one, once."""
        found = (
            self.other(path, library, address)
            for (path, library), used in list(self._used.items())
            for address in list(used)
        )
        return list(dict.fromkeys(each for each in found if each is not None))

    def _next(self, key: tuple[BranchPath, str], address: str) -> int:
        stored = self._stored[address] = self._redacted(address)
        recorded, taken = self._of_branch(*key), set(self._used[key].values())
        beyond = max(len(recorded), *taken, 0) + 1
        if stored in recorded:
            number = recorded.index(stored) + 1
            return beyond if number in taken else number
        free = [number for number in range(1, beyond) if number not in taken]
        alike = [number for number in free if _name(recorded[number - 1]) == _name(stored)]
        return alike[0] if len(alike) == 1 else min(free, default=beyond)

    def _redacted(self, address: str) -> str:
        if self._redaction is None:
            return address
        return str(decode(self._redaction.value(encode(address))))

    def _of_branch(self, path: BranchPath, library: str) -> list[str]:
        return self._known().get(path, {}).get(library, [])

    def _of_all(self, library: str) -> list[str]:
        each = (address for known in self._known().values() for address in known.get(library, ()))
        return list(dict.fromkeys(each))

    def _known(self) -> dict[BranchPath, _ByLibrary]:
        if self._recorded is None:
            self._recorded = {
                entry.branch: _checked(entry.decoded_result())
                for entry in self._entries
                if entry.kind is EntryKind.DATA and entry.alias == DATABASES
            }
        return self._recorded


_NOTHING: Final[dict[str, list[str]]] = {}


def _checked(stored: Any) -> dict[str, list[str]]:
    """Return what a recording has of databases, or nothing where it is something else."""
    is_known = isinstance(stored, dict) and all(
        isinstance(addresses, list) and all(isinstance(each, str) for each in addresses)
        for addresses in stored.values()
    )
    return stored if is_known else _NOTHING


def _name(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[2]
