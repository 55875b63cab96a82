"""Value patterns: a secret is hidden wherever it stands, and nothing else is."""

import collections
import json
import pathlib
import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core.codec import decode, encode, encode_key
from playback_core.codec.pattern_entries import BUILT_IN, entries_of_text, regex_pattern
from playback_core.codec.redaction import Redactor
from playback_core.errors import ForbiddenContentError, SettingsError
from playback_core.http_redaction import HttpRedactor
from tests.core.codec.test_round_trips import VALUES

TOKEN = "tok_aZ09"
PATTERN = r"/\btok_\w+/"
CARD = "4111111111111111"
JWT = "eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM"


def redactor(*patterns: Any, key: bytes = b"key") -> HttpRedactor:
    return HttpRedactor(key=key, patterns=patterns)


@dataclass
class Order:
    note: str


class Labelled(str):
    __slots__ = ("label",)


def error_of(text: str) -> Exception:
    error = LookupError(f"no order for {text}")
    error.add_note(f"asked by {text}")
    error.__cause__ = ValueError(text)
    return error


def cycle_of(text: str) -> Any:
    cycle: list[Any] = [text]
    cycle.append(cycle)
    return cycle


def labelled(text: str) -> Labelled:
    value = Labelled("order")
    value.label = text
    return value


def of_a_class_that_is_gone(text: str) -> Any:
    class Gone:
        def __init__(self) -> None:
            self.note = text

    return Gone()


def deep(text: str) -> Any:
    value: Any = text
    for _ in range(5_000):
        value = [value]
    return value


CARRIERS = [
    lambda text: text,
    lambda text: text.encode(),
    lambda text: bytearray(text.encode()),
    lambda text: f"before {text} after",
    lambda text: b"\xff\x00" + text.encode() + b"\xfe",
    lambda text: f"é{text}é",
    lambda text: text + "\ud800",
    lambda text: {"note": [text, (text, {text})]},
    lambda text: {text: 1},
    lambda text: {(text,): frozenset([text])},
    lambda text: collections.OrderedDict(note=text),
    lambda text: pathlib.PurePosixPath("/orders") / text,
    lambda text: "x" * 100_000 + " " + text,
    lambda text: f"SELECT * FROM orders WHERE token = '{text}'",
    lambda text: f"https://shop.example/orders?token={text}&page=1",
    Order,
    Labelled,
    labelled,
    error_of,
    cycle_of,
    deep,
    of_a_class_that_is_gone,
]


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("around", [lambda v: v, lambda v: [v, 1], lambda v: {"in": (v, 1)}])
def test_a_match_is_hidden_in_whatever_carries_it(carrier: Any, around: Any) -> None:
    hiding = redactor(PATTERN)
    blob = encode(around(carrier(TOKEN)))

    hidden = hiding.value(blob)

    assert TOKEN.encode() not in hidden
    assert hiding.pseudonym(TOKEN).encode() in hidden
    assert hiding.value(hidden) == hidden
    assert hiding.may_change([blob])
    assert type(decode(hidden)) is type(decode(blob))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_key_with_a_match_stays_canonical(carrier: Any) -> None:
    hiding = redactor(PATTERN)

    hidden = hiding.key(encode_key([[carrier(TOKEN)], {}]))

    assert TOKEN.encode() not in hidden
    assert hidden == encode_key(decode(hidden))
    assert hiding.key(hidden) == hidden


def test_the_key_of_a_replay_that_was_given_pseudonyms_is_the_recorded_one() -> None:
    hiding = redactor(PATTERN)
    tokens = {f"tok_{number}" for number in range(50)}
    replayed = decode(hiding.value(encode(tokens)))

    assert hiding.key(encode_key([[tokens], {}])) == hiding.key(encode_key([[replayed], {}]))


@given(VALUES)
def test_a_value_without_a_match_is_kept_to_the_byte(value: Any) -> None:
    hiding = redactor("/never_in_a_value_[0-9]{30}/", lambda text: [])

    assert hiding.value(encode(value)) == encode(value)
    assert hiding.key(encode_key(value)) == encode_key(value)


