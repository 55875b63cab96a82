"""SandboxOptions: what a replay may reach although it was not recorded."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from playback_core.errors import SettingsError

_ALIAS: Final = "alias:"
_PORT: Final = re.compile(r"(?P<name>[^:\s]+|\[[^\]\s]+\])(?::(?P<port>\d{1,5}))?")
_ADDRESS_WITH_COLONS: Final = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%\w]*")


class Host(NamedTuple):
    """A host by name or address, and its one port, or None for all of them."""

    name: str
    port: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxOptions:
    """What a sealed replay may reach: by default nothing.

    `hosts` may be connected to, sent to and looked up. `paths` may be written, with all below them;
    a Unix socket and a SQLite database are paths, too. `aliases` are interceptions that run for
    real where the recording has no answer. Raise SettingsError where one is empty.
    """

    hosts: tuple[Host, ...] = ()
    paths: tuple[str, ...] = ()
    aliases: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for text in (*(host.name for host in self.hosts), *self.paths, *self.aliases):
            if not text:
                raise SettingsError("Nothing is allowed by an empty text; name what to allow.")
        # As the system sees them when they are written: a path of the working directory of now.
        resolved = tuple(os.path.realpath(os.path.expanduser(path)) for path in self.paths)
        object.__setattr__(self, "paths", resolved)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Return the options that texts of a command line mean.

        `example.org`, `10.0.0.1:5432` and `[::1]:80` are hosts; what has a slash, as `/tmp/x` and
        `./x.db`, is a path; `alias:orders.read` is an interception. Raise SettingsError for others.
        """
        hosts, paths, aliases = [], [], []
        for text in texts:
            if text.startswith(_ALIAS):
                aliases.append(text.removeprefix(_ALIAS))
            elif os.sep in text:
                paths.append(text)
            else:
                hosts.append(_host(text))
        return cls(hosts=tuple(hosts), paths=tuple(paths), aliases=frozenset(aliases))


def _host(text: str) -> Host:
    if _ADDRESS_WITH_COLONS.fullmatch(text):
        return Host(text.lower())
    match = _PORT.fullmatch(text)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 0 < port < 65536):
        raise SettingsError(
            f"Not to be allowed: {text!r}; write a host (example.org, 10.0.0.1:5432, [::1]:80), a"
            " path with a slash (/tmp/x, ./x.db), or alias:NAME."
        )
    return Host(match["name"].strip("[]").lower(), port)


SEALED: Final = SandboxOptions()
"""Nothing that was not recorded may be reached."""
