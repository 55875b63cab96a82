"""`django.utils.timezone.now`: what it says is recorded as other reads of the clock are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import CodeType, FunctionType
from typing import Any, Final

from django.utils import timezone

from playback_core.session import current

_READ: Final = "datetime_ns"
_NAME: Final = "_playback_now"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_own_code: CodeType | None = None


def install() -> None:
    """Have the function itself read by us; idempotent.

    It keeps its identity: models have it as a default, and forms, who never look its name up.
    """
    global _own_code
    now: Any = timezone.now
    if _own_code is not None or not isinstance(now, FunctionType) or now.__closure__:
        return
    original = FunctionType(now.__code__, now.__globals__, now.__name__)
    vars(timezone)[_NAME] = _recorded(original)
    _own_code, now.__code__ = now.__code__, _called.__code__


def uninstall() -> None:
    """Give the function its own code back."""
    global _own_code
    now: Any = timezone.now
    if _own_code is not None and getattr(now, "__code__", None) is _called.__code__:
        now.__code__, _own_code = _own_code, None


def _called() -> datetime:
    # By the globals of Django's module.
    return _playback_now()  # type: ignore[name-defined,no-any-return] # noqa: F821


def _recorded(original: Any) -> Any:
    def now() -> datetime:
        branch = current()
        reads = None if branch is None else branch.reads
        if reads is None:
            moment: datetime = original()
            return moment
        nanoseconds: int = reads.clock(_READ, read)
        moment = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
        return moment if _is_aware() else moment.astimezone().replace(tzinfo=None)

    def read() -> int:
        return nanoseconds_of(original())

    return now


def nanoseconds_of(moment: datetime) -> int:
    """Return a moment as nanoseconds since the epoch."""
    aware = moment if moment.tzinfo is not None else moment.astimezone(UTC)
    return int((aware - _EPOCH) // _MICROSECOND * 1000)


def _is_aware() -> bool:
    from django.conf import settings

    return bool(settings.USE_TZ)
