import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from playback_core import (
    DamagedRecordingError,
    InMemoryTapeCassette,
    NoSuchRecording,
    Opaque,
    PlaybackError,
    SettingsError,
    TapeRecorder,
)
from playback_core.codec.redaction import Redactor
from playback_core.commands import (
    CompareOptions,
    ExitCode,
    ListOptions,
    choose_report,
    compare_recordings,
    error_line,
    exit_code,
    list_recordings,
    parse_metadata,
    parse_since,
    parse_size,
    prune_recordings,
    replay_recording,
    show_recording,
)
from playback_core.studio import (
    ComparatorResult,
    Comparison,
    DefaultTuner,
    EqualityStatus,
    compare_values,
)
from playback_core.studio.reports import JsonReport, PlainReport
from playback_core.studio.summary import Comparisons

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)
recorder = TapeRecorder()
rate = 2


@recorder.intercept_input("price")
def price(name: str) -> int:
    return len(name)


@recorder.operation(category="orders", metadata_extractor=lambda name: {"name": name})
def order(name: str) -> dict[str, int]:
    if name == "\x1b[31mfail":
        raise ValueError(name)
    return {"total": price(name) * rate}


@recorder.operation(category="stopped")
def stopped() -> None:
    raise KeyboardInterrupt


@recorder.operation(category="ping")
def ping() -> str:
    return "pong"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def cassette(monkeypatch: pytest.MonkeyPatch) -> InMemoryTapeCassette:
    cassette = InMemoryTapeCassette()
    monkeypatch.setattr(recorder, "tape_cassette", cassette)
    with recorder.enabled_recording():
        for name in ("tea", "milk", "coffee"):
            order(name)
        ping()
    return cassette


def change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "rate", 3)


def compared(**options: Any) -> tuple[Counter[EqualityStatus], str]:
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions(**options))
    out = io.StringIO()
    choose_report(out).comparisons(comparisons)
    return comparisons.counts, out.getvalue()


def test_list_gives_the_newest_of_each_category_first(cassette: InMemoryTapeCassette) -> None:
    rows = list(list_recordings(cassette, ListOptions(limit=2)))
    assert [row.category for row in rows] == ["orders", "orders", "ping"]
    assert rows[0].recording_id > rows[1].recording_id
    assert {row.kind for row in rows} == {"function"}
    assert all(row.duration is not None and row.recorded_at is not None for row in rows)


def test_list_filters(cassette: InMemoryTapeCassette) -> None:
    milk = ListOptions(categories=("orders",), metadata={"name": "m*"})
    assert len(list(list_recordings(cassette, milk))) == 1
    tomorrow = ListOptions(since=datetime.now(UTC) + timedelta(days=1))
    assert not list(list_recordings(cassette, tomorrow))


def test_an_unknown_category_is_refused_with_the_known_ones(
    cassette: InMemoryTapeCassette,
) -> None:
    with pytest.raises(SettingsError, match=r"No recordings of category 'order'.*orders, ping"):
        list(list_recordings(cassette, ListOptions(categories=("order",))))
    with pytest.raises(SettingsError, match="No recordings of category"):
        compare_recordings(recorder, DefaultTuner(), CompareOptions(categories=("order",)))


def test_show_tells_metadata_and_entries(cassette: InMemoryTapeCassette) -> None:
    recording_id = cassette.get_all_recording_ids()[0]
    detail = show_recording(cassette, recording_id)
    assert detail.metadata["name"] == '"tea"'
    by_kind = {entry.kind: entry for entry in detail.entries}
    assert by_kind["input"].arguments == '{"args": ["tea"], "kwargs": {}}'
    assert by_kind["input"].result == "3"
    assert "total" in str(by_kind["output"].arguments)


def test_an_unknown_recording_is_refused(cassette: InMemoryTapeCassette) -> None:
    unknown = "orders/20260101/none"
    with pytest.raises(NoSuchRecording):
        show_recording(cassette, unknown)
    with pytest.raises(NoSuchRecording):
        replay_recording(recorder, unknown, DefaultTuner())
    with pytest.raises(PlaybackError):
        compare_recordings(recorder, DefaultTuner(), CompareOptions(recording_ids=(unknown,)))
    with pytest.raises(PlaybackError):
        compare_recordings(recorder, DefaultTuner(), CompareOptions(recording_ids=("nonsense",)))


