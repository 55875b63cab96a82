"""Cassette URLs: the text that names a cassette in settings and on command lines."""

from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from playback_core.cassettes._options import DEFAULT_MAX_BYTES
from playback_core.cassettes.file_based import FileBasedTapeCassette
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.cassettes.sqlite import SQLiteTapeCassette
from playback_core.errors import SettingsError
from playback_core.settings.s3_url import S3Url
from playback_core.tape_cassette import TapeCassette


class CassetteUrl(NamedTuple):
    """What a URL names.

    `place` is a name where `scheme` is memory, the URL itself where it is s3, else a path.
    """

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

    `sqlite:///playback.db` and `file:///recordings` are relative, with a fourth slash, as in
    `sqlite:////var/lib/playback.db`, absolute; `memory://` and `memory://name` are shared within
    the process; `s3://bucket/prefix?region=...` may be written to. With `create=False` a file or
    folder has to exist, and an S3 URL that names a `cache` folder gives a cassette that only reads.
    Raise SettingsError for another URL, CassetteError where what it names cannot be opened.
    """
    scheme, place = parse_cassette_url(url)
    if scheme == "memory":
        return _in_memory.setdefault(place, InMemoryTapeCassette())
    folder = base or Path.cwd()
    if scheme == "s3":
        return S3Url.of(urlsplit(place)).open(folder, writable=create)
    path = folder / place
    if scheme == "file":
        return FileBasedTapeCassette(path, max_bytes=max_bytes, create=create)
    return SQLiteTapeCassette(path, max_bytes=max_bytes, create=create)


def parse_cassette_url(url: Any) -> CassetteUrl:
    """Return what a URL names, without opening it; raise SettingsError for what is none."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError as error:
        raise _unknown(url) from error
    if parts.scheme == "memory" and not (parts.path or parts.query or parts.fragment):
        return CassetteUrl(parts.scheme, parts.netloc)
    if parts.scheme == "s3":
        S3Url.of(parts)
        return CassetteUrl(parts.scheme, parts.geturl())
    if parts.scheme not in _EXAMPLES:
        raise _unknown(url)
    path = unquote(parts.path)[1:]
    if not path or "\0" in path or parts.netloc or parts.query or parts.fragment:
        raise SettingsError(
            f"The cassette URL {url!r} names no file or folder; write {_EXAMPLES[parts.scheme]}."
        )
    return CassetteUrl(parts.scheme, path)


def _unknown(url: Any) -> SettingsError:
    return SettingsError(
        f"The cassette URL {url!r} is of no known kind; choose from sqlite:///playback.db,"
        " file:///recordings, s3://bucket/prefix and memory://name."
    )


_EXAMPLES: Final = {
    "sqlite": "sqlite:///relative.db or sqlite:////absolute/path.db",
    "file": "file:///relative/folder or file:////absolute/folder",
}

_in_memory: Final[dict[str, InMemoryTapeCassette]] = {}