class TestWhatMatches:
    @pytest.mark.parametrize("regex", [r"/^tok_\w+$/", r"/(?<!\w)tok_\w+(?!\w)/", r"/\Atok_\w+\Z/"])
    def test_what_looks_at_its_neighbours_sees_one_text(self, regex: str) -> None:
        # In MessagePack a letter may stand before it, as its length, and a number behind it.
        for text in (TOKEN, "tok_" + "a" * 93):
            hidden = redactor(regex).value(encode([1, "x", text, 65, "x"]))

            assert text.encode() not in hidden

    def test_of_a_match_with_a_group_named_secret_only_that_is_hidden(self) -> None:
        hiding = redactor(r"/pin=(?P<secret>\d+)/")

        assert hiding.text(b"pin=1234;") == b"pin=" + hiding.pseudonym("1234").encode() + b";"

    def test_a_match_within_one_that_is_hidden_already_stays(self) -> None:
        hiding = redactor(PATTERN, r"/[0-9a-f]{4}/", r"/_/")

        assert hiding.text(TOKEN.encode()).decode() == hiding.pseudonym(TOKEN)

    @given(st.lists(st.sampled_from([TOKEN, "=", "@", "a.b", "1234", " ", "é", "psd_", JWT])))
    def test_hiding_again_changes_nothing(self, parts: list[str]) -> None:
        hiding = redactor(PATTERN, r"/^[\w.]+=/", r"/\d{4}/", r"/.@./", "value:jwt", "value:email")
        hidden = hiding.value(encode("".join(parts)))

        assert hiding.value(hidden) == hidden

    def test_no_character_is_cut(self) -> None:
        hidden = decode(redactor(r"/a../").value(encode("a€uro, aé")))

        assert re.fullmatch(r"psd_[0-9a-f]{24}uro, psd_[0-9a-f]{24}", hidden)

    def test_a_letter_of_another_alphabet_counts_as_one(self) -> None:
        assert "ж" not in decode(redactor("/пароль:ж+/").value(encode("пароль:жжж")))

    def test_the_scheme_and_the_segments_of_a_token_stay(self) -> None:
        hiding = redactor(r"/Bearer \S+/")

        assert hiding.text(f"sent Bearer {JWT}".encode()).decode() == (
            f"sent Bearer {hiding.pseudonym(JWT)}"
        )
        assert hiding.pseudonym(JWT).count(".") == 2

    @pytest.mark.parametrize("text", ["to%6B_aZ09", r"{\"t\": \"\u0074ok_aZ09\"}", "a%2Ftok_aZ09"])
    def test_escapes_of_urls_and_json_hide_nothing(self, text: str) -> None:
        hiding = redactor(PATTERN)

        assert hiding.pseudonym(TOKEN).encode() in hiding.value(encode(text))

    def test_what_stands_around_an_escaped_match_stays(self) -> None:
        hiding = redactor("value:email")
        hidden = hiding.pseudonym("ann").encode()

        assert hiding.text(b"?q=100%25&m=ann%40example.org&n=%20") == (
            b"?q=100%25&m=" + hidden + b"%40example.org&n=%20"
        )

    def test_the_same_secret_has_one_pseudonym_by_name_and_by_pattern(self) -> None:
        hiding = redactor("/пин-[0-9]+/")
        secret = "пин-77"
        expected = hiding.pseudonym(secret)

        assert decode(hiding.value(encode({"password": secret, "note": secret.encode()}))) == {
            "password": expected,
            "note": expected.encode(),
        }
        form = hiding.body("application/x-www-form-urlencoded", f"password={secret}".encode())
        assert form == f"password={expected}".encode()


class TestBuiltIn:
    @pytest.mark.parametrize(
        "text", [CARD, "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005"]
    )
    def test_card_numbers(self, text: str) -> None:
        digits = re.sub(r"\D", "", text)
        hiding = redactor("value:card")

        assert hiding.text(f"paid 4 with {text}.".encode()).decode() == (
            f"paid 4 with {hiding.pseudonym(digits)}."
        )

    @pytest.mark.parametrize(
        "text", ["4111111111111112", "1700000000000000000", "id4111111111111111", "0." + CARD]
    )
    def test_other_numbers_stay(self, text: str) -> None:
        assert redactor("value:card").text(text.encode()) == text.encode()

    def test_tokens(self) -> None:
        hiding = redactor("value:jwt", "value:bearer")
        text = f"{JWT} and Bearer abcdefgh, bearer of news"

        assert hiding.text(text.encode()).decode() == (
            f"{hiding.pseudonym(JWT)} and Bearer {hiding.pseudonym('abcdefgh')}, bearer of news"
        )

    def test_of_an_email_address_the_domain_stays(self) -> None:
        hiding = redactor("value:email")

        assert hiding.text(b"<ann.b@example.org>").decode() == (
            f"<{hiding.pseudonym('ann.b')}@example.org>"
        )

    @pytest.mark.parametrize("name", BUILT_IN)
    def test_none_is_found_where_none_is_suspected(self, name: str) -> None:
        for text in (CARD, "4111 1111 1111 1111", JWT, f"Bearer {JWT}", "ann@example.org"):
            blob = encode({"a": [1, text, 2]})
            if redactor(f"value:{name}").text(text.encode()) != text.encode():
                assert BUILT_IN[name].suspects(blob)


