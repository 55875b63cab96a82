"""Bounds of the codec: what `decode` accepts and what `encode` gives up on."""

from __future__ import annotations

from dataclasses import dataclass

NATIVE_DEPTH = 1024
"""Nesting at which the native decoder stops by itself."""

TREE_DEPTH = 60
"""Nesting beyond which a typed value is stored as a graph, which needs no recursion."""

TREE_NODES = 100_000
"""Parts beyond which a typed value is stored as a graph, where shared parts count once."""

ENCODE_NODES = 5_000_000
"""Parts beyond which a value is refused with `EncodeError`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on what `decode` accepts.

    `max_depth` is nesting, `max_nodes` the number of parts, `max_bytes` the length of the
    (uncompressed) blob. Each is a positive int; anything else raises TypeError or ValueError.
    """

    max_depth: int = 100_000
    max_nodes: int = ENCODE_NODES
    max_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        for name in ("max_depth", "max_nodes", "max_bytes"):
            value = getattr(self, name)
            if type(value) is not int:
                raise TypeError(f"Limits.{name} must be an int, not {type(value).__name__}")
            if value < 1:
                raise ValueError(f"Limits.{name} must be at least 1, not {value}")


DEFAULT_LIMITS = Limits()
