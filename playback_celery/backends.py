"""Result backends: what Celery does with them for a task is of no operation; reading is an input.

Which class has which method differs; so they are found on the class of a backend when it is made.
"""

from typing import Any, Final

from kombu.exceptions import EncodeError

from playback_celery.sending import published_within
from playback_core.drivers import drive
from playback_core.entry import EntryKind
from playback_core.interceptor import CallTarget, Interceptor, Target, install
from playback_core.library_interception import (
    INPUT,
    OUTPUT,
    UNRECORDED,
    Call,
    LibraryInterception,
    Missing,
)
from playback_core.outcome import Outcome
from playback_core.replacing import Function
from playback_core.session import Session

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]

_FOR_CELERY: Final = (
    "on_task_call",
    "apply_chord",
    "_apply_chord_incr",
    "set_chord_size",
    "process_cleanup",
)
_NAME: Final = "celery backend"
_STORED: Final = ("self", "task_id", "result", "state")


class BackendsTarget(Target):
    """Where an application makes its backend, whose class is intercepted then."""

    def __init__(self) -> None:
        super().__init__("celery.app.base", "Celery._get_backend")

    def replacement(self, original: Function) -> Function:
        def _get_backend(*args: Any, **kwargs: Any) -> Any:
            backend = original(*args, **kwargs)
            intercept_backend(type(backend))
            return backend

        return _get_backend


def intercept_backend(backend: type) -> None:
    """Intercept the methods of a class of backends, and those of its bases; idempotent."""
    for owner in backend.__mro__:
        targets = [
            _target(owner, name, make)
            for name, make in _METHODS.items()
            if callable(vars(owner).get(name))
        ]
        if targets:
            library = f"{_NAME} {owner.__module__}.{owner.__qualname__}"
            install(Interceptor(library=library, targets=targets, distribution="celery"))


def _target(owner: type, name: str, make: type[CallTarget]) -> CallTarget:
    return make(owner.__module__, f"{owner.__qualname__}.{name}", optional=True)


class _ForCelery(CallTarget):
    """A method that Celery calls for a task; a replay does without."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        return Call(UNRECORDED, _NAME, {})

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


class _Stored(_ForCelery):
    """The storing of a result; a replay finds out alone whether it can be stored.

    One that can't be is a failure of its task, by an error that Celery has from here.
    """

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        given = {**dict(zip(_STORED, args, strict=False)), **kwargs}
        return Call(UNRECORDED, _NAME, {}, given)

    def answer_missing(self, call: Call) -> Outcome | None:
        from celery.backends.base import DisabledBackend

        backend, result, state = (call.about.get(name) for name in ("self", "result", "state"))
        if not isinstance(backend, DisabledBackend):
            try:
                backend.encode({"result": backend.encode_result(result, state)})
            except EncodeError as error:
                return Outcome(exception=error)
        return Outcome(None)


class _Pending(CallTarget):
    """A method that takes a result which is waited for, or is not any more, and returns it."""

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        return Call(UNRECORDED, _NAME, {}, args[1])

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(call.about)


class _ChordPart(CallTarget):
    """The end of a member of a chord, of which the last sends the chord's body.

    Which one is last is a matter of time, so that what it sent is part of the result, which is not
    compared.
    """

    def replacement(self, original: Function) -> Function:
        def on_chord_part_return(*args: Any, **kwargs: Any) -> Any:
            published: list[dict[str, Any]] = []
            token = published_within.set(published)
            try:
                original(*args, **kwargs)
            finally:
                published_within.reset(token)
            return published

        ours = drive(on_chord_part_return, LibraryInterception(str(self), self))

        def returned(*args: Any, **kwargs: Any) -> None:
            ours(*args, **kwargs)

        return returned

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        _, request, state, *_ = args
        fields = {"task_id": request.id, "group_id": request.group, "state": state}
        return Call(OUTPUT, "celery chord part", fields)

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome([])


class _Of(CallTarget):
    """A method that is about one id, of a task or of a group."""

    kind: EntryKind
    alias: str

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        backend, *given = args
        about = given[0] if given else next(iter(kwargs.values()))
        return Call(self.kind, self.alias, {"id": about}, (backend, about))


class _Meta(_Of):
    """The state and the result of a task."""

    kind = INPUT
    alias = "celery result"

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        children = value.get("children") or []
        return value, {**value, "children": [each.as_tuple() for each in children]}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        from celery.result import result_from_tuple

        app = call.about[0].app
        children = [result_from_tuple(each, app) for each in stored["children"]]
        return {**stored, "children": children}


class _RestoredGroup(_Of):
    """A group that was saved."""

    kind = INPUT
    alias = "celery group"

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, None if value is None else value.as_tuple()

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        from celery.result import result_from_tuple

        return None if stored is None else result_from_tuple(stored, call.about[0].app)


class _Sent(_Of):
    kind = OUTPUT

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, None

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


class _SavedGroup(_Sent):
    """The saving of a group."""

    alias = "celery save group"

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        _, group_id, result = args
        tasks = [each.id for each in result.results]
        return Call(OUTPUT, self.alias, {"id": group_id, "tasks": tasks})


class _DeletedGroup(_Sent):
    alias = "celery delete group"


class _Forgotten(_Sent):
    alias = "celery forget"


_METHODS: Final[dict[str, type[CallTarget]]] = {
    **dict.fromkeys(_FOR_CELERY, _ForCelery),
    "store_result": _Stored,
    **dict.fromkeys(("add_pending_result", "remove_pending_result"), _Pending),
    "on_chord_part_return": _ChordPart,
    "get_task_meta": _Meta,
    "restore_group": _RestoredGroup,
    "save_group": _SavedGroup,
    "delete_group": _DeletedGroup,
    "forget": _Forgotten,
}
