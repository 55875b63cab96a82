"""Commands that are sent to a Redis server: how they are told, and what is kept of them."""

from __future__ import annotations

from typing import Any

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget
from playback_core.interceptors._redis_clients import place_of
from playback_core.interceptors._redis_commands import is_read, named, told, unnamed
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.session import Session


class OnServer(CallTarget):
    """A call that tells its server; one of another host means the same, of another db does not."""

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "server": fields["server"].rpartition("/")[2]}


class Command(OnServer):
    """A place that sends one command and returns what came of it."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        client = args[0]
        name, fields = told(args[1:], kwargs)
        kind = INPUT if is_read(name) else OUTPUT
        fields.update(place_of(client))
        if "target_nodes" in kwargs and isinstance(kwargs["target_nodes"], str):
            fields["nodes"] = kwargs["target_nodes"]
        return Call(kind, f"redis {name}", fields, (client, fields["command"]))

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        return value, named(call.about[1], value)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        return unnamed(call.about[1], stored)
