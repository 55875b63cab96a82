"""What a message to a worker says, as plain data that two runs have in common."""

import hashlib
from collections.abc import Mapping, Sized
from typing import Any, Final

from celery import Celery

from playback_celery.generated_ids import IdNames
from playback_celery.serialised import as_received
from playback_celery.task_arguments import concealed_arguments, known_task
from playback_core.codec import encode_key
from playback_core.packing import Redaction
from playback_core.session import Session

_IDS: Final = ("task_id", "group_id", "root_id", "parent_id")
# How it is sent, and what only this process or this run knows.
_LEFT_OUT: Final = frozenset(
    {"name", "args", "kwargs", "producer", "publisher", "connection", "router", "route_name"}
    | {"result_cls", "add_to_parent", "task_type", "reply_to", "origin"}
    | {"retry", "retry_policy"}
)
_MARK: Final = '"subtask_type"'
_SIGNATURE: Final = frozenset({"task", "args", "kwargs", "options", "subtask_type"})


class Message:
    """One message as it is told: by what the worker will get, secrets and made-up ids apart."""

    def __init__(
        self, app: Celery, session: Session | None, redaction: Redaction | None = None
    ) -> None:
        self._app = app
        self._ids = IdNames(session)
        self._redaction = redaction if session is None else session.redaction
        self._limit = None if session is None else session.interceptor_options.body_limit

    def fields(self, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a message by the options of `Celery.send_task`."""
        told = {
            key: self._option(key, value)
            for key, value in options.items()
            if key not in _LEFT_OUT and not _is_unset(value)
        }
        args, kwargs = options.get("args") or (), options.get("kwargs") or {}
        payload, size = self._payload({"args": args, "kwargs": kwargs, **told}, options)
        payload["args"] = self._concealed(name, payload["args"])
        if self._limit is not None and size > self._limit:
            _cut(payload, size)
        return {"task": name, **payload}

    def signature(self, signature: Any) -> Any:
        """Return a signature, or whatever may hold some, as plain data."""
        if isinstance(signature, Mapping):
            if signature.keys() >= _SIGNATURE:
                return self._signature(signature)
            return {key: self.signature(value) for key, value in signature.items()}
        if isinstance(signature, (list, tuple)):
            return [self.signature(each) for each in signature]
        return signature

    def _signature(self, signature: Mapping[str, Any]) -> dict[str, Any]:
        told = {key: self.signature(value) for key, value in signature.items()}
        told["args"] = self._concealed(signature["task"], told["args"] or [])
        options = told["options"] or {}
        told["options"] = {
            key: self._ids.named(value) if key in _IDS else value
            for key, value in options.items()
            if key != "reply_to"
        }
        return told

    def _option(self, key: str, value: Any) -> Any:
        if key in _IDS:
            return self._ids.named(value)
        # A queue or an exchange of kombu; a signature has a name, too.
        return value if isinstance(value, Mapping) else getattr(value, "name", value)

    def _payload(
        self, data: dict[str, Any], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int]:
        """Return it as the worker will get it, and its size where that is known."""
        serializer = options.get("serializer") or self._serializer(options.get("task_type"))
        told, text = as_received(data, serializer)
        may_hold_signatures = text is None or _MARK in text
        return (self._told(told) if may_hold_signatures else told), len(text or "")

    def _told(self, data: dict[str, Any]) -> dict[str, Any]:
        return {key: self.signature(value) for key, value in data.items()}

    def _serializer(self, task: Any) -> Any:
        return getattr(task, "serializer", None) or self._app.conf.task_serializer

    def _concealed(self, name: Any, args: list[Any]) -> list[Any]:
        if self._redaction is None:
            return args
        return concealed_arguments(known_task(self._app, name), args, self._redaction)


def _is_unset(value: Any) -> bool:
    # A zero is set: what expires in 0 seconds is another message.
    return value is None or value is False or (isinstance(value, Sized) and not len(value))


def _cut(payload: dict[str, Any], size: int) -> None:
    """Leave of arguments their size and digest, by which they are compared."""
    for part in ("args", "kwargs"):
        digest = hashlib.sha256(encode_key(payload[part])).hexdigest()
        payload[part] = {"cut": True, "sha256": digest}
    payload["size"] = size
