import asyncio
import collections
import enum
import gc
import gzip
import json
import pickle
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playback_core import InMemoryTapeCassette, Playback, Recording, TapeRecorder
from playback_core.codec import decode, encode, encode_key
from playback_core.codec.redaction import Redactor, is_pseudonym
from playback_core.content_codings import decoded, encoded
from playback_core.http_exchange import redacted_environ, redacted_response
from playback_core.http_redaction import HttpRedactor

Load = Callable[[], Recording]
Replay = Callable[[Callable[[], Any]], Playback]

SECRET = "hunter2-hunter2"
_CUT = (
    b'{"name": "ann", "token": 47110815, "pass\\u0077ord": "hunter\\"2", "x": {"secret": "hunter2'
)
JWT = "eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM"


@pytest.fixture
def redactor() -> HttpRedactor:
    return HttpRedactor(key=b"k" * 16)


texts = st.text(min_size=1) | st.sampled_from([SECRET, JWT, f"Bearer {JWT}", "Basic dTpw"])


class TestPseudonyms:
    @given(texts, texts)
    def test_the_same_secret_has_the_same_one_and_others_have_others(
        self, one: str, other: str
    ) -> None:
        first, second = Redactor(key=b"key"), Redactor(key=b"key")

        assert (first.pseudonym(one) == second.pseudonym(other)) == (one == other)

    @given(texts)
    def test_one_is_its_own_pseudonym(self, text: str) -> None:
        redactor = Redactor(key=b"key")
        once = redactor.pseudonym(text)

        assert redactor.pseudonym(once) == once

    def test_another_key_gives_another_one(self) -> None:
        assert Redactor(key=b"a").pseudonym(SECRET) != Redactor(key=b"b").pseudonym(SECRET)

    def test_another_process_has_the_same_ones(self, redactor: HttpRedactor) -> None:
        sent = pickle.loads(pickle.dumps(redactor))

        assert sent.pseudonym(SECRET) == redactor.pseudonym(SECRET)
        assert sent.unseal(redactor.seal(b"drawn")) == b"drawn"

    def test_it_does_not_show_the_secret(self, redactor: Redactor) -> None:
        assert is_pseudonym(redactor.pseudonym(SECRET))
        assert SECRET not in redactor.pseudonym(SECRET)

    @pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Token", "bearer"])
    def test_the_scheme_of_an_authorization_stays(self, redactor: Redactor, scheme: str) -> None:
        kept, _, secret = redactor.pseudonym(f"{scheme} {SECRET}").partition(" ")

        assert kept == scheme
        assert secret == redactor.pseudonym(SECRET)

    def test_the_segments_of_a_token_stay(self, redactor: Redactor) -> None:
        segments = redactor.pseudonym(f"Bearer {JWT}").removeprefix("Bearer ").split(".")

        assert len(segments) == 3
        assert all(map(is_pseudonym, segments))

    def test_an_empty_text_stays(self, redactor: Redactor) -> None:
        assert redactor.pseudonym("") == ""

    @pytest.mark.parametrize("value", [None, True, False])
    def test_what_says_whether_there_is_a_secret_stays(
        self, redactor: Redactor, value: Any
    ) -> None:
        assert redactor.concealed(value) is value

    @pytest.mark.parametrize(
        "value",
        [
            SECRET.encode(),
            bytearray(SECRET.encode()),
            [SECRET, [SECRET]],
            (SECRET, 1),
            {"value": SECRET},
            12345678901234,
            3.14159,
        ],
    )
    def test_a_secret_of_any_type_is_hidden_and_hiding_it_again_changes_nothing(
        self, redactor: Redactor, value: Any
    ) -> None:
        hidden = redactor.concealed(value)

        assert not any(part in repr(hidden) for part in (SECRET, "12345678901234", "3.14159"))
        assert redactor.concealed(hidden) == hidden


@dataclass
class Login:
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class FrozenLogin:
    user: str
    password: str


