"""Hooks by which users give inputs and outputs a form of their own in the recording."""

from abc import ABC, abstractmethod
from typing import Any


class InputInterceptionDataHandler(ABC):
    """Turns an input's result into what is stored, and back."""

    @abstractmethod
    def prepare_input_for_recording(
        self, interception_key: str, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what to store for a result; called while recording."""

    @abstractmethod
    def restore_input_from_recording(
        self, recorded_data: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return the result a replayed call gets for what was stored."""


class OutputInterceptionDataHandler(ABC):
    """Turns an output's arguments into what is stored and compared."""

    @abstractmethod
    def prepare_output_for_recording(
        self, interception_key: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return what to store for a call; called while recording and while replaying."""

    @abstractmethod
    def restore_output_from_recording(self, recorded_data: Any) -> Any:
        """Return an object for what was stored, for extractors that want more than plain data."""
