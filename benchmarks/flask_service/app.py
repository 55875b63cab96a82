"""The application: a view with three inputs and an output, recorded by a system or by none."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from flask import Flask

from benchmarks.operations import Decorator, Function
from benchmarks.payloads import orders
from benchmarks.systems import Bundle, Predecessor

Declare = Callable[[str], Decorator]

_PAYLOADS: Final = orders(64)
_DRAIN: Final = "drain"


def create_app(recorded_by: str, folder: Path, wait: float) -> Flask:
    """Make the application; each of its inputs takes `wait` seconds, 0 for no wait at all.

    `recorded_by` is the name of a system, "" for none. It stores in `folder`.
    """
    app = Flask(__name__)
    recorder, drain = _recording(recorded_by, app, folder)
    # The predecessor knows no requests: what the view calls is its operation.
    operation = recorder.operation() if recorded_by == Predecessor.name else _unchanged
    service = _orders(recorder, operation, wait)

    @app.get("/orders/<int:number>")
    def order(number: int) -> dict[str, Any]:
        answer: dict[str, Any] = service.answer(number)
        return answer

    @app.get("/drain", endpoint=_DRAIN)
    def finish_storing() -> dict[str, bool]:
        drain()
        return {"drained": True}

    return app


def _recording(recorded_by: str, app: Flask, folder: Path) -> tuple[Any, Callable[[], object]]:
    """Return the recorder, None for none, and what waits until all is stored."""
    if recorded_by == Bundle.name:
        return _bundle(app, folder)
    if recorded_by == Predecessor.name:
        system = Predecessor(folder)
        return system.recorder, system.drain
    return None, lambda: None


def _bundle(app: Flask, folder: Path) -> tuple[Any, Callable[[], object]]:
    from playback_core import recorder
    from playback_flask import FlaskPlayback

    app.config["PLAYBACK_CASSETTE"] = f"sqlite:///{Bundle.path_in(folder)}"
    app.config["PLAYBACK_EXCLUDE"] = [_DRAIN]
    # Under pytest, where this is tested, recording is off unless asked for.
    app.config["PLAYBACK_ENABLED"] = True
    FlaskPlayback(app)
    cassette: Any = recorder.tape_cassette
    return recorder, cassette.flush


def _unchanged(function: Function) -> Function:
    return function


def _orders(recorder: Any | None, operation: Decorator, wait: float) -> Any:
    def undecorated(alias: str) -> Decorator:
        return _unchanged

    intercept_input: Declare = undecorated if recorder is None else recorder.intercept_input
    intercept_output: Declare = undecorated if recorder is None else recorder.intercept_output

    class Orders:
        @operation
        def answer(self, number: int) -> dict[str, Any]:
            order, stock, price = self.order(number), self.stock(number), self.price(number)
            summary = {**order, "stock": stock["number"], "price": price["total"]}
            self.publish(summary)
            return summary

        @intercept_input("orders.order")
        def order(self, number: int) -> Any:
            return self._fetched(number)

        @intercept_input("orders.stock")
        def stock(self, number: int) -> Any:
            return self._fetched(number + 1)

        @intercept_input("orders.price")
        def price(self, number: int) -> Any:
            return self._fetched(number + 2)

        @intercept_output("orders.publish")
        def publish(self, event: dict[str, Any]) -> bool:
            return True

        def _fetched(self, number: int) -> Any:
            if wait:
                time.sleep(wait)
            return _PAYLOADS[number % len(_PAYLOADS)]

    return Orders()