@attrs.define
class AttrsLogin:
    user: str
    password: str


class NamedLogin(NamedTuple):
    user: str
    password: str


class PydanticLogin(pydantic.BaseModel):
    user: str
    password: str


class PlainLogin:
    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password


class SpecialDict(dict[str, Any]):
    pass


def in_exception(user: str, password: str) -> Exception:
    return ValueError("no such login", {"user": user, "password": password})


def in_itself(user: str, password: str) -> Any:
    login: dict[str, Any] = {"user": user, "password": password}
    login["again"] = [login]
    return login


def in_a_cycle(value: Any) -> Any:
    cycle = [value]
    cycle.append(cycle)
    return cycle


def deep(value: Any) -> Any:
    for _ in range(100):
        value = (value,)
    return value


CARRIERS = [
    dict,
    collections.OrderedDict,
    SpecialDict,
    Login,
    FrozenLogin,
    AttrsLogin,
    NamedLogin,
    PydanticLogin,
    PlainLogin,
    in_exception,
    in_itself,
]


class TestValues:
    @pytest.mark.parametrize("carrier", CARRIERS)
    @pytest.mark.parametrize("around", [lambda v: v, lambda v: [v], lambda v: {"in": (v, 1)}])
    def test_named_fields_are_hidden_in_whatever_carries_them(
        self, redactor: Redactor, carrier: Any, around: Any
    ) -> None:
        blob = redactor.value(encode(around(carrier(user="ann", password=SECRET))))

        assert SECRET.encode() not in blob
        assert redactor.pseudonym(SECRET).encode() in blob
        assert b"ann" in blob
        assert redactor.value(blob) == blob
        assert type(decode(blob)) is type(around(carrier(user="ann", password="")))

    def test_names_are_told_in_any_case(self, redactor: Redactor) -> None:
        assert SECRET.encode() not in redactor.value(encode({"PassWord": SECRET}))

    @pytest.mark.parametrize(
        "name",
        [
            "token",
            "access_token",
            "accessToken",
            "api_key",
            "apikey",
            "api-key",
            "clientSecret",
            "secret",
            "passwd",
            "new_password1",
            "passwordConfirmation",
            "SecretAccessKey",
            "SecretString",
            "SSECustomerKey",
            "MasterUserPassword",
        ],
    )
    def test_what_is_commonly_secret_is_named_from_the_start(
        self, redactor: HttpRedactor, name: str
    ) -> None:
        assert SECRET.encode() not in redactor.value(encode({name: SECRET}))
        assert SECRET.encode() not in redactor.body(
            "application/json", json.dumps({name: SECRET}).encode()
        )
        assert SECRET not in redactor.query(f"{name}={SECRET}")

    @pytest.mark.parametrize("name", ["csrf_token", "next_page_token", "has_secret_key", "pin"])
    def test_names_that_hold_another_one_are_others(
        self, redactor: HttpRedactor, name: str
    ) -> None:
        blob = encode({name: SECRET})

        assert redactor.value(blob) == blob

    @given(
        names=st.sets(st.text("ab", min_size=1, max_size=4), max_size=6),
        name=st.text("ab", min_size=1, max_size=5),
    )
    def test_any_set_of_names_hides_just_those(self, names: set[str], name: str) -> None:
        hidden = Redactor(key=b"key", fields=names).value(encode({"x": 1, name: SECRET}))

        assert (SECRET.encode() not in hidden) == (name in names)

    def test_names_of_other_alphabets_are_told_in_any_case(self) -> None:
        redactor = Redactor(key=b"key", fields=["Пароль"])

        assert SECRET.encode() not in redactor.value(encode({"ПАРОЛЬ": SECRET}))

    @pytest.mark.parametrize("name", [b"password", b"Access_Token"])
    def test_names_that_are_bytes_are_told_too(self, redactor: Redactor, name: bytes) -> None:
        hidden = decode(redactor.value(encode([{name: SECRET.encode(), b"age": b"3"}])))
        assert hidden[0][name] == redactor.pseudonym(SECRET).encode()
        assert hidden[0][b"age"] == b"3"

    def test_a_value_without_a_named_field_is_left_as_it_is(self, redactor: Redactor) -> None:
        blob = encode({"user": "ann", "note": "a password is needed"})

        assert redactor.value(blob) == blob

    def test_keys_stay_keys(self, redactor: Redactor) -> None:
        key = encode_key([["ann"], {"password": SECRET, "user": "ann"}])

        hidden = redactor.key(key)

        assert SECRET.encode() not in hidden
        assert hidden == encode_key(decode(hidden))
        assert redactor.key(hidden) == hidden

    @pytest.mark.parametrize("user", ["", "ann", "ann" * 30, "ann" * 300, "ann" * 30_000])
    @pytest.mark.parametrize("around", [lambda v: v, lambda v: {"in": (v, 1)}, in_a_cycle, deep])
    def test_a_named_tuple_of_any_size_is_hidden_whatever_it_is_in(
        self, redactor: Redactor, user: str, around: Any
    ) -> None:
        value = around(NamedLogin(user, SECRET))

        assert SECRET.encode() not in redactor.value(encode(value))
        assert SECRET.encode() not in redactor.key(encode_key([[value], {}]))

    def test_an_equals_sign_in_a_typed_value_is_no_named_tuple(self, redactor: Redactor) -> None:
        assert not redactor.may_change([encode([("a=b" * 20, "=" * 61), 61])])

    def test_of_many_values_those_are_told_that_may_hold_a_secret(self, redactor: Redactor) -> None:
        password, moment = {"password": SECRET}, datetime(2026, 3, 1, tzinfo=UTC)
        values = [1, {"user": "ann"}, password, ["password"], {"at": moment}, moment]
        values += [{"at": moment, "PassWord": SECRET}, "password", [{"at": moment, **password}]]

        assert redactor.may_change([*map(encode, values)]) >= {2, 6, 8}
        assert redactor.may_change([*map(encode, values)]).isdisjoint({0, 1, 4, 5, 7})

    @pytest.mark.parametrize("kind", ["instance", "named tuple", "exception"])
    def test_what_is_of_a_type_not_known_here_loses_its_parts_rather_than_show_them(
        self, redactor: Redactor, kind: str
    ) -> None:
        def encoded() -> bytes:
            class Gone:
                def __init__(self) -> None:
                    self.password = SECRET

            class GoneError(Exception):
                def __init__(self) -> None:
                    super().__init__("refused")
                    self.password = SECRET

            named = collections.namedtuple("named", "user password")
            values = {
                "instance": Gone,
                "named tuple": lambda: named("ann", SECRET),
                "exception": GoneError,
            }
            return encode([values[kind](), "kept"])

        blob = encoded()
        gc.collect()
        hidden = redactor.value(blob)

        assert SECRET.encode() not in hidden
        assert decode(hidden)[1] == "kept"
        assert redactor.value(hidden) == hidden

    def test_secrets_that_hold_themselves_are_hidden(self, redactor: Redactor) -> None:
        cycle: list[Any] = [SECRET]
        cycle.append(cycle)

        assert SECRET.encode() not in redactor.value(encode({"password": cycle}))

    def test_members_of_sets_and_keys_of_mappings_are_hidden(self, redactor: Redactor) -> None:
        login = FrozenLogin("ann", SECRET)
        named = NamedLogin("ann", SECRET)

        for value in ({login}, frozenset({named}), {named: 1}, {login: {named}}, {(1, login)}):
            hidden = redactor.value(encode(value))
            assert SECRET.encode() not in hidden
            assert type(decode(hidden)) is type(value)

    def test_what_other_containers_hold_is_hidden(self, redactor: Redactor) -> None:
        secret = {"password": SECRET}

        for value in (
            collections.deque([secret]),
            collections.defaultdict(list, {"a": [secret]}),
            SimpleNamespace(password=SECRET, inner=[secret]),
            ExceptionGroup("both", [ValueError(secret), KeyError("a")]),
            StopIteration(secret),
            chained_to(ValueError(secret)),
            collections.Counter(password=3),
        ):
            hidden = redactor.value(encode(value))
            assert SECRET.encode() not in hidden
            assert type(decode(hidden)) is type(value)

    def test_a_very_deep_value_is_walked_to_its_end(self, redactor: Redactor) -> None:
        deep: Any = {"password": SECRET}
        for _ in range(20_000):
            deep = [deep]

        assert SECRET.encode() not in redactor.value(encode(deep))

    def test_a_secret_that_holds_itself_is_hidden_however_deep_calls_may_be(
        self, redactor: Redactor
    ) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(1_000_000)
        try:
            hidden = redactor.value(encode({"password": in_a_cycle(SECRET)}))
        finally:
            sys.setrecursionlimit(limit)
        assert is_pseudonym(decode(hidden)["password"])

    def test_enum_members_and_classes_are_left_as_they_are(self, redactor: Redactor) -> None:
        value = {"password": None, "kind": Kind.password, "of": Login, "ok": True}

        assert redactor.value(encode(value)) == encode(value)
        assert Kind.password.value == "a kind of login"


