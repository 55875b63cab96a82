"""Cassette URLs: the text that names a cassette in settings and on command lines."""

from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.cassettes.sqlite import DEFAULT_MAX_BYTES, SQLiteTapeCassette
from playback_core.errors import SettingsError
from playback_core.tape_cassette import TapeCassette


class CassetteUrl(NamedTuple):
    """What a URL names: `place` is a path where `scheme` is sqlite, a name where it is memory."""

    scheme: str
    place: str


def cassette_from_url(
    url: str,
    base: Path | None = None,
    *,
    create: bool = True,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> TapeCassette:
    """Open the cassette a URL names; relative paths start at `base`, or the working directory.

    `sqlite:///playback.db` is relative, `sqlite:////var/lib/playback.db` absolute, `memory://` and
    `memory://name` are shared within the process. With `create=False` a file has to exist. Raise
    SettingsError for another URL, CassetteError where the file cannot be opened.
    """
    scheme, place = parse_cassette_url(url)
    if scheme == "memory":
        return _in_memory.setdefault(place, InMemoryTapeCassette())
    return SQLiteTapeCassette((base or Path.cwd()) / place, max_bytes=max_bytes, create=create)


def parse_cassette_url(url: Any) -> CassetteUrl:
    """Return what a URL names, without opening it; raise SettingsError for what is none."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError as error:
        raise _unknown(url) from error
    if parts.scheme == "memory" and not (parts.path or parts.query or parts.fragment):
        return CassetteUrl(parts.scheme, parts.netloc)
    if parts.scheme != "sqlite":
        raise _unknown(url)
    path = unquote(parts.path)[1:]
    if not path or "\0" in path or parts.netloc or parts.query or parts.fragment:
        raise SettingsError(
            f"The cassette URL {url!r} names no file; write sqlite:///relative.db or"
            " sqlite:////absolute/path.db."
        )
    return CassetteUrl(parts.scheme, path)


def _unknown(url: Any) -> SettingsError:
    return SettingsError(
        f"The cassette URL {url!r} is of no known kind; choose from sqlite:///playback.db and"
        " memory://name (file:// and s3:// are not available yet)."
    )


_in_memory: Final[dict[str, InMemoryTapeCassette]] = {}
