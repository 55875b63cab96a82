"""AWS by `botocore`, and so by `boto3`: each call of a client is one, whatever retries it takes.

What a client does by itself goes on in a replay: pages, waiting, presigned URLs, transfers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from playback_core.codec import Deferred, decode, encode, snapshot
from playback_core.interceptor import CallTarget, Interceptor
from playback_core.interceptors._aws_errors import given_error, stored_error
from playback_core.interceptors._aws_uploads import Upload
from playback_core.interceptors._aws_values import (
    at_its_end,
    restored_values,
    stored_values,
    told_params,
)
from playback_core.interceptors._received import ReceivedResponse
from playback_core.interceptors._urllib3 import replayed_urllib3_response
from playback_core.interceptors._wire import received_response
from playback_core.library_interception import INPUT, OUTPUT, UNRECORDED, Call, Missing
from playback_core.metadata import NOT_REPLAYABLE
from playback_core.outcome import Outcome
from playback_core.recording_session import RecordingSession
from playback_core.session import Session

_READS: Final = re.compile(
    "BatchGet|Check|Count|Describe|Estimate|Filter|Find|Get|Head|List|Lookup|Preview|Query"
    "|Retrieve|Scan|Search|Select|Simulate|TransactGet|Validate|Verify"
)

# The providers of credentials that ask nobody.
_LOCAL_PROVIDERS: Final = ("env", "shared-credentials-file", "config-file", "boto-config")
_STAND_IN: Final = "PLAYBACK"


class _ApiCalls(CallTarget):
    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        client, operation, params = _parts(*args, **kwargs)
        meta = client.meta
        service = meta.service_model.service_name
        kind = INPUT if is_read(operation) else OUTPUT
        endpoint = meta.endpoint_url
        alias = f"aws {service} {operation}"
        upload = Upload(kind, alias, params)
        call = Call(kind, alias, {}, (client, operation, params, upload))
        if not upload.names:
            call.fields = {"endpoint": endpoint, "params": told_params(params)}
            return call
        told = told_params({name: params[name] for name in params.keys() - set(upload.names)})

        def fields() -> dict[str, Any]:
            contents = upload.contents()
            return {"endpoint": endpoint, "params": {**told, **contents}, **upload.cuts()}

        call.fields_later = fields
        return call

    def normalised(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {"params": fields["params"]}

    def keep(self, call: Call, value: Any, session: Session) -> tuple[Any, Any]:
        from botocore.eventstream import EventStream
        from botocore.response import StreamingBody

        name = next(
            (key for key, part in value.items() if isinstance(part, (StreamingBody, EventStream))),
            None,
        )
        if name is None:
            return value, [stored_values(value, session.redaction)]
        body = value[name]
        others = {key: part for key, part in value.items() if key != name}
        plain = stored_values(others, session.redaction)
        raw = getattr(body._raw_stream, "_original_response", None)
        is_begun = isinstance(body, EventStream) and not _protocol(call.about[0]).startswith("rest")
        if raw is None or is_begun:
            if isinstance(session, RecordingSession):
                what = f"the body of {call.alias} could not be kept from its beginning"
                session.add_metadata({NOT_REPLAYABLE: what})
            return value, [plain]
        is_enforced = body._raw_stream.enforce_content_length
        return value, _Streamed(plain, name, received_response(call, raw, session), is_enforced)

    def keep_error(self, call: Call, error: BaseException) -> BaseException:
        upload = call.about[3]
        upload.fail()
        return stored_error(error)

    def answer(self, call: Call, stored: Any, missing: Missing) -> Any:
        client, operation, params, _ = call.about
        for part in params.values():
            at_its_end(part)
        response = restored_values(stored[0])
        if len(stored) > 1:
            name, received, *known = stored[1:]
            raw = replayed_urllib3_response(
                received,
                missing,
                "GET",
                preload_content=False,
                decode_content=False,
                # Else the end of a body that is too short would be an error of another kind.
                enforce_content_length=bool(known and known[0]),
            )
            response[name] = _body(client, operation, raw)
        return response

    def answer_error(self, call: Call, error: BaseException) -> BaseException:
        return given_error(error, call.about[0])


class _Streamed(Deferred):
    """A response whose body the application reads: what it said, and the body as it is read."""

    __slots__ = ("_is_enforced", "_name", "_plain", "_received")

    def __init__(
        self, plain: dict[str, Any], name: str, received: ReceivedResponse, is_enforced: bool
    ) -> None:
        self._plain = snapshot(plain)
        self._name = name
        self._received = received
        self._is_enforced = is_enforced

    def encode(self) -> bytes:
        plain = self._plain if isinstance(self._plain, bytes) else self._plain.encode()
        return encode([decode(plain), self._name, self._received.stored(), self._is_enforced])

    def __len__(self) -> int:
        return len(self._plain) + len(self._received)


class _Credentials(CallTarget):
    """Finding out who the application is: its own business; a replay asks nobody.

    It signs nothing that is sent. Where nothing local says who it is, it is nobody in particular.
    """

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        return Call(UNRECORDED, "aws credentials", {}, args[0])

    def answer_missing(self, call: Call) -> Outcome | None:
        from botocore.credentials import Credentials

        for provider in call.about.providers:
            if provider.METHOD in _LOCAL_PROVIDERS:
                found = provider.load()
                if found is not None:
                    return Outcome(found)
        return Outcome(Credentials(_STAND_IN, _STAND_IN))


@lru_cache(maxsize=512)
def is_read(operation: str) -> bool:
    """Tell whether an operation only reads, by its name; one that is not known does not."""
    return _READS.match(operation) is not None


def _parts(client: Any, operation_name: str, api_params: Any) -> tuple[Any, str, dict[str, Any]]:
    return client, operation_name, api_params


def _protocol(client: Any) -> str:
    model = client.meta.service_model
    return str(getattr(model, "resolved_protocol", None) or model.metadata.get("protocol"))


def _body(client: Any, operation: str, raw: Any) -> Any:
    from botocore.parsers import create_parser
    from botocore.response import StreamingBody

    shape = client.meta.service_model.operation_model(operation).get_event_stream_output()
    if shape is None:
        return StreamingBody(raw, raw.headers.get("content-length"))
    answer = {"body": raw, "context": {"operation_name": operation}}
    return create_parser(_protocol(client))._create_event_stream(answer, shape)


INTERCEPTOR: Final = Interceptor(
    library="botocore",
    targets=[
        _ApiCalls("botocore.client", "BaseClient._make_api_call"),
        _Credentials("botocore.credentials", "CredentialResolver.load_credentials"),
    ],
)