class Kind(enum.Enum):
    password = "a kind of login"


def chained_to(cause: Exception) -> Exception:
    error = LookupError("no login")
    error.__cause__ = cause
    return error


class TestHttp:
    @pytest.mark.parametrize(
        "name", ["Authorization", "authorization", "X-Api-Key", "X-Auth-Token"]
    )
    def test_headers_by_name(self, redactor: HttpRedactor, name: str) -> None:
        assert SECRET not in redactor.header(name, SECRET)

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "GZIP "])
    def test_a_compressed_response_has_none_and_stays_one(
        self, redactor: HttpRedactor, coding: str
    ) -> None:
        name = coding.strip().lower()
        headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)]
        plain = json.dumps({"token": SECRET, "n": 1}).encode()

        kept, body = redacted_response(redactor, headers, encoded(name, plain), None)

        shown = decoded(name, body)
        assert kept == [list(pair) for pair in headers]
        assert shown is not None
        assert json.loads(shown) == {"token": redactor.pseudonym(SECRET), "n": 1}

    @pytest.mark.parametrize(
        "body", [b"\x1f\x8b no gzip", gzip.compress(b'{"n": 1}', mtime=0)], ids=["none", "gzip"]
    )
    def test_a_compressed_response_without_secrets_is_left_as_it_is(
        self, redactor: HttpRedactor, body: bytes
    ) -> None:
        headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]

        assert redacted_response(redactor, headers, body, None)[1] == body

    def test_a_compressed_request_has_none(self, redactor: HttpRedactor) -> None:
        environ = {
            "CONTENT_TYPE": "application/json",
            "HTTP_CONTENT_ENCODING": "gzip",
            "CONTENT_LENGTH": "1",
        }

        kept, body = redacted_environ(redactor, environ, gzip.compress(b'{"token": "hunter2"}'))

        assert b"hunter2" not in gzip.decompress(body)
        assert kept["CONTENT_LENGTH"] == str(len(body))

    @pytest.mark.parametrize("length", range(len(_CUT) - 20, len(_CUT)))
    def test_the_fields_of_json_that_is_cut_are_hidden(
        self, redactor: HttpRedactor, length: int
    ) -> None:
        shown = redactor.body("application/json", _CUT[:length])

        assert b"4711" not in shown
        assert b"hunter" not in shown
        assert shown.startswith(b'{"name": "ann", "token": "psd_')
        assert redactor.body("application/json", shown) == shown

    @pytest.mark.parametrize("kind", ["application/x-ndjson", "text/event-stream"])
    def test_the_fields_of_json_in_lines_are_hidden(
        self, redactor: HttpRedactor, kind: str
    ) -> None:
        body = b'data: {"token": "hunter2", "a": 1}\n\ndata: {"a": "hunter3"}\n'

        shown = redactor.body(kind, body)

        assert b"hunter2" not in shown
        assert shown.endswith(b', "a": 1}\n\ndata: {"a": "hunter3"}\n')

    def test_basic_credentials_are_those_of_the_pseudonyms(self, redactor: HttpRedactor) -> None:
        def header(user: str, password: str) -> str:
            return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"

        shown = redactor.header("Authorization", header("ann", SECRET))

        assert shown == header(redactor.pseudonym("ann"), redactor.pseudonym(SECRET))
        assert redactor.header("Authorization", shown) == shown

    def test_of_headers_that_are_urls_the_query_is_redacted(self, redactor: HttpRedactor) -> None:
        sent = [("Location", f"/next?token={SECRET}&page=2")]

        headers, _ = redacted_response(redactor, sent, b"", None)

        assert headers == [["Location", f"/next?token={redactor.pseudonym(SECRET)}&page=2"]]

    def test_other_headers_stay(self, redactor: HttpRedactor) -> None:
        assert redactor.header("Accept", SECRET) == SECRET

    @pytest.mark.parametrize("quoted", ['"tea of \\"ann\\": 1"', '"tea of \\042ann\\042: 1"'])
    def test_a_quoted_cookie_has_the_pseudonym_of_what_an_application_makes_of_it(
        self, redactor: HttpRedactor, quoted: str
    ) -> None:
        pseudonym = redactor.pseudonym('tea of "ann": 1')

        assert redactor.header("Cookie", f"basket={quoted}; a=1").startswith(f"basket={pseudonym};")
        assert redactor.header("Set-Cookie", f"basket={quoted}; Path=/") == (
            f"basket={pseudonym}; Path=/"
        )

    def test_names_and_attributes_of_cookies_stay(self, redactor: HttpRedactor) -> None:
        hidden = redactor.pseudonym(SECRET)

        assert redactor.header("Cookie", f"session={SECRET}; theme={SECRET}") == (
            f"session={hidden}; theme={hidden}"
        )
        assert redactor.header("Set-Cookie", f"session={SECRET}; Path=/; HttpOnly") == (
            f"session={hidden}; Path=/; HttpOnly"
        )

    def test_the_fields_of_a_query(self, redactor: HttpRedactor) -> None:
        hidden = parse_qs(redactor.query(f"user=ann&password={SECRET}&password="), True)

        assert hidden["user"] == ["ann"]
        assert hidden["password"] == [redactor.pseudonym(SECRET), ""]

    @pytest.mark.parametrize(
        "written",
        ["pass%77ord", "Pass%57ord", "%70assword", "new-password", "the+word"],
    )
    def test_a_field_of_a_query_whose_name_is_escaped(self, written: str) -> None:
        redactor = HttpRedactor(key=b"k" * 16, fields={"password", "new-password", "the word"})

        shown = redactor.query(f"q=1&{written}={SECRET}")

        assert [redactor.pseudonym(SECRET)] in parse_qs(shown).values()
        assert SECRET not in shown

    def test_a_cookie_is_another_pseudonym_under_another_key(self) -> None:
        shown = [
            HttpRedactor(key=key * 16).header("Cookie", f"session={SECRET}") for key in (b"a", b"b")
        ]

        assert shown[0] != shown[1]
        assert SECRET not in "".join(shown)

    @pytest.mark.parametrize("query", ["", "a=1&b=%20x", "a", "a=1;b=2", "=", "q=%ff"])
    def test_a_query_without_them_is_kept_to_the_byte(
        self, redactor: HttpRedactor, query: str
    ) -> None:
        assert redactor.query(query) == query

    def test_a_form(self, redactor: HttpRedactor) -> None:
        body = redactor.body(
            "application/x-www-form-urlencoded; charset=utf-8",
            f"user=ann&password={SECRET}".encode(),
        )

        assert parse_qs(body.decode())["password"] == [redactor.pseudonym(SECRET)]

    @pytest.mark.parametrize("content_type", ["application/json", "application/problem+json"])
    def test_json(self, redactor: HttpRedactor, content_type: str) -> None:
        body = json.dumps({"users": [{"name": "ann", "password": SECRET}]}).encode()

        hidden = json.loads(redactor.body(content_type, body))

        assert hidden == {"users": [{"name": "ann", "password": redactor.pseudonym(SECRET)}]}

    @pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
    @pytest.mark.parametrize("ascii_only", [True, False])
    @pytest.mark.parametrize("end", ["", "\n"])
    def test_json_is_written_in_the_style_it_had(
        self, redactor: HttpRedactor, separators: tuple[str, str], ascii_only: bool, end: str
    ) -> None:
        def written(password: str) -> bytes:
            value = {"name": 'ä": ', "password": password, "n": [1, 2.5]}
            text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
            return f"{text}{end}".encode()

        hidden = redactor.body("application/json", written(SECRET))

        assert hidden == written(redactor.pseudonym(SECRET))

    def test_json_whose_names_are_written_with_escapes(self, redactor: HttpRedactor) -> None:
        body = b'{"pass\\u0077ord": "' + SECRET.encode() + b'"}'

        assert SECRET.encode() not in redactor.body("application/json", body)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b'{"password"', b"\xff\xfe", b'{ "a" :  1 }', b"[" * 100_000]
    )
    def test_what_has_no_named_field_or_is_no_json_is_kept_to_the_byte(
        self, redactor: HttpRedactor, body: bytes
    ) -> None:
        assert redactor.body("application/json", body) == body

    def test_a_multipart_form(self, redactor: HttpRedactor) -> None:
        body = (
            b'--XX\r\nContent-Disposition: form-data; name="user"\r\n\r\nann\r\n'
            b'--XX\r\nContent-Disposition: form-data; name="password"\r\n\r\n'
            + SECRET.encode()
            + b"\r\n--XX--\r\n"
        )

        hidden = redactor.body("multipart/form-data; boundary=XX", body)

        assert hidden == body.replace(SECRET.encode(), redactor.pseudonym(SECRET).encode())
        assert redactor.body("multipart/form-data; boundary=XX", hidden) == hidden

    def test_bodies_of_other_types_stay(self, redactor: HttpRedactor) -> None:
        body = f"password={SECRET}".encode()

        assert redactor.body("text/plain", body) == body


