"""SQLite by `aiosqlite`, which calls `sqlite3` in a thread for each connection.

What is recorded is what `sqlite3` is asked for. The thread outlives the operation it was started
in: each call runs there in the context of whoever awaits it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import Any, Final

from playback_core.interceptor import Interceptor, Target
from playback_core.replacing import Function


class _InTheCallersContext(Target):
    def replacement(self, original: Function) -> Function:
        @wraps(original)
        async def execute(
            connection: Any, function: Callable[..., Any], *args: Any, **kwargs: Any
        ) -> Any:
            run = copy_context().run
            return await original(connection, run, function, *args, **kwargs)

        return execute


INTERCEPTOR: Final = Interceptor(
    library="aiosqlite",
    targets=[_InTheCallersContext("aiosqlite.core", "Connection._execute")],
)
