"""What the replays of recorded requests have in common, whatever runs them."""

from collections.abc import Collection
from typing import Any

from playback_core.errors import RecordingKeyError, TapeRecorderException
from playback_core.http_exchange import RecordedRequest
from playback_core.interception_key import output_key
from playback_core.metadata import KIND, OPERATION_OUTPUT_ALIAS, OPERATION_REQUEST
from playback_core.playback_session import PlaybackSession
from playback_core.recording import Recording
from playback_core.session import Session


def request_of(recording: Recording, kind: str) -> RecordedRequest:
    """Return the HTTP request of a recording; raise TapeRecorderException where it holds none."""
    found: RecordedRequest = stored_request(  # type: ignore[assignment]
        recording, kind, RecordedRequest.__required_keys__
    )
    return found


def stored_request(recording: Recording, kind: str, keys: Collection[str]) -> dict[str, Any]:
    """Return the request of a recording, which has some keys.

    Raise TapeRecorderException where it holds none, or one of another kind.
    """
    try:
        request = recording.get_data(OPERATION_REQUEST)
    except RecordingKeyError as error:
        raise TapeRecorderException(
            f"Recording {recording.id} holds no request; its kind is"
            f" {recording.get_metadata().get(KIND)!r}."
        ) from error
    if not isinstance(request, dict) or not request.keys() >= set(keys):
        raise TapeRecorderException(
            f"The request of recording {recording.id} is not one of {kind}."
        )
    return request


def bytes_of_partial(recording: Recording) -> int | None:
    """Return how many bytes went out before the client left; None where it did not."""
    key = output_key(OPERATION_OUTPUT_ALIAS, 1, "output")
    try:
        (response,) = recording.get_data(key)["args"]
    except RecordingKeyError:
        return None
    if isinstance(response, dict) and response.get("partial"):
        return len(response["body"])
    return None


def unread_body(read: int, recording: Recording, session: Session | None) -> RecordingKeyError:
    """Return the error for reading more of a body than the `read` bytes that are recorded.

    It is noted on the session, where that is a replay.
    """
    hint = (
        f"This is an unrecorded input: the recorded code read {read} bytes of the request's"
        " body and this code reads more. Record the request again with this code."
    )
    if isinstance(session, PlaybackSession):
        return session.miss("request body", "request body", hint)
    return RecordingKeyError(f"Not in recording {recording.id}: request body. {hint}")
