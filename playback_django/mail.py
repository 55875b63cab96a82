"""Mail by django.core.mail, whatever the backend: a message is an output, as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from typing import Any, Final

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target
from playback_core.library_interception import OUTPUT, UNRECORDED, Call
from playback_core.outcome import Outcome
from playback_django.configured import targets_of

LIBRARY: Final = "django.core.mail"
_MODULE: Final = "django.core.mail.message"
_BACKENDS: Final = tuple(
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("smtp", "locmem", "console")
)
_FILES: Final = "django.core.mail.backends.filebased"
_LISTS: Final = ("to", "cc", "bcc", "reply_to")


class _Sending(CallTarget):
    """The place where a message sends itself."""

    def __init__(self) -> None:
        super().__init__(_MODULE, "EmailMessage.send")

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        fields = told(args[0])
        if kwargs.get("using") is not None:
            fields["using"] = str(kwargs["using"])
        return Call(OUTPUT, "django mail", fields)


class _SendingMany(CallTarget):
    """The place where a backend sends several messages."""

    def __init__(self, module: str, attribute: str, name: str) -> None:
        super().__init__(module, attribute)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        messages = args[1] if len(args) > 1 else kwargs["email_messages"]
        if not isinstance(messages, (list, tuple)):
            return None
        return Call(OUTPUT, "django mail", {"messages": [*map(told, messages)]})


class _Connecting(CallTarget):
    """A place where a backend opens or closes a connection, or a file: what it sends tells all."""

    def __init__(self, module: str, attribute: str, name: str) -> None:
        super().__init__(module, attribute)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, "django mail connection", {})

    def answer_missing(self, call: Call) -> Outcome | None:
        return Outcome(None)


class _IntoFiles(CallTarget):
    """The place where a backend of files makes their folder; in a replay there is none."""

    def __init__(self) -> None:
        super().__init__(_FILES, "EmailBackend.__init__")

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(UNRECORDED, "django mail folder", {}, (args[0], kwargs))

    def answer_missing(self, call: Call) -> Outcome | None:
        backend, kwargs = call.about
        # Django warns of names that are to go, so only those that were given.
        given = {name: kwargs[name] for name in ("alias", "fail_silently") if name in kwargs}
        BaseEmailBackend.__init__(backend, **given)
        return Outcome(None)


def told(message: Any) -> dict[str, Any]:
    """Return a message as plain data; what it does not have is left out."""
    fields: dict[str, Any] = {
        "subject": str(message.subject),
        "body": str(message.body),
        "from_email": str(message.from_email),
    }
    for name in _LISTS:
        addresses = getattr(message, name, None)
        if addresses:
            fields[name] = [*map(str, addresses)]
    if message.extra_headers:
        fields["headers"] = {name: str(value) for name, value in message.extra_headers.items()}
    if message.content_subtype != "plain":
        fields["subtype"] = message.content_subtype
    alternatives = getattr(message, "alternatives", None)
    if alternatives:
        fields["alternatives"] = [[str(content), str(kind)] for content, kind in alternatives]
    if message.attachments:
        fields["attachments"] = [*map(_attached, message.attachments)]
    return fields


def _attached(attachment: Any) -> Any:
    if isinstance(attachment, Message):
        parts = {"name": attachment.get_filename(), "type": attachment.get_content_type()}
        return {**parts, "content": attachment.get_payload(decode=True)}
    name, content, kind = attachment
    plain = content if isinstance(content, (str, bytes)) else content.as_bytes()
    return {"name": name, "content": plain, "type": kind}


def _chosen() -> Iterator[str]:
    mailers = getattr(settings, "MAILERS", None)
    if mailers is not None:
        yield from (each["BACKEND"] for each in mailers.values() if "BACKEND" in each)
    # Django 6.1 warns of who asks `settings` itself, and it is not the project that does.
    elif backend := getattr(settings._wrapped, "EMAIL_BACKEND", None):
        yield backend


def interceptor() -> Interceptor:
    """Return that of messages, and of the backends of Django and of the settings."""
    backends = [*_BACKENDS, *_chosen()]
    targets: list[Target] = [
        _Sending(),
        _IntoFiles(),
        *targets_of(backends, ["send_messages"], _SendingMany),
        *targets_of([*backends, f"{_FILES}.EmailBackend"], ["open", "close"], _Connecting),
    ]
    return Interceptor(library=LIBRARY, distribution="django", targets=targets)
