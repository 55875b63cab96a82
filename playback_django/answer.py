"""`recorded_response`: a response of Django on its way to a server of WSGI, recorded with it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from weakref import ref

from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse

from playback_core.exchanges.shed_exchange import AnswerTaking
from playback_core.wsgi.answer import close_within, recorded_answer, take_whole

_GIVE_THEIR_CONTENT: Final = (HttpResponse.__iter__, SimpleTemplateResponse.__iter__)


def recorded_response(exchange: AnswerTaking, answer: Iterable[bytes]) -> Iterable[bytes]:
    """Return what to give the server: the response itself, unless it is streamed.

    So what stands between a server and Django finds its status, headers and content.
    """
    gives = getattr(type(answer), "__iter__", None)
    if gives not in _GIVE_THEIR_CONTENT or "close" in vars(answer):
        return recorded_answer(exchange, answer)
    take_whole(exchange, answer)
    vars(answer)["close"] = _Close(exchange, answer)
    return answer


class _Close:
    """Closes a response within its operation, which ends with the response where nobody does."""

    __slots__ = ("_exchange", "_response")

    def __init__(self, exchange: AnswerTaking, response: Any) -> None:
        self._exchange = exchange
        # With itself in it a response would be there until a collection.
        self._response = ref(response)

    def __call__(self) -> None:
        response = self._response()
        if response is not None:
            close_within(self._exchange, partial(type(response).close, response))

    def __del__(self) -> None:
        self._exchange.finish()
