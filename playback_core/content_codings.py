"""Content codings of HTTP bodies, taken off and put on again to look for secrets within."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_DECODED: Final = 64 * 1024**2
"""How many bytes of a decoded body are looked into; what decodes to more is left as it is."""

_GZIP_OR_ZLIB: Final = 47
_RAW: Final = -zlib.MAX_WBITS


def decoded(coding: str, body: bytes) -> bytes | None:
    """Return a body, or the beginning of one, without its coding; None where that can't be told."""
    for decompressor in _DECOMPRESSORS.get(coding, ()):
        try:
            return _all_members(decompressor, body)
        except (zlib.error, zstd.ZstdError):
            continue
    return _without_brotli(body) if coding == "br" else None


def encoded(coding: str, plain: bytes) -> bytes:
    """Return a body in a coding that `decoded` knows."""
    if coding == "deflate":
        return zlib.compress(plain)
    if coding == "zstd":
        return zstd.compress(plain)
    if coding == "br":
        compressed: bytes = import_module("brotli").compress(plain)
        return compressed
    import gzip

    return gzip.compress(plain, mtime=0)


def _all_members(decompressor: Callable[[], Any], body: bytes) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while body:
        member = decompressor()
        parts.append(member.decompress(body, MAX_DECODED + 1 - size))
        size += len(parts[-1])
        if size > MAX_DECODED:
            return None
        body = member.unused_data
    return b"".join(parts)


def _without_brotli(body: bytes) -> bytes | None:
    # Whoever asked for it has a library for it; of the two there are, this one.
    try:
        brotli = import_module("brotli")
    except ImportError:
        return None
    decompressor = brotli.Decompressor()
    try:
        plain: bytes = decompressor.process(body, output_buffer_limit=MAX_DECODED)
    except (brotli.error, TypeError):
        return None
    return plain if decompressor.can_accept_more_data() else None


_DECOMPRESSORS: Final[dict[str, tuple[Callable[[], Any], ...]]] = {
    **dict.fromkeys(("gzip", "x-gzip"), (lambda: zlib.decompressobj(_GZIP_OR_ZLIB),)),
    "deflate": (lambda: zlib.decompressobj(_GZIP_OR_ZLIB), lambda: zlib.decompressobj(_RAW)),
    "zstd": (zstd.ZstdDecompressor,),
}