class TestHttp:
    def test_numbers_of_json_bodies_become_texts(self) -> None:
        hiding = redactor("value:card")
        body = json.dumps({"card": int(CARD), "cards": [CARD], CARD: None, "ok": True}).encode()
        hidden = hiding.pseudonym(CARD)

        assert json.loads(hiding.body("application/json", body)) == {
            "card": hidden,
            "cards": [hidden],
            hidden: None,
            "ok": True,
        }

    def test_a_body_that_only_looks_like_json_is_searched_as_text(self) -> None:
        hiding = redactor(PATTERN)

        for body in (b'{"a": tok_1', b'["\\ud800", "tok_1"]', b"[" * 100_000 + b"tok_1"):
            assert b"tok_1" not in hiding.body("application/json", body)

    @pytest.mark.parametrize(
        "content_type", ["text/html", "application/x-www-form-urlencoded", "application/json", ""]
    )
    def test_bodies_of_all_types(self, content_type: str) -> None:
        hiding = redactor(PATTERN)
        body = f"password=a&token={TOKEN}".encode()

        hidden = hiding.body(content_type, body)

        assert TOKEN.encode() not in hidden
        assert hiding.pseudonym(TOKEN).encode() in hidden


class TestFunctions:
    def test_what_a_function_names_is_hidden_everywhere(self) -> None:
        def codes_in(text: str) -> list[str]:
            return [word for word in text.split() if word.endswith("!")] + [""]

        hiding = redactor(codes_in)

        assert decode(hiding.value(encode(["a code! b", b"a code!", 1]))) == [
            f"a {hiding.pseudonym('code!')} b",
            f"a {hiding.pseudonym('code!')}".encode(),
            1,
        ]

    def test_the_longest_goes_first(self) -> None:
        hiding = redactor(lambda text: ["ab", "abc"] if "psd" not in text else [])

        assert hiding.text(b"abc") == hiding.pseudonym("abc").encode()

    @pytest.mark.parametrize("value", ["a", ("a", error_of("b"))])
    def test_its_exception_comes_through(self, value: Any) -> None:
        def broken(text: str) -> list[str]:
            raise LookupError("no such vault")

        with pytest.raises(LookupError, match="no such vault"):
            redactor(broken).value(encode(value))


class TestForbidden:
    @pytest.mark.parametrize("carrier", CARRIERS)
    def test_what_holds_a_match_is_refused_by_the_name_of_the_pattern(self, carrier: Any) -> None:
        refusing = Redactor(key=b"key", forbidden=[r"shop token=/\btok_\w+/"])
        refusing.check([None, encode(carrier("tak_1"))])

        with pytest.raises(ForbiddenContentError, match="shop token") as caught:
            refusing.check([encode(1), encode(carrier(TOKEN))])

        assert caught.value.pattern == "shop token"
        assert TOKEN not in str(caught.value)


class TestWriting:
    def test_text_is_split_at_commas_outside_of_patterns(self) -> None:
        text = r" a-b , /x{1,2}\/,/, n=/a,b/,value:card,,c/d, /z/ "

        assert entries_of_text(text) == [
            *("a-b", r"/x{1,2}\/,/", "n=/a,b/", "value:card", "c/d", "/z/"),
        ]

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ("/(/", r"/\(/ is no regular expression: missing \)"),
            ("/a*/", "matches where there is nothing"),
            ("/[aé]/", r"write \[aé\] as alternatives"),
            ("/open", "does not end with one"),
            ("value:iban", "choose from value:card, value:jwt"),
            ("name", "write /name/"),
            (" ", "no text"),
            (3, "no text"),
        ],
    )
    def test_what_is_no_pattern_is_refused(self, entry: Any, told: str) -> None:
        with pytest.raises(SettingsError, match=told):
            redactor(entry)

    def test_a_pattern_without_a_name_is_called_by_its_number_as_it_may_be_the_secret(self) -> None:
        refusing = Redactor(key=b"key", forbidden=["value:card", "/hunter2/"])

        with pytest.raises(ForbiddenContentError, match="'pattern 2'") as caught:
            refusing.check([encode("hunter2")])

        assert "hunter2" not in str(caught.value)

    @given(
        st.sampled_from(
            [r"a\b", r"^ab", r"[\^$]b", r"a|^b", r"(?i)AB", r"a{1,2}b$", r"\Bb", r"(?:a|b)c", "é+"]
        ),
        st.text("abcé^$B ", max_size=8),
    )
    def test_a_match_is_always_suspected_in_what_is_encoded(self, regex: str, text: str) -> None:
        pattern = regex_pattern("a", regex)

        if any(pattern.spans(text.encode())):
            assert pattern.suspects(encode(["b", text, 97]))
