"""What a request and its answer are recorded as is made when they are stored, not before."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import InMemoryTapeCassette, Recording, TapeRecorder
from playback_core.codec import decode, encode, encode_plain
from playback_core.codec.redaction import Redactor
from playback_core.operation import OpenOperation, OperationStart
from playback_core.recording_session import as_it_is_now

REQUEST = TapeRecorder.OPERATION_REQUEST
RESPONSE = f"output: {TapeRecorder.OPERATION_OUTPUT_ALIAS} #1.output"


class _Exchange:
    size = 1234
    redacted_by: object = None

    def __init__(self, fault: Exception | None = None) -> None:
        self.made: list[str] = []
        self._fault = fault

    def request(self) -> dict[str, Any]:
        self.made.append("request")
        return {"path": "/"}

    def response(self) -> dict[str, Any]:
        self.made.append("response")
        if self._fault is not None:
            raise self._fault
        return {"status": 200, "body": b"fine"}


class _Keeping(InMemoryTapeCassette):
    """Takes recordings, and stores none until told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Recording] = []

    def _save_recording(self, recording: Recording) -> None:
        self.taken.append(recording)

    def store(self) -> Recording:
        (recording,) = self.taken
        super()._save_recording(recording)
        return self.get_recording(recording.id)


def _open(
    tape: InMemoryTapeCassette, redaction: Redactor | None = None
) -> tuple[TapeRecorder, OpenOperation]:
    recorder = TapeRecorder(tape)
    recorder.redaction = redaction
    recorder.enable_recording()
    operation = recorder.open_operation(OperationStart(category="view"))
    assert operation is not None
    return recorder, operation


def test_an_answer_is_made_when_the_recording_is_stored():
    tape, exchange = _Keeping(), _Exchange()
    recorder, operation = _open(tape)
    operation.answer(exchange)
    assert recorder.counters == {"recorded": 1}
    assert exchange.made == []
    assert tape.taken[0].size == 1234
    stored = tape.store()
    assert stored.get_data(REQUEST) == {"path": "/"}
    assert stored.get_data(RESPONSE) == {
        "args": [{"status": 200, "body": b"fine"}],
        "kwargs": {},
    }
    assert exchange.made == ["request", "response"]


def test_it_is_made_once_for_whoever_looks_at_the_entries():
    tape, exchange = _Keeping(), _Exchange()
    _, operation = _open(tape)
    operation.answer(exchange)
    (recording,) = tape.taken
    assert recording.get_all_keys() == [REQUEST, RESPONSE]
    assert recording.entries is recording.entries
    assert exchange.made == ["request", "response"]


def test_an_answer_that_cannot_be_made_leaves_no_recording_without_it():
    tape, exchange = _Keeping(), _Exchange(LookupError("no answer"))
    _, operation = _open(tape)
    operation.answer(exchange)
    for _ in range(2):
        with pytest.raises(LookupError, match="no answer"):
            tape.store()
    assert tape.get_all_recording_ids() == []


@pytest.mark.parametrize("whose", [None, Redactor(key=b"another's")])
def test_an_answer_is_redacted_unless_that_was_done_by_the_very_same(whose):
    tape, exchange = _Keeping(), _Exchange()
    _, operation = _open(tape, Redactor(key=b"k" * 16, fields=["path"]))
    exchange.redacted_by = whose
    operation.answer(exchange)
    assert tape.store().get_data(REQUEST)["path"].startswith("psd_")


def test_where_storing_does_not_wait_the_fault_costs_that_recording_alone():
    tape = InMemoryTapeCassette()
    recorder, operation = _open(tape)
    operation.answer(_Exchange(LookupError("no answer")))
    assert tape.get_all_recording_ids() == []
    assert recorder.counters == {"failed": 1}


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(_PLAIN)
def test_plain_data_is_encoded_as_any_value_is(value):
    assert decode(encode_plain(value)) == value
    assert encode_plain(value) == encode(value)


@pytest.mark.parametrize("value", [(1, 2), {"day": date(2026, 1, 31)}, "\ud800", {1: 2}, 2**70])
def test_what_is_not_plain_is_kept_exactly_all_the_same(value):
    assert decode(encode_plain(value)) == value
    assert type(decode(encode_plain(value))) is type(value)


def test_metadata_is_copied_as_deep_as_it_can_change():
    tags = ["a"]
    metadata = {"status": 200, "tags": tags}
    taken, plain = as_it_is_now(metadata), as_it_is_now({"status": 200})
    tags.append("b")
    metadata["status"] = 500
    assert taken == {"status": 200, "tags": ["a"]}
    assert plain == {"status": 200}