def test_replay_gives_the_comparison_with_its_playback(cassette: InMemoryTapeCassette) -> None:
    recording_id = cassette.get_all_recording_ids()[0]
    comparison = replay_recording(recorder, recording_id, DefaultTuner())
    assert str(comparison) == "Equal"
    assert comparison.playback.original_recording.id == recording_id
    assert comparison.actual[-1].value["args"] == [{"total": 6}]


def test_compare_of_unchanged_code_is_all_equal() -> None:
    counts, text = compared()
    assert counts == {EqualityStatus.Equal: 4}
    assert exit_code(counts) is ExitCode.ALL_EQUAL
    assert text.splitlines()[-1] == "4 compared: 4 Equal; sealed: python"


def test_compare_of_changed_code_shows_the_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch)
    counts, text = compared()
    assert counts == {EqualityStatus.Equal: 1, EqualityStatus.Different: 3}
    assert exit_code(counts) is ExitCode.DIFFERENCES
    assert "result['total']: 6 -> 9" in text


def test_compare_takes_named_categories_a_limit_and_metadata() -> None:
    assert compared(categories=("ping",))[0].total() == 1
    assert compared(categories=("orders",), limit=2)[0].total() == 2
    assert compared(categories=("orders",), metadata={"name": "milk"})[0].total() == 1


def test_compare_takes_recording_ids(cassette: InMemoryTapeCassette) -> None:
    ids = tuple(cassette.get_all_recording_ids()[:2])
    assert compared(recording_ids=ids)[0].total() == 2
    with pytest.raises(SettingsError, match="not both"):
        CompareOptions(categories=("ping",), recording_ids=ids)


def test_nothing_found_is_nothing_verified() -> None:
    counts, text = compared(since=datetime.now(UTC) + timedelta(days=1))
    assert exit_code(counts) is ExitCode.NOTHING_VERIFIED
    assert "Nothing verified" in text


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_cassette_without_recordings_verifies_nothing(
    cassette: InMemoryTapeCassette, stream: type[io.StringIO]
) -> None:
    prune_recordings(cassette, datetime.now(UTC) + timedelta(days=1))
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions())
    out = stream()
    choose_report(out).comparisons(comparisons)
    assert exit_code(comparisons.counts) is ExitCode.NOTHING_VERIFIED
    assert out.getvalue().endswith("Nothing verified: no recording was compared.\n")


def compared_by_presence() -> Comparisons:
    then, now = (Redactor(key=key).pseudonym("secret") for key in (b"then", b"now"))
    result = ComparatorResult(EqualityStatus.Equal, None, compare_values([then], [now]))
    comparison = Comparison(result, None, None, False, False, None, "login/1")
    return Comparisons({"login": iter([comparison])}, total=1)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_summary_says_what_was_compared_by_presence_only(stream: type[io.StringIO]) -> None:
    out = stream()
    choose_report(out).comparisons(compared_by_presence())
    summary = "1 compared: 1 Equal; compared by presence only: 1 redacted value(s);"
    assert f"{summary} set PLAYBACK_REDACT_KEY" in " ".join(out.getvalue().split())


def test_json_names_the_rule_of_redacted_values() -> None:
    out = io.StringIO()
    choose_report(out, as_json=True).comparisons(compared_by_presence())
    ((row,),) = json.loads(out.getvalue())["categories"].values()
    assert row["status"] == "Equal"
    assert [(each["path"], each["kind"], each["rule"]) for each in row["diff"]] == [
        ("value[0]", "ignored", "redacted")
    ]


