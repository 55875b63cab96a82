"""Interceptor of `parcels`: rates are inputs, whatever else is asked of the server an output."""

from typing import Any

from playback_core.interceptor import CallTarget, Interceptor
from playback_core.library_interception import INPUT, OUTPUT, Call


class Request(CallTarget):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        client, verb = args
        kind = INPUT if verb == "rate" else OUTPUT
        return Call(kind, f"parcels {verb}", {"server": client.address, **kwargs})

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "city": fields["city"].strip().lower()}


INTERCEPTOR = Interceptor(library="parcels", targets=[Request("parcels", "Client.request")])
