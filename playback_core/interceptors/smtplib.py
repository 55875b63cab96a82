"""Mail by `smtplib`: each message is an output, what the server answers is an input."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Set
from functools import wraps
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any, Final

from playback_core.interception import Args, Kwargs
from playback_core.interceptor import CallTarget, InputTarget, Interceptor, Target
from playback_core.library_interception import INPUT, OUTPUT, Call, Missing
from playback_core.session import current

_COMMAND: Final = "_playback_command"
_WITH_ARGUMENTS: Final = frozenset({"EHLO", "EXPN", "HELO", "HELP", "LHLO", "MAIL", "RCPT", "VRFY"})
_ALONE: Final = frozenset({"NOOP", "QUIT", "RSET", "STARTTLS"})
_CLOSING: Final = 421


class _ReplayedConnection(socket.socket):
    """Stands for the connection to a server: what is sent ends here."""

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Take what is sent."""


class _Connecting(CallTarget):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _connecting(*args, **kwargs)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        client = call.about
        client.sock = _ReplayedConnection()
        client.file = None
        return stored


def _connecting(
    client: Any, host: Any = "localhost", port: Any = 0, source_address: Any = None
) -> Call:
    return Call(INPUT, "smtplib connect", {"host": host, "port": port}, client)


class _Talking(CallTarget):
    """A place where the server may end the conversation, and the client closes its side then."""

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if _closes(error):
            call.about.close()
        return error


def _closes(error: BaseException) -> bool:
    if isinstance(error, SMTPRecipientsRefused):
        return any(code == _CLOSING for code, _ in error.recipients.values())
    code = getattr(error, "smtp_code", None)
    return isinstance(error, SMTPServerDisconnected) or code == _CLOSING


class _Reply(_Talking):
    """The answer to a command, found again by the command."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        client = args[0]
        verb, fields = vars(client).get(_COMMAND, ("reply", {}))
        return Call(INPUT, f"smtplib {verb}", fields, client)

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        call.about.close()
        return error


class _Sending(Target):
    """Notes the command that the next reply is to; it is kept without what may be a secret."""

    def replacement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def send(client: Any, s: Any) -> Any:
            branch = current()
            if branch is not None and branch.intercepting:
                vars(client)[_COMMAND] = _command(s)
            return original(client, s)

        return send


def _command(line: Any) -> tuple[str, dict[str, Any]]:
    words = line.split() if isinstance(line, str) else []
    verb = words[0].upper() if words else ""
    if verb in _WITH_ARGUMENTS:
        return verb, {"arguments": words[1:]}
    if verb == "AUTH":
        # What follows the mechanism is the secret, and so is a line that no verb begins.
        return verb, {"arguments": words[1:2]}
    return (verb, {}) if verb in _ALONE else ("command", {})


class _Greeting(Target):
    def replacement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def ehlo_or_helo_if_needed(client: Any) -> Any:
            branch = current()
            if branch is not None and branch.sealed and not _is_replayed(client):
                # A connection from before the operation: it was greeted then.
                return None
            return original(client)

        return ehlo_or_helo_if_needed


def _is_replayed(client: Any) -> bool:
    return isinstance(client.sock, _ReplayedConnection)


class _Greeted(_Talking):
    """A call that begins with the greeting, which is recorded as a call of its own."""

    def replacement(self, original: Callable[..., Any]) -> Callable[..., Any]:
        intercepted = super().replacement(original)

        @wraps(original)
        def greeted(client: Any, *args: Any, **kwargs: Any) -> Any:
            branch = current()
            if branch is not None and branch.intercepting:
                client.ehlo_or_helo_if_needed()
            return intercepted(client, *args, **kwargs)

        return greeted


class _StartedTls(_Greeted):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return Call(INPUT, "smtplib starttls", {}, args[0])

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        # What was known of the server is void under TLS.
        client = call.about
        client.file = client.helo_resp = client.ehlo_resp = None
        client.esmtp_features = {}
        client.does_esmtp = False
        return stored


class _Login(_Greeted):
    """The password is no part of what is stored, and may be another one in a replay."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _logged_in(*args, **kwargs)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        client, client.user, client.password = call.about
        return stored

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        if _closes(error):
            call.about[0].close()
        return error


def _logged_in(client: Any, user: Any, password: Any, **options: Any) -> Call:
    return Call(INPUT, "smtplib login", {"user": user}, (client, user, password))


class _SentMail(_Greeted):
    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _sent(*args, **kwargs)


def _sent(
    client: Any,
    from_addr: Any,
    to_addrs: Any,
    msg: Any,
    mail_options: Any = (),
    rcpt_options: Any = (),
) -> Call:
    fields = {
        "from": from_addr,
        "to": _recipients(to_addrs),
        "message": msg,
        "mail_options": list(mail_options),
        "rcpt_options": list(rcpt_options),
    }
    return Call(OUTPUT, "smtplib sendmail", fields, client)


def _recipients(addresses: Any) -> Any:
    if isinstance(addresses, str):
        return [addresses]
    # In a set their order has no meaning; what only its reader can use up is the library's.
    if isinstance(addresses, Set):
        return sorted(addresses)
    return list(addresses) if isinstance(addresses, Collection) else None


class _SentData(_Talking):
    """A message in a transaction that the application makes step by step."""

    def describe(self, args: Args, kwargs: Kwargs) -> Call | None:
        return _data(*args, **kwargs)


def _data(client: Any, msg: Any) -> Call:
    return Call(OUTPUT, "smtplib data", {"message": msg}, client)


def _message_id(idstring: Any = None, domain: Any = None) -> dict[str, Any]:
    return {"idstring": idstring, "domain": domain}


class _Told(InputTarget):
    """What tells of this machine; applications import it by its name."""

    by_name = True


_TOLD_OF_THE_MACHINE: Final = [
    # It has the number of the process in it.
    _Told("email.utils", "make_msgid", alias="email make_msgid", fields=_message_id),
    _Told("socket", "getfqdn", alias="socket getfqdn", fields=lambda name="": {"name": name}),
    _Told("socket", "gethostname", alias="socket gethostname", fields=dict),
    _Told(
        "socket",
        "gethostbyname",
        alias="socket gethostbyname",
        fields=lambda hostname: {"name": hostname},
    ),
]

INTERCEPTOR: Final = Interceptor(
    library="smtplib",
    targets=[
        _Connecting("smtplib", "SMTP.connect"),
        _Connecting("smtplib", "LMTP.connect"),
        _Sending("smtplib", "SMTP.send"),
        _Reply("smtplib", "SMTP.getreply"),
        _Greeting("smtplib", "SMTP.ehlo_or_helo_if_needed"),
        _StartedTls("smtplib", "SMTP.starttls"),
        _Login("smtplib", "SMTP.login"),
        _SentMail("smtplib", "SMTP.sendmail"),
        _SentData("smtplib", "SMTP.data"),
        *_TOLD_OF_THE_MACHINE,
    ],
)