def record_stopped(times: int) -> None:
    with recorder.enabled_recording():
        for _ in range(times):
            with pytest.raises(KeyboardInterrupt):
                stopped()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_summary_counts_the_incomplete_recordings_it_leaves_out(
    stream: type[io.StringIO],
) -> None:
    record_stopped(3)
    out = stream()
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions())
    choose_report(out).comparisons(comparisons)
    assert exit_code(comparisons.counts) is ExitCode.ALL_EQUAL
    summary = "4 compared: 4 Equal; sealed: python; left out: 3 incomplete, all of stopped"
    assert summary in " ".join(out.getvalue().split())


def test_with_nothing_but_incomplete_recordings_nothing_is_verified() -> None:
    record_stopped(2)
    counts, text = compared(categories=("stopped",))
    assert exit_code(counts) is ExitCode.NOTHING_VERIFIED
    assert text == "Nothing verified: no recording was compared; left out: 2 incomplete.\n"


def test_the_summary_says_of_what_there_is_more_than_the_limit() -> None:
    assert compared(limit=3)[1].splitlines()[-1] == "4 compared: 4 Equal; sealed: python"
    summary = compared(limit=2)[1].splitlines()[-1]
    assert summary == (
        "3 compared: 3 Equal; sealed: python; left out: more than the limit of orders"
    )


def test_what_is_left_out_lies_in_the_time_and_metadata_asked_for() -> None:
    record_stopped(1)
    assert "left out" not in compared(metadata={"name": "tea"}, categories=("orders",))[1]
    assert "1 incomplete" not in compared(metadata={"name": "tea"})[1]
    assert "incomplete" not in compared(since=datetime.now(UTC) + timedelta(days=1))[1]


def test_json_of_compare_counts_what_is_left_out() -> None:
    record_stopped(2)
    out = io.StringIO()
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions(limit=2))
    choose_report(out, as_json=True).comparisons(comparisons)
    document = json.loads(out.getvalue())
    assert document["left_out"] == {
        "orders": {"incomplete": 0, "beyond_limit": True},
        "stopped": {"incomplete": 2, "beyond_limit": False},
    }
    assert document["categories"]["stopped"] == []


def test_comparisons_are_made_while_iterated() -> None:
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions())
    assert (comparisons.total, comparisons.counts.total()) == (4, 0)
    next(iter(comparisons))
    assert comparisons.counts.total() == 1


def test_an_interrupt_between_comparisons_lets_what_is_being_written_be_finished() -> None:
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions())
    rows = iter(comparisons)
    next(rows)
    comparisons.interrupt()
    assert next(rows, None) is None
    assert (comparisons.interrupted, comparisons.counts.total()) == (True, 1)
    assert comparisons.counted() == "Interrupted: 1 of 4 compared: 1 Equal; sealed: python"
    with pytest.raises(KeyboardInterrupt):
        comparisons.interrupt()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_an_interrupted_comparison_is_none(stream: type[io.StringIO]) -> None:
    def interrupted() -> Iterator[Comparison]:
        raise KeyboardInterrupt
        yield

    out = stream()
    choose_report(out).comparisons(Comparisons({"orders": interrupted()}, total=3))
    assert out.getvalue().endswith("Interrupted: 0 of 3 compared: nothing verified\n")


def test_a_recorder_without_a_cassette_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "tape_cassette", None)
    with pytest.raises(PlaybackError, match="cassette"):
        compare_recordings(recorder, DefaultTuner(), CompareOptions())


def test_prune_removes_what_is_older(cassette: InMemoryTapeCassette) -> None:
    assert prune_recordings(cassette, parse_since("1d")) == 0
    assert prune_recordings(cassette, datetime.now(UTC) + timedelta(seconds=1)) == 4
    assert not cassette.get_all_recording_ids()


def test_prune_removes_the_oldest_beyond_a_size(cassette: InMemoryTapeCassette) -> None:
    assert prune_recordings(cassette, max_bytes=parse_size("1MB")) == 0
    count = len(cassette.get_all_recording_ids())
    assert prune_recordings(cassette, parse_since("1d"), max_bytes=parse_size("0")) == count


