"""Classes that are stored by a form: as fields that say what a value is."""

from typing import Any

from playback_core import InMemoryTapeCassette, TapeRecorder
from playback_core.codec import Form, decode, describe, encode, encode_key, store_by_form
from playback_core.http_redaction import HttpRedactor
from playback_core.studio import compare_values


class Query:
    """Asks when it is looked at; `rows` are None until then."""

    def __init__(self, text: str) -> None:
        self.text, self.rows, self.others = text, None, object()  # type: ignore[var-annotated]

    @property
    def __class__(self) -> Any:
        raise AssertionError("it was looked at")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it was looked at")

    __hash__ = None  # type: ignore[assignment]


class Narrowed(Query):
    pass


class QueryForm(Form):
    def fields(self, value: Any) -> dict[str, Any]:
        own = vars(value)
        return {"text": own["text"], "rows": own["rows"]}

    def fill(self, value: Any, fields: dict[str, Any]) -> None:
        vars(value).update(fields)

    def is_put_off(self, value: Any) -> bool:
        return vars(value)["rows"] is None


store_by_form(Query, QueryForm())


def test_it_comes_back_with_its_fields_and_those_below_it_too():
    for kind in (Query, Narrowed):
        again = decode(encode(kind("all")))
        assert type(again) is kind
        assert vars(again) == {"text": "all", "rows": None}


def test_one_that_holds_itself_comes_back_holding_itself():
    query = Query("all")
    query.rows = [query]
    again = decode(encode([query, query]))
    assert again[0] is again[1]
    assert again[0].rows[0] is again[0]


def test_keys_and_texts_are_of_its_fields():
    one, other = Query("all"), Query("all")
    assert encode_key(one) == encode_key(other)
    assert describe(one) == 'tests.core.codec.test_forms.Query(rows=null, text="all")'
    other.text = "some"
    assert encode_key(one) != encode_key(other)


def test_two_are_compared_by_their_fields():
    assert not compare_values(Query("all"), Query("all")).found
    (difference,) = compare_values(Query("all"), Query("some")).found
    assert str(difference) == 'value.text: "all" -> "some"'


def test_a_secret_among_its_fields_or_rows_is_hidden():
    redactor = HttpRedactor(key=b"k" * 16)
    query = Query("all")
    query.rows = [{"password": "a secret"}]
    blob = redactor.value(encode([query]))
    assert b"a secret" not in blob
    assert redactor.pseudonym("a secret").encode() in blob
    assert type(decode(blob)[0]) is Query


def test_an_input_that_returned_what_was_not_computed_yet_runs_again_in_a_replay():
    cassette, made, asked = InMemoryTapeCassette(), [], []
    recorder = TapeRecorder(cassette)
    recorder.enable_recording()

    @recorder.intercept_input("query")
    def make_query(text: str) -> Any:
        made.append(text)
        return Query(text)

    @recorder.intercept_input("rows")
    def read_rows(text: str) -> int:
        asked.append(text)
        return len(text)

    @recorder.operation(category="operation")
    def run() -> int:
        return read_rows(vars(make_query("all"))["text"])

    assert run() == 3
    (recording_id,) = cassette.iter_recording_ids("operation")
    playback = recorder.play(recording_id, lambda recording: run())
    assert not playback.missed
    assert (made, asked) == (["all", "all"], ["all"])
