"""Values as they arrive: JSON turns tuples into lists, and keys into texts."""

from typing import Any, Final

from kombu.exceptions import EncodeError
from kombu.serialization import dumps, loads

_JSON: Final = "json"


def as_received(value: Any, serializer: object) -> tuple[Any, str | None]:
    """Return a value as whoever receives it will get it, and its text.

    By another serializer than JSON it arrives as it is, and so it stays here, without a text, as
    does one that can't be sent: sending it will raise.
    """
    if serializer != _JSON:
        return value, None
    try:
        content_type, encoding, text = dumps(value, _JSON)
    except EncodeError:
        return value, None
    return loads(text, content_type, encoding, accept=[content_type]), text