def test_prune_has_to_be_told_what_to_remove(cassette: InMemoryTapeCassette) -> None:
    with pytest.raises(SettingsError, match=r"--older-than .* --max-size"):
        prune_recordings(cassette)


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500 * 1024**2), ("2 GiB", 2 * 1024**3), ("512k", 524288), ("7", 7)]
)
def test_sizes_are_read_as_in_settings(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1", "5 apples", "9" * 400])
def test_what_is_no_size_says_how_to_write_one(text: str) -> None:
    with pytest.raises(SettingsError, match="500MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({}, ExitCode.NOTHING_VERIFIED),
        ({EqualityStatus.Equal: 3}, ExitCode.ALL_EQUAL),
        ({EqualityStatus.Equal: 3, EqualityStatus.Different: 1}, ExitCode.DIFFERENCES),
        ({EqualityStatus.Failed: 1}, ExitCode.DIFFERENCES),
        ({EqualityStatus.Equal: 3, EqualityStatus.Fixed: 1}, ExitCode.DIFFERENCES),
        ({EqualityStatus.Equal: 3, EqualityStatus.EqualizerFailure: 1}, ExitCode.REPLAY_FAILURES),
        ({EqualityStatus.Different: 1, EqualityStatus.EqualizerFailure: 1}, ExitCode.DIFFERENCES),
        ({EqualityStatus.Equal: 0}, ExitCode.NOTHING_VERIFIED),
    ],
)
def test_the_exit_code_is_zero_only_if_all_are_equal(
    counts: dict[EqualityStatus, int], code: ExitCode
) -> None:
    assert exit_code(counts) is code


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        (" 2w ", NOW - timedelta(weeks=2)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_since_is_an_age_or_a_date(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7 days", "yesterday", "9" * 30 + "d"])
def test_since_refuses_other_texts(text: str) -> None:
    with pytest.raises(SettingsError, match="Not a time"):
        parse_since(text, NOW)


def test_metadata_values_are_json_or_text() -> None:
    pairs = ["n=3", "name=tea=green", 'plan=["a", "b"]', "odd={", "none=null", "nan=NaN", "e="]
    assert parse_metadata(pairs) == {
        "n": 3,
        "name": "tea=green",
        "plan": ["a", "b"],
        "odd": "{",
        "none": None,
        "nan": "NaN",
        "e": "",
    }


@pytest.mark.parametrize("pairs", [["name"], ["=tea"], ["a=1", "a=2"]])
def test_metadata_refuses_other_texts(pairs: list[str]) -> None:
    with pytest.raises(SettingsError):
        parse_metadata(pairs)


def test_errors_are_one_line_without_control_characters() -> None:
    assert error_line(SettingsError("a\nb \x1b[31mred")) == "a b \\x1b[31mred"


def test_json_of_compare_has_categories_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch)
    out = io.StringIO()
    comparisons = compare_recordings(recorder, DefaultTuner(), CompareOptions())
    choose_report(out, as_json=True).comparisons(comparisons)
    document = json.loads(out.getvalue())
    assert list(document["categories"]) == ["orders", "ping"]
    first = document["categories"]["orders"][0]
    assert first["status"] == "Different"
    assert first["message"] == "result['total']: 6 -> 9"
    assert first["diff"] == [
        {"path": "result['total']", "kind": "changed", "recorded": "6", "replayed": "9"}
    ]
    assert document["counts"] == {
        "Equal": 1,
        "Fixed": 0,
        "Different": 3,
        "Failed": 0,
        "EqualizerFailure": 0,
    }


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("as_json", [False, True])
def test_every_report_writes_every_result(
    cassette: InMemoryTapeCassette, stream: Any, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder.enabled_recording(), pytest.raises(ValueError, match="fail"):
        order("\x1b[31mfail")
    change(monkeypatch)
    out = stream()
    report = choose_report(out, as_json=as_json)
    recording_id = cassette.get_all_recording_ids()[0]
    report.recordings(list_recordings(cassette, ListOptions()))
    report.recording(show_recording(cassette, recording_id))
    report.replay(replay_recording(recorder, recording_id, DefaultTuner()))
    report.comparisons(compare_recordings(recorder, DefaultTuner(), CompareOptions()))
    report.pruned(prune_recordings(cassette, NOW))
    text = out.getvalue()
    assert "\x1b[31mfail" not in text
    assert "Different" in text
    assert "raised" in text


def test_a_terminal_gets_tables_and_a_pipe_plain_text() -> None:
    from playback_core.studio.reports.rich import RichReport

    assert isinstance(choose_report(Terminal()), RichReport)
    assert isinstance(choose_report(io.StringIO()), PlainReport)
    assert isinstance(choose_report(Terminal(), as_json=True), JsonReport)


def test_a_terminal_without_rich_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "playback_core.studio.reports.rich", raising=False)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert isinstance(choose_report(Terminal()), PlainReport)


def test_plain_text_fits_the_encoding_of_its_stream(cassette: InMemoryTapeCassette) -> None:
    raw = io.BytesIO()
    with recorder.enabled_recording():
        order("čaj")
    out = io.TextIOWrapper(raw, encoding="ascii")
    options = ListOptions(metadata={"name": "čaj"})
    (row,) = list_recordings(cassette, options)
    PlainReport(out).recording(show_recording(cassette, row.recording_id))
    assert b"\\u010d" in raw.getvalue()


def test_importing_the_commands_loads_neither_click_nor_rich() -> None:
    script = (
        "import sys, playback_core.commands\n"
        "print([name for name in ('click', 'rich', 'jinja2', 'flask') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


class Unlisted(InMemoryTapeCassette):
    def iter_categories(self) -> Iterator[str]:
        raise SettingsError("cannot list its categories; name the category")


class Damaged(InMemoryTapeCassette):
    def get_recording_metadata(self, recording_id: str) -> dict[str, Any]:
        if recording_id == self.get_all_recording_ids()[0]:
            raise DamagedRecordingError(f"Recording {recording_id} is damaged")
        if recording_id == self.get_all_recording_ids()[1]:
            raise NoSuchRecording(recording_id)
        return super().get_recording_metadata(recording_id)


def test_a_cassette_that_cannot_list_takes_named_categories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "tape_cassette", Unlisted())
    with recorder.enabled_recording():
        ping()
    assert compared(categories=("ping",))[0].total() == 1
    with pytest.raises(SettingsError, match="name the category"):
        compared()


def test_a_damaged_recording_is_a_row_and_a_pruned_one_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damaged = Damaged()
    monkeypatch.setattr(recorder, "tape_cassette", damaged)
    with recorder.enabled_recording():
        for _ in range(3):
            ping()
    rows = list(list_recordings(damaged, ListOptions()))
    assert [bool(row.damaged) for row in rows] == [False, True]
    assert "damaged" in rows[1].remarks


@pytest.mark.parametrize(
    ("diff", "written"),
    [
        (None, None),
        ("a -> b", "a -> b"),
        (["a", {"b": 1}], ["a", {"b": 1}]),
        ([float("nan")], "[NaN]"),
        ({1, 2}, "{1, 2}"),
    ],
)
def test_a_users_own_diff_is_reported(diff: Any, written: Any) -> None:
    result = ComparatorResult(EqualityStatus.Different, "why", diff)
    comparison = Comparison(result, None, None, False, False, None, "a/1/2")
    out, text = io.StringIO(), io.StringIO()
    JsonReport(out).comparisons(Comparisons({"a": iter([comparison])}, total=1))
    (row,) = json.loads(out.getvalue())["categories"]["a"]
    assert row["diff"] == written
    PlainReport(text).comparisons(Comparisons({"a": iter([comparison])}, total=1))
    assert "Different" in text.getvalue()


def test_metadata_of_foreign_types_is_shown_as_text(cassette: InMemoryTapeCassette) -> None:
    recording = cassette.create_new_recording("foreign")
    odd = Opaque("app.Odd", "Odd(1)")
    names = (TapeRecorder.KIND, TapeRecorder.RECORDED_AT, TapeRecorder.DURATION)
    recording.add_metadata(dict.fromkeys(names, odd))
    cassette.save_recording(recording)
    (row,) = list_recordings(cassette, ListOptions(categories=("foreign",)))
    assert "Odd(1)" in str(row.kind)
    assert row.duration is None
