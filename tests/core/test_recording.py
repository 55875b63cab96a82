from collections.abc import Callable
from typing import Any

import pytest

from playback_core import (
    DamagedRecordingError,
    EntryKind,
    InMemoryTapeCassette,
    Output,
    Playback,
    Recording,
    RecordingKeyError,
    SettingsError,
    TapeRecorder,
    packing,
)
from playback_core.codec import Limits
from playback_core.errors import EncodeError

Load = Callable[[], Recording]


@pytest.fixture
def recording(recorder: TapeRecorder, last_recording: Load) -> Recording:
    """An operation's recording with every kind of entry, some of them repeated."""
    answers = iter([1, 2, LookupError("gone")])

    @recorder.intercept_input("read")
    def read(key: str) -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @recorder.intercept_output("send")
    def send(value: Any, *, to: str = "") -> str:
        return f"sent {value}"

    @recorder.operation(category="inner")
    def inner() -> str:
        return "inner result"

    @recorder.operation(category="outer")
    def outer() -> str:
        send(read("a"))
        recorder.record_data("note", {"n": 1})
        send(read("a"), to="b")
        inner()
        with pytest.raises(LookupError):
            read("c")
        return "result"

    outer()
    return last_recording()


def test_keys_come_once_each_in_the_order_they_first_came(recording: Recording) -> None:
    assert recording.get_all_keys() == [
        "_tape_recorder_operation_request",
        'input: read args=["a"], kwargs={}',
        "output: send #1.output",
        "output: send #1.result",
        "note",
        "output: send #2.output",
        "output: send #2.result",
        "span: inner #1.output",
        "span: inner #1.result",
        'input: read args=["c"], kwargs={}',
        "output: _tape_recorder_operation #1.output",
    ]


def test_a_repeated_input_gives_its_last_value(recording: Recording) -> None:
    assert recording.get_data('input: read args=["a"], kwargs={}') == {"value": 2}


def test_an_input_that_raised_gives_its_exception(recording: Recording) -> None:
    data = recording['input: read args=["c"], kwargs={}']

    assert set(data) == {"exception"}
    assert isinstance(data["exception"], LookupError)


def test_outputs_are_numbered_by_alias_in_stored_order(recording: Recording) -> None:
    assert recording["output: send #1.output"] == {"args": [1], "kwargs": {}}
    assert recording["output: send #2.output"] == {"args": [2], "kwargs": {"to": "b"}}
    assert recording["output: send #2.result"] == {"value": "sent 2"}
    assert recording.outputs() == [
        Output("output: send #1.output", {"args": [1], "kwargs": {}}),
        Output("output: send #2.output", {"args": [2], "kwargs": {"to": "b"}}),
        Output("output: _tape_recorder_operation #1.output", {"args": ["result"], "kwargs": {}}),
    ]


def test_the_entries_are_every_call_in_order(recording: Recording) -> None:
    calls = [
        (entry.kind, entry.alias)
        for entry in recording.entries
        if entry.kind in (EntryKind.INPUT, EntryKind.OUTPUT)
    ]

    assert calls == [
        (EntryKind.INPUT, "read"),
        (EntryKind.OUTPUT, "send"),
        (EntryKind.INPUT, "read"),
        (EntryKind.OUTPUT, "send"),
        (EntryKind.INPUT, "read"),
        (EntryKind.OUTPUT, "_tape_recorder_operation"),
    ]
    assert [entry.failed for entry in recording.entries if entry.alias == "read"] == [
        False,
        False,
        True,
    ]


def test_values_are_fresh_at_each_call(recording: Recording) -> None:
    recording["note"]["n"] = 2
    recording.get_metadata().clear()

    assert recording["note"] == {"n": 1}
    assert recording.get_metadata() != {}


def test_a_key_it_does_not_have_is_an_error_that_names_both(recording: Recording) -> None:
    with pytest.raises(RecordingKeyError, match=r"'other'.*get_all_keys") as raised:
        recording.get_data("other")

    assert recording.id in str(raised.value)


def test_an_id_is_the_category_the_day_and_what_makes_it_unique(recording: Recording) -> None:
    category, day, unique = recording.id.split("/")

    assert (category, recording.category) == ("outer", "outer")
    assert len(day) == 8
    assert day.isdigit()
    assert unique


