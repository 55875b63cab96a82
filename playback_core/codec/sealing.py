"""Seal: bytes that are given back under the same key only, as what tokens were made of."""

from hashlib import blake2b
from hmac import compare_digest
from typing import Final

_TAG_BYTES: Final = 16
_BLOCK_BYTES: Final = 64


class Seal:
    """Encrypts bytes under a key, with nothing but the standard library.

    The same bytes give the same sealed ones. It is a synthetic IV (RFC 5297) over keyed BLAKE2b
    (RFC 7693): a tag of the plain bytes, which is also where the stream of the cipher begins.
    """

    def __init__(self, key: bytes) -> None:
        own = blake2b(key, person=b"playback seal").digest()
        self._cipher_key, self._tag_key = own[:32], own[32:]

    def seal(self, plain: bytes) -> bytes:
        """Return the bytes sealed, 16 bytes longer."""
        tag = self._tag(plain)
        return tag + self._crossed(plain, tag)

    def unseal(self, sealed: bytes) -> bytes | None:
        """Return what was sealed; None where it was under another key, or is damaged."""
        tag = sealed[:_TAG_BYTES]
        plain = self._crossed(sealed[_TAG_BYTES:], tag)
        return plain if compare_digest(self._tag(plain), tag) else None

    def _tag(self, plain: bytes) -> bytes:
        return blake2b(plain, key=self._tag_key, digest_size=_TAG_BYTES).digest()

    def _crossed(self, data: bytes, tag: bytes) -> bytes:
        size = len(data)
        stream = b"".join(
            blake2b(tag + number.to_bytes(8, "big"), key=self._cipher_key).digest()
            for number in range(-(-size // _BLOCK_BYTES))
        )
        crossed = int.from_bytes(data, "big") ^ int.from_bytes(stream[:size], "big")
        return crossed.to_bytes(size, "big")
