"""LOAD DATA LOCAL: what is in the file that the server asks PyMySQL for."""

from __future__ import annotations

import hashlib
import re
from io import FileIO
from typing import Any, Final

_FILE: Final = re.compile(
    r"""\bLOCAL\s+INFILE\s+(?:'((?:[^'\\]|\\.|'')*)'|"((?:[^"\\]|\\.|"")*)")""",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"""\\(.)|'(')|"(")""", re.DOTALL)


def content_of_loaded(about: Any, text: str, parameters: Any) -> Any:
    """Return size and digest of the file that a statement loads, None where it loads none of ours.

    `about` is the cursor or connection by which it is sent. Of a file that is not there, or may not
    be read, that is told.
    """
    found = _FILE.search(about.mogrify(text, parameters) if parameters else text)
    if found is None:
        return None
    path = _ESCAPED.sub(lambda each: each[1] or each[2] or each[3], found[1] or found[2] or "")
    try:
        # Not by `open`, which may be intercepted.
        with FileIO(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"size": file.tell(), "sha256": digest}
    except OSError:
        return "not there"
