"""Databases of SQLite that are their connection's own: which of those of a branch one is.

They have no name by which they could be told apart, so they have numbers: the lowest that no other
one has that is open. What is opened, used and closed again and again is always the first.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.entry import BranchPath
from playback_core.session import Branch, current

PRIVATE: Final = ":memory:"
"""The address of the first one."""


def is_private(name: str, uri: bool) -> bool:
    """Tell whether what is opened by a name is a database of that connection alone."""
    if name in ("", PRIVATE):
        return True
    path, _, query = name.removeprefix("file:").partition("?")
    options = query.partition("#")[0].split("&")
    if not uri or not name.startswith("file:") or "cache=shared" in options:
        return False
    return path in ("", PRIVATE) or "mode=memory" in options


class _Numbered(dict[BranchPath, WeakKeyDictionary[Any, int]]):
    """The open ones of a session by branch, each with its number."""


def address_of(connection: Any) -> str:
    """Return what the private database of a connection is called in the current branch."""
    branch = current()
    if branch is None:
        return PRIVATE
    numbers = _of_session(branch).setdefault(branch.path, WeakKeyDictionary())
    number = numbers.get(connection)
    if number is None:
        taken = set(numbers.values())
        number = numbers[connection] = next(each for each in count(1) if each not in taken)
    return PRIVATE if number == 1 else f"{PRIVATE} ({number})"


def forget(connection: Any) -> None:
    """Note that the private database of a connection is closed."""
    branch = current()
    if branch is not None:
        for numbers in list(_of_session(branch).values()):
            numbers.pop(connection, None)


def _of_session(branch: Branch) -> _Numbered:
    numbered: _Numbered = branch.session.remembered.setdefault(_Numbered, _Numbered())
    return numbered
