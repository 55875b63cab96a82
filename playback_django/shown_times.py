"""What pages say of now: `{% now %}`, `timesince`, `naturaltime`.

They ask the type `datetime`, which is not recorded. So the clock is read just before: a replay,
whose clock is then at this moment, tells the same second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from playback_core.interceptor import Interceptor, Target
from playback_core.reads import SHOWN
from playback_core.replacing import Function
from playback_core.session import current
from playback_django.now import nanoseconds_of


class _Telling(Target):
    """A function that asks for now."""

    by_name: ClassVar[bool] = True

    def replacement(self, original: Function) -> Function:
        def telling(*args: Any, **kwargs: Any) -> Any:
            branch = current()
            if branch is not None and branch.reads is not None:
                branch.reads.clock(SHOWN, _moment)
            return original(*args, **kwargs)

        return telling


def _moment() -> int:
    return nanoseconds_of(datetime.now(UTC))


_PLACES: Final = {
    "django.template.defaulttags": "NowNode.render",
    "django.utils.timesince": "timesince",
    "django.contrib.humanize.templatetags.humanize": "NaturalTimeFormatter.string_for",
}

INTERCEPTORS: Final = tuple(
    Interceptor(library=module, distribution="django", targets=[_Telling(module, place)])
    for module, place in _PLACES.items()
)
