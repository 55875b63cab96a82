"""Tables of tokens, as REST Framework's: their column `key` has the secret of a header.

Secrets are known by their names, and this one says nothing: it is told by one that does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

_COLUMN: Final = "key"
_TOLD: Final = "auth_token"
_OF_TOKENS: Final = re.compile(
    r"""token["`]?\.["`]?key\b|INSERT\s+INTO\s+["`]?\w*token["`]?\s*\(""",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def is_of_tokens(sql: str) -> bool:
    """Tell whether a column `key` in a statement is that of a table of tokens."""
    return _OF_TOKENS.search(sql) is not None


def told_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the key by its telling name."""
    return {_TOLD if name == _COLUMN else name: value for name, value in parameters.items()}


def told_names(names: Sequence[str]) -> list[str]:
    """Return the names of a row's columns with that of the key by its telling one."""
    return [_TOLD if name == _COLUMN else name for name in names]


def own_names(names: Sequence[str]) -> list[str]:
    """Return what `told_names` was given."""
    return [_COLUMN if name == _TOLD else name for name in names]
