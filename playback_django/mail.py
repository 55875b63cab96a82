"""Mail by django.core.mail, whatever the backend: a message is an output, as it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any, Final

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, Interceptor, Target, install, uninstall
from playback_core.library_interception import OUTPUT, UNRECORDED, Call
from playback_core.outcome import Outcome
from playback_core.replacing import Function, is_ours
from playback_core.session import current
from playback_django.configured import targets_of

LIBRARY: Final = "django.core.mail"
_MODULE: Final = "django.core.mail.message"
_BACKENDS: Final = tuple(
    f"django.core.mail.backends.{name}.EmailBackend" for name in ("smtp", "locmem", "console")
)
_FILES: Final = "django.core.mail.backends.filebased"
_LISTS: Final = ("to", "cc", "bcc", "reply_to")
_DEFAULT_MAILER: Final = "default"

_by_class: Final[set[str]] = set()


class _Sending(CallTarget):
    """The place where a backend sends messages.

    Not where a message sends itself: Django warns by who has called that, and would find us.
    """

    def __init__(self, module: str, attribute: str, name: str) -> None:
        super().__init__(module, attribute)

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        messages = args[1] if len(args) > 1 else kwargs["email_messages"]
        if not isinstance(messages, (list, tuple)):
            return None
        fields: dict[str, Any] = {"messages": [*map(told, messages)]}
        if len(messages) == 1:
            (fields,) = fields["messages"]
        mailer = getattr(args[0], "alias", None)
        if mailer not in (None, _DEFAULT_MAILER):
            fields["using"] = str(mailer)
        return Call(OUTPUT, "django mail", fields)


class _Addressing(Target):
    """The place where a message says who gets it, which it is asked first.

    What it is to be sent by may be of a class that no setting names.
    """

    def __init__(self) -> None:
        super().__init__(_MODULE, "EmailMessage.recipients")

    def replacement(self, original: Function) -> Function:
        def recipients(message: Any) -> Any:
            if current() is not None:
                own = vars(message)
                connection = own.get("_connection", own.get("connection"))
                if connection is not None:
                    _intercept(type(connection))
            return original(message)

        return recipients


def _intercept(backend: type) -> None:
    if is_ours(getattr(backend, "send_messages", None)):
        return
    path = f"{backend.__module__}.{backend.__qualname__}"
    library = f"{LIBRARY} by {path}"
    _by_class.add(library)
    install(Interceptor(library=library, distribution="django", targets=[*_targets([path])]))


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


def _targets(backends: Iterable[str]) -> Iterator[Target]:
    known = tuple(backends)
    yield from targets_of(known, ["send_messages"], _Sending)
    yield from targets_of([*known, f"{_FILES}.EmailBackend"], ["open", "close"], _Connecting)


def interceptor() -> Interceptor:
    """Return that of messages, and of the backends of Django and of the settings."""
    backends = [*_BACKENDS, *_chosen()]
    targets = [_Addressing(), _IntoFiles(), *_targets(backends)]
    return Interceptor(library=LIBRARY, distribution="django", targets=targets)


def uninstall_more() -> None:
    """Put the originals of backends back that no setting names."""
    while _by_class:
        uninstall(_by_class.pop())