class TestRecordings:
    @pytest.fixture
    def recorder(self, cassette: InMemoryTapeCassette) -> Iterator[TapeRecorder]:
        recorder = TapeRecorder(cassette)
        recorder.redaction = Redactor(key=b"key", fields=["password", "token"])
        with recorder.enabled_recording():
            yield recorder

    def execute_of(self, recorder: TapeRecorder) -> Callable[[], Any]:
        class Accounts:
            @recorder.intercept_input("find")
            def find(self, user: str, password: str) -> dict[str, Any]:
                return {"user": user, "token": SECRET}

            @recorder.static_intercept_input("check")
            @staticmethod
            def check(password: str, *, token: str) -> bool:
                return True

            @recorder.intercept_output("send")
            def send(self, token: str, body: dict[str, Any]) -> dict[str, str]:
                return {"password": SECRET}

            @recorder.operation(lambda accounts, *args, **kwargs: {"token": SECRET})
            def login(self, user: str, password: str, login: Any = None) -> dict[str, Any]:
                found = self.find(user, password)
                self.find(user=user, password=password)
                self.check(password, token=SECRET)
                self.send(SECRET, {"password": SECRET, "user": user})
                self.nested(SECRET)
                self.apart(SECRET)
                recorder.record_data("token", SECRET)
                return {"password": SECRET, "found": found}

            @recorder.operation(category="nested")
            def nested(self, token: str) -> dict[str, str]:
                return {"token": token}

            @recorder.operation(category="apart", separate=True)
            def apart(self, token: str) -> dict[str, str]:
                return {"token": token}

        return lambda: Accounts().login("ann", SECRET, login={"password": SECRET})

    def test_no_secret_is_in_the_recorded_bytes(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        self.execute_of(recorder)()

        ids = cassette.get_all_recording_ids()
        assert len(ids) == 2
        for recording_id in ids:
            packed = cassette.get_recording(recording_id).pack(compressed=False)
            assert SECRET.encode() not in packed.payload
            assert SECRET.encode() not in packed.metadata
            assert b"psd_" in packed.payload

    def test_a_replay_still_finds_everything_and_gives_the_same_outputs(
        self, recorder: TapeRecorder, cassette: InMemoryTapeCassette
    ) -> None:
        execute = self.execute_of(recorder)
        execute()
        (recording_id,) = cassette.iter_recording_ids("Accounts")

        playback = recorder.play(recording_id, lambda recording: execute())

        assert playback.missed == playback.substituted == playback.never_consumed == []
        assert playback.playback_outputs == playback.recorded_outputs

    def test_a_replay_with_the_recorded_request_finds_everything_too(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        recorder.intercept_input("find")

        @recorder.intercept_input("find")
        def find(user: str, password: str) -> int:
            return 7

        @recorder.operation()
        def login(user: str, password: str) -> int:
            return find(user, password)

        login("ann", SECRET)
        request = last_recording().get_data(TapeRecorder.OPERATION_REQUEST)
        playback = replay(lambda: login(*request["args"], **request["kwargs"]))

        assert request["args"][0] == "ann"
        assert is_pseudonym(request["args"][1])
        assert playback.playback_outputs == playback.recorded_outputs

    def test_the_application_gets_what_is_real(self, recorder: TapeRecorder) -> None:
        assert self.execute_of(recorder)() == {
            "password": SECRET,
            "found": {"user": "ann", "token": SECRET},
        }

    def test_another_secret_is_another_call(self, recorder: TapeRecorder, replay: Replay) -> None:
        passwords = [SECRET, "another"]

        @recorder.intercept_input("check")
        def check(password: str) -> bool:
            return password == SECRET

        @recorder.operation()
        def execute() -> list[bool]:
            return [check(password) for password in passwords]

        execute()
        passwords.reverse()

        assert replay(execute).playback_outputs[0].value["args"] == [[False, True]]

    def test_async_ones_too(
        self, recorder: TapeRecorder, replay: Replay, last_recording: Load
    ) -> None:
        @recorder.intercept_input("check")
        async def check(password: str) -> bool:
            return True

        @recorder.operation()
        async def execute(password: str) -> bool:
            return await check(password)

        asyncio.run(execute(SECRET))
        playback = replay(lambda: execute(SECRET))

        packed = last_recording().pack(compressed=False)
        assert SECRET.encode() not in packed.payload
        assert playback.playback_outputs == playback.recorded_outputs

    def test_the_messages_of_a_miss_show_no_secret(
        self, recorder: TapeRecorder, replay: Replay
    ) -> None:
        password = "first"

        @recorder.intercept_input("check")
        def check(user: str, password: str) -> bool:
            return True

        @recorder.operation()
        def execute() -> bool:
            try:
                return check("ann", password)
            except LookupError:
                return False
            except Exception:  # noqa: BLE001 - what applications do
                return True

        execute()
        password = SECRET
        playback = replay(execute)

        assert SECRET not in playback.missed[0].message
        assert re.search(r"psd_[0-9a-f]{24}", playback.missed[0].message)
