"""Mail by `smtplib`: each message handed to a server is an output."""

from __future__ import annotations

from typing import Any, Final

from playback_core.interceptor import CallTarget, Interceptor
from playback_core.library_interception import OUTPUT, Call

_ADDRESSES = tuple[str, ...]


class _SentMail(CallTarget):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        return Call(OUTPUT, "smtplib: sendmail", _sent(*args, **kwargs))


def _sent(
    client: Any,
    from_addr: str,
    to_addrs: Any,
    msg: Any,
    mail_options: Any = (),
    rcpt_options: Any = (),
) -> dict[str, Any]:
    recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
    return {"from": from_addr, "to": recipients, "message": msg}


INTERCEPTOR: Final = Interceptor(
    library="smtplib",
    targets=[_SentMail("smtplib", "SMTP.sendmail")],
)
