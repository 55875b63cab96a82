"""Exceptions of AWS clients: stored by name, as each client makes classes of its own."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptors._aws_values import restored_values, stored_values
from playback_core.interceptors._errors import plain_error

_CLASS: Final = "playback_error_class"
_PLAIN: Final = (str, int, float, bool, bytes, type(None))


def stored_error(error: BaseException) -> BaseException:
    """Return what is stored of an exception of a client."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        stored: BaseException = ClientError.__new__(ClientError)
        stored.args = error.args
        vars(stored).update(vars(error), **{_CLASS: type(error).__name__})
        vars(stored)["response"] = stored_values(error.response, None)
        return stored
    stored = plain_error(error)
    details = getattr(error, "kwargs", None)
    if isinstance(details, dict):
        vars(stored)["kwargs"] = {name: _plain(part) for name, part in details.items()}
    return stored


def given_error(error: BaseException, client: Any) -> BaseException:
    """Return what a client raises for a stored exception: of its own class, if it is one."""
    name = vars(error).pop(_CLASS, None)
    if name is None:
        return error
    given_class = _class_of(client, name, type(error))
    given: BaseException = given_class.__new__(given_class)
    given.args = error.args
    vars(given).update(vars(error))
    vars(given)["response"] = restored_values(vars(error).get("response"))
    return given


def _class_of(client: Any, name: str, otherwise: type[BaseException]) -> type[BaseException]:
    known = client.exceptions._code_to_exception.values()
    return next((each for each in known if each.__name__ == name), otherwise)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseException):
        return plain_error(value)
    return value if isinstance(value, _PLAIN) else str(value)
