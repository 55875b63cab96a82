"""What a subcommand is: its parameters as data, from which every front end makes its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TextIO

from playback_core.adapters import OpenTarget
from playback_core.studio.reports import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a subcommand, given as text; `name` is what its function calls it.

    Without a `flag` it is positional. `parse` makes the value of a text, or of all texts of a
    `repeated` one, and raises SettingsError. A switch is True or False.
    """

    name: str
    flag: str | None = None
    metavar: str | None = None
    help: str = ""
    parse: Callable[[Any], Any] | None = None
    default: str | None = None
    required: bool = False
    repeated: bool = False
    is_switch: bool = False

    def value(self, given: Any) -> Any:
        """Return the value of what a front end was given; None stays None, as not given."""
        return given if given is None or self.parse is None else self.parse(given)


@dataclass(frozen=True, slots=True)
class Call:
    """What the function of a subcommand gets beside its parameters."""

    target: OpenTarget
    report: Report
    out: TextIO
    err: TextIO


@dataclass(frozen=True, kw_only=True, slots=True)
class Subcommand:
    """A subcommand: `run` gets a Call and the parsed parameters by name, and gives an exit code."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    run: Callable[..., int]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of what a front end was given; raise SettingsError for a wrong one."""
        return {each.name: each.value(given.get(each.name)) for each in self.parameters}


AS_JSON: Final = Parameter(
    name="as_json", flag="--json", is_switch=True, help="Print one JSON document."
)