class TestWritingByHand:
    def test_data_and_metadata_may_be_added_until_it_is_saved(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recording = cassette.create_new_recording("by hand")
        recording.set_data("one", [1])
        recording["two"] = (2,)
        recording.add_metadata({"a": 1})
        recording.add_metadata({"b": 2})
        cassette.save_recording(recording)

        loaded = cassette.get_recording(recording.id)
        assert loaded.get_all_keys() == ["one", "two"]
        assert (loaded["one"], loaded["two"]) == ([1], (2,))
        assert loaded.get_metadata() == {"a": 1, "b": 2}

    @pytest.mark.parametrize("ending", ["save_recording", "abort_recording"])
    def test_a_closed_one_refuses_more(self, cassette: InMemoryTapeCassette, ending: str) -> None:
        recording = cassette.create_new_recording("by hand")
        getattr(cassette, ending)(recording)

        with pytest.raises(SettingsError, match="closed"):
            recording.set_data("one", 1)
        with pytest.raises(SettingsError, match="closed"):
            recording.add_metadata({"a": 1})

    def test_a_loaded_one_refuses_more(self, recording: Recording) -> None:
        with pytest.raises(SettingsError, match=recording.id):
            recording["more"] = 1

    def test_a_key_of_ones_own_that_reads_like_an_output_is_not_one(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recording = cassette.create_new_recording("by hand")
        recording.set_data("output: mine #1.output", 1)

        assert recording.outputs() == []


class TestPacking:
    def test_what_is_packed_is_unpacked(self, recording: Recording) -> None:
        again = Recording.unpack(recording.pack())

        assert again.id == recording.id
        assert again.started_at == recording.started_at
        assert again.get_all_keys() == recording.get_all_keys()
        assert again.outputs() == recording.outputs()
        assert again.get_metadata() == recording.get_metadata()
        assert [entry.branch for entry in again.entries] == [
            entry.branch for entry in recording.entries
        ]

    @pytest.mark.parametrize("cut", [0, 1, 10, -1])
    def test_bytes_that_are_cut_short_are_said_to_be_damaged(
        self, recording: Recording, cut: int
    ) -> None:
        from dataclasses import replace

        packed = recording.pack()
        damaged = replace(packed, payload=packed.payload[:cut])

        with pytest.raises(DamagedRecordingError, match=recording.id):
            Recording.unpack(damaged)

    def test_the_times_of_entries_rise_within_the_operation(self, recording: Recording) -> None:
        times = [entry.at for entry in recording.entries if entry.result and entry.arguments]
        duration = recording.get_metadata()[TapeRecorder.DURATION] * 1e9

        assert all(0 <= at <= duration for at in times)


def test_a_playback_has_entries_of_its_recording(
    recorder: TapeRecorder, replay: Callable[[Callable[[], Any]], Playback]
) -> None:
    read = recorder.intercept_input("read")(lambda: 1)

    @recorder.operation()
    def execute() -> int:
        return read()

    execute()
    playback = replay(execute)

    assert all(entry in playback.original_recording.entries for entry in playback.consumed)
    assert [entry.alias for entry in playback.consumed] == [
        "read",
        TapeRecorder.OPERATION_OUTPUT_ALIAS,
    ]


@pytest.mark.parametrize("category", ["", None, 5])
def test_a_recording_needs_a_category(cassette: InMemoryTapeCassette, category: Any) -> None:
    with pytest.raises(SettingsError, match=f"category is {category!r}"):
        cassette.create_new_recording(category)


@pytest.mark.parametrize("key", [None, 5, b"key", ("a",)])
def test_a_key_of_ones_own_is_a_text(cassette: InMemoryTapeCassette, key: Any) -> None:
    recording = cassette.create_new_recording("by hand")

    with pytest.raises(SettingsError, match="key of data"):
        recording.set_data(key, 1)
    assert recording.entries == []


def test_an_operation_without_a_category_does_not_hurt(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    with recorder.start_recording("", {}):
        pass

    assert cassette.get_all_recording_ids() == []
    assert recorder.counters["failed"] == 1


class TestLimits:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packing, "DEFAULT_LIMITS", Limits(max_bytes=1_000_000))

    def test_a_recording_over_the_limit_is_refused_and_named(
        self, cassette: InMemoryTapeCassette
    ) -> None:
        recording = cassette.create_new_recording("by hand")
        for number in range(5):
            recording.set_data(str(number), bytes(250_000))

        with pytest.raises(EncodeError, match=rf"{recording.id}.* 5 entries .* 1,000,000"):
            cassette.save_recording(recording)
        assert cassette.get_all_recording_ids() == []

    def test_an_operation_over_the_limit_counts_as_failed(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        read = recorder.intercept_input("read")(lambda: bytes(2_000_000))

        assert len(recorder.operation()(read)()) == 2_000_000
        assert recorder.counters["failed"] == 1
        assert cassette.get_all_recording_ids() == []

    def test_one_that_was_stored_before_is_not_called_damaged(
        self, cassette: InMemoryTapeCassette, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recording = cassette.create_new_recording("by hand")
        recording.set_data("key", bytes(900_000))
        packed = recording.pack()
        monkeypatch.setattr(packing, "DEFAULT_LIMITS", Limits(max_bytes=1_000))

        with pytest.raises(DamagedRecordingError, match=r"cannot be read: .* limit") as raised:
            Recording.unpack(packed)
        assert "damaged" not in str(raised.value)


def test_a_value_that_could_not_be_read_back_counts_as_failed(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette
) -> None:
    read = recorder.intercept_input("read")(lambda: [0] * 5_000_001)

    assert len(recorder.operation()(read)()) == 5_000_001
    assert recorder.counters["failed"] == 1
    assert cassette.get_all_recording_ids() == []


@pytest.mark.parametrize("name", ["a\udcff", "\ud83d\ude00", "\ud800", "ä", "plain"])
def test_an_alias_and_a_key_may_have_lone_surrogates(
    recorder: TapeRecorder, cassette: InMemoryTapeCassette, name: str
) -> None:
    read = recorder.intercept_input(name)(lambda: 1)

    @recorder.operation(category=name)
    def execute() -> int:
        recorder.record_data(name, 2)
        return read()

    execute()
    [recording_id] = cassette.iter_recording_ids(name)
    recording = cassette.get_recording(recording_id)
    assert recording.category == name
    assert recording[name] == 2
    assert name in [entry.alias for entry in recording.entries if entry.kind is EntryKind.INPUT]
    assert recorder.play(recording_id, lambda recording: execute()).missed == []
