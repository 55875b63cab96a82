"""Comparing secrets by `hmac.compare_digest`: whether they are the same is an input."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import Interceptor
from playback_core.interceptors._verification import Verification
from playback_core.library_interception import Call

_COMPARED: Final = (str, bytes, bytearray, memoryview)


class _Comparing(Verification):
    """Which of the two is the application's own, and may differ in a replay, cannot be told."""

    def __init__(self, module: str) -> None:
        super().__init__(
            module,
            "compare_digest",
            alias="hmac compare_digest",
            fields=_compared,
            secrets=[],
            held=["a", "b"],
        )

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        # Anything else is an error, which the function raises.
        if kwargs or len(args) != 2 or not all(isinstance(each, _COMPARED) for each in args):
            return None
        return super().describe(args, kwargs)


def _compared(a: Any, b: Any, /) -> dict[str, Any]:
    return {"a": a, "b": b}


INTERCEPTOR: Final = Interceptor(
    library="hmac", targets=[_Comparing("hmac"), _Comparing("secrets")]
)
