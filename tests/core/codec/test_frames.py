"""Compressed frames."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import compress, decompress
from playback_core.errors import DecodeError

LARGE = b'{"name": "value", "number": 12345}' * 500


@given(st.binary(max_size=400) | st.binary(max_size=20).map(lambda part: part * 50))
def test_bytes_come_back(raw: bytes) -> None:
    assert decompress(compress(raw), len(raw)) == raw


def test_small_and_incompressible_bytes_grow_by_the_header_only() -> None:
    assert len(compress(b"abc")) == 7
    assert len(compress(bytes(range(256)))) == 260
    assert len(compress(LARGE)) < len(LARGE) / 20


def test_unpacking_stops_at_the_bound() -> None:
    bomb = compress(bytes(50_000_000))
    assert len(bomb) < 10_000
    for blob in (bomb, compress(b"x" * 40)):
        with pytest.raises(DecodeError, match="more than 30 bytes"):
            decompress(blob, 30)


@pytest.mark.parametrize(
    "blob",
    [
        *(b"", b"PB", b"XX\x01\x00abc", b"PB\x02\x00abc", b"PB\x01\x07abc", b"PB\x01\x01abc"),
        *(compress(LARGE)[:-5], compress(LARGE) + b"x", compress(LARGE)[:20]),
        compress(LARGE)[:-1] + bytes([compress(LARGE)[-1] ^ 1]),
    ],
)
def test_damage_gives_a_clear_error(blob: bytes) -> None:
    with pytest.raises(DecodeError):
        decompress(blob, 10**6)


def test_threads_do_not_share_a_compressor() -> None:
    failed: list[int] = []

    def work(number: int) -> None:
        raw = bytes([number]) * 3000 + LARGE
        for _ in range(50):
            if decompress(compress(raw), len(raw)) != raw:
                failed.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
