"""Compressed frames: what stored bytes are wrapped in, with a hard bound on unpacking."""

from __future__ import annotations

import sys
import threading

from playback_core.errors import DecodeError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"PB"
VERSION = 1
_STORED, _ZSTD = 0, 1
_HEADER_LENGTH = 4
_SMALLEST_COMPRESSED = 64

_SETTINGS: dict[int, int] = {
    # More is dear: level 4 costs twice as much and gives 3 %.
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}

_local = threading.local()


def compress(raw: bytes) -> bytes:
    """Return `raw` in a frame; small or incompressible bytes are framed as they are."""
    if len(raw) >= _SMALLEST_COMPRESSED:
        packed = _compressor().compress(raw, zstd.ZstdCompressor.FLUSH_FRAME)
        if len(packed) < len(raw):
            return MAGIC + bytes((VERSION, _ZSTD)) + packed
    return MAGIC + bytes((VERSION, _STORED)) + raw


def decompress(blob: bytes, max_bytes: int) -> bytes:
    """Return the bytes in a frame, at most `max_bytes` of them.

    Raises DecodeError for anything that is not a whole undamaged frame within the bound.
    """
    if len(blob) < _HEADER_LENGTH or blob[:2] != MAGIC:
        raise DecodeError("These bytes are not a playback frame: the stored data is damaged.")
    version, method = blob[2], blob[3]
    if version != VERSION:
        raise DecodeError(
            f"The frame has version {version}, and this release reads version {VERSION}."
            " Read it with the release that wrote it, or a newer one."
        )
    body = blob[_HEADER_LENGTH:]
    if method == _STORED:
        _require_bounded(len(body), max_bytes)
        return body
    if method == _ZSTD:
        return _unpack(body, max_bytes)
    raise DecodeError(f"The frame uses an unknown method {method}: the stored data is damaged.")


def _compressor() -> zstd.ZstdCompressor:
    compressor: zstd.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstd.ZstdCompressor(options=_SETTINGS)
    return compressor


def _unpack(body: bytes, max_bytes: int) -> bytes:
    decompressor = zstd.ZstdDecompressor()
    try:
        size = zstd.get_frame_info(body).decompressed_size
        # Asked before a byte is unpacked, which takes memory up to the bound.
        if size is None:
            raise DecodeError(
                "A compressed frame does not tell its size: it is not a playback one."
            )
        _require_bounded(size, max_bytes)
        raw = decompressor.decompress(body, size + 1)
    except zstd.ZstdError as error:
        raise DecodeError(f"A compressed frame is damaged: {error}.") from error
    if not decompressor.eof:
        raise DecodeError("A compressed frame is cut short: the stored data is damaged.")
    if decompressor.unused_data:
        raise DecodeError("A compressed frame is followed by stray bytes: the data is damaged.")
    return raw


def _require_bounded(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise DecodeError(
            f"A frame unpacks to more than {max_bytes:,} bytes, the limit. Raise the limit if"
            " the recording is trusted."
        )
