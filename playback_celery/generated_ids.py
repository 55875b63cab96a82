"""The ids that Celery makes up while an operation runs: no one chose them, so they are named.

Else one more message that changed code sends would alter the ids of all that follow it.
"""

from typing import Any, Final
from weakref import WeakKeyDictionary

from playback_core.interceptor import Target
from playback_core.replacing import Function
from playback_core.session import Session, current, unintercepted

_made: Final[WeakKeyDictionary[Session, set[str]]] = WeakKeyDictionary()
_NONE: Final[frozenset[str]] = frozenset()


class IdTarget(Target):
    """The function that makes an id, with each noted that an operation has it make."""

    by_name = True

    def __init__(self) -> None:
        super().__init__("kombu.utils.uuid", "uuid")

    def replacement(self, original: Function) -> Function:
        def uuid(*args: Any, **kwargs: Any) -> Any:
            made = original(*args, **kwargs)
            branch = current()
            if branch is not None:
                _made.setdefault(branch.session, set()).add(made)
            return made

        return uuid


class NodeTarget(Target):
    """The function that draws a number for this process, once, when something first needs it.

    In which operation that is differs between a run and its replay, and would shift all they draw.
    """

    def __init__(self) -> None:
        super().__init__("kombu.common", "get_node_id")

    def replacement(self, original: Function) -> Function:
        def get_node_id() -> Any:
            with unintercepted():
                return original()

        return get_node_id


class IdNames:
    """Gives the ids that were made in an operation names, by their order in one message."""

    def __init__(self, session: Session | None) -> None:
        self._made = _NONE if session is None else _made.get(session, _NONE)
        self._names: dict[str, str] = {}

    def named(self, value: Any) -> Any:
        """Return the name of an id that was made up; anything else as it is."""
        if not isinstance(value, str) or value not in self._made:
            return value
        return self._names.setdefault(value, f"id {len(self._names) + 1}")
