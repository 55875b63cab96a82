"""Waiting for results: what `get` gives is an input."""

from typing import Any

from playback_core.interceptor import CallTarget
from playback_core.library_interception import INPUT, Call, Missing
from playback_core.session import Session

_Args = tuple[Any, ...]
_Kwargs = dict[str, Any]


class GetTarget(CallTarget):
    """`AsyncResult.get`, which waits; the result knows from then on what became of its task."""

    def __init__(self) -> None:
        super().__init__("celery.result", "AsyncResult.get")

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        return Call(INPUT, "celery get", {"id": args[0].id}, args[0])

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        known = call.about._cache or {}
        return value, {"value": value, "status": known.get("status")}

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        value, status = stored["value"], stored["status"]
        if status is not None:
            _know(call.about, status, value)
        return value

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if not isinstance(error, _timeouts()):
            _know(call.about, "FAILURE", error)
        return error


class JoinTarget(CallTarget):
    """`ResultSet.join_native`, which waits for several at once."""

    def __init__(self) -> None:
        super().__init__("celery.result", "ResultSet.join_native")

    def describe(self, args: _Args, kwargs: _Kwargs) -> Call | None:
        return Call(INPUT, "celery join", {"ids": [each.id for each in args[0].results]})


def _know(result: Any, status: str, value: Any) -> None:
    result._cache = {"status": status, "result": value, "traceback": None, "children": []}


def _timeouts() -> tuple[type[BaseException], ...]:
    from celery import exceptions

    return exceptions.TimeoutError, RuntimeError
