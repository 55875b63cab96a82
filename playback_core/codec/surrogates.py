"""Text that UTF-8 refuses, kept as bytes where other text is kept as it is."""

from __future__ import annotations


def storable_text(text: str) -> str | bytes:
    """Return the text, or bytes that stand for it where it has lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def stored_text(stored: object) -> str:
    """Return the text that `storable_text` was given; raise TypeError or ValueError for another."""
    if isinstance(stored, bytes):
        return stored.decode("utf-8", "surrogatepass")
    if isinstance(stored, str):
        return stored
    raise TypeError(f"a {type(stored).__name__} where there should be text")
