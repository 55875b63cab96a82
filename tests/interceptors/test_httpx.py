"""Calls by httpx are recorded hop by hop, and answered again with the server stopped."""

import asyncio
import json
import pickle
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.http_redaction import HttpRedactor
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.http_server import Site, certified, replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


def seen(response):
    """Return what an application can tell of a response."""
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "version": response.http_version,
        "headers": response.headers.multi_items(),
        "content": response.content,
        "text": response.text,
        "cookies": dict(response.cookies),
        "history": [(each.status_code, each.content) for each in response.history],
        "url": str(response.url),
        "request": (response.request.method, response.request.headers.multi_items()),
        "elapsed": response.elapsed,
        "closed": response.is_closed,
        "downloaded": response.num_bytes_downloaded,
        "encoding": response.encoding,
    }


@pytest.fixture(params=["sync", "async"])
def using(request):
    """Have a function use a client of either kind, and return what is seen of its responses."""

    def sync(use, **options):
        def operation():
            with httpx.Client(**options) as client:
                return [seen(response) for response in use(client)], dict(client.cookies)

        return operation

    def asynchronous(use, **options):
        async def work():
            async with httpx.AsyncClient(**options) as client:
                responses = [seen(await response) for response in use(client)]
                return responses, dict(client.cookies)

        return lambda: asyncio.run(work())

    return sync if request.param == "sync" else asynchronous


def test_reads_are_inputs_and_writes_are_outputs(site, using):
    def use(client):
        yield client.get("/a?q=1")
        yield client.head("/a")
        yield client.options("/a")
        yield client.post("/b", json={"n": 1})
        yield client.put("/b", content=b"raw")
        yield client.patch("/b", data={"form": "ä"})
        yield client.delete("/b")
        yield client.get("/status/404")

    recorded = replays_equal(site, using(use, base_url=site.url))
    assert [each for each in recorded.calls if "http" in each[1]] == [
        ("INPUT", "http GET 127.0.0.1"),
        ("INPUT", "http HEAD 127.0.0.1"),
        ("INPUT", "http OPTIONS 127.0.0.1"),
        ("OUTPUT", "http POST 127.0.0.1"),
        ("OUTPUT", "http PUT 127.0.0.1"),
        ("OUTPUT", "http PATCH 127.0.0.1"),
        ("OUTPUT", "http DELETE 127.0.0.1"),
        ("INPUT", "http GET 127.0.0.1"),
    ]


def test_each_redirect_is_a_call_and_cookies_are_kept_as_live(site, using):
    def use(client):
        yield client.get("/redirect", follow_redirects=True)
        yield client.get("/redirect")
        yield client.get("/after")

    recorded = replays_equal(site, using(use, base_url=site.url))
    (first, second, last), cookies = recorded.result
    assert [status for status, _ in first["history"]] == [302]
    assert second["cookies"] == cookies == {"first": "1", "second": "2"}
    assert json.loads(last["content"])["cookie"] == "first=1; second=2"
    assert len([each for each in recorded.calls if each[1] == "http GET 127.0.0.1"]) == 4


def test_a_body_is_sent_on_after_a_redirect_that_keeps_it(site, using):
    def use(client):
        yield client.post("/kept", content=b"data", follow_redirects=True)

    recorded = replays_equal(site, using(use, base_url=site.url))
    assert json.loads(recorded.result[0][0]["content"])["size"] == 4


def test_too_many_redirects_are_too_many_again(site):
    def operation():
        with httpx.Client(max_redirects=3) as client:
            try:
                client.get(f"{site.url}/loop", follow_redirects=True)
            except httpx.TooManyRedirects as error:
                return str(error), str(error.request.url)

    replays_equal(site, operation)


def test_an_encoded_body_is_decoded_as_it_was(site, using):
    replays_equal(site, using(lambda client: [client.get("/gzip")], base_url=site.url))


def test_an_authentication_by_digest_is_two_calls(site, using):
    def use(client):
        yield client.get("/digest", auth=httpx.DigestAuth("me", "mine"))

    recorded = replays_equal(site, using(use, base_url=site.url))
    assert recorded.result[0][0]["content"] == b"let in"
    assert len([each for each in recorded.calls if each[1].startswith("http")]) == 2


def test_hooks_see_requests_and_responses_in_a_replay(site):
    def operation():
        told = []
        hooks = {
            "request": [lambda request: told.append(str(request.url))],
            "response": [lambda response: told.append((response.read(), response.status_code))],
        }
        with httpx.Client(event_hooks=hooks) as client:
            client.get(f"{site.url}/a")
        return told

    replays_equal(site, operation)


def test_files_and_generators_are_sent_and_recorded_as_they_are_read(site, tmp_path):
    file = tmp_path / "data.txt"
    file.write_bytes(b"from a file")

    def pieces():
        yield b"in "
        yield b"pieces"

    def operation():
        with httpx.Client(base_url=site.url) as client, file.open("rb") as opened:
            form = client.post("/form", data={"n": "1"}, files={"upload": ("d.txt", opened)})
            plain = client.put("/plain", content=pieces())
            again = file.open("rb")
            with again:
                raw = client.put("/raw", content=again)
            return form.content, plain.content, raw.content

    recorded = replays_equal(site, operation)
    assert site.bodies[1:] == [b"in pieces", b"from a file"]
    sent = [each.decoded_arguments() for each in recorded.recording.entries if "PUT" in each.alias]
    assert [each["kwargs"]["body"] for each in sent] == [b"in pieces", b"from a file"]
    (form,) = [each for each in recorded.recording.entries if "POST" in each.alias]
    assert b"from a file" in form.decoded_arguments()["kwargs"]["body"]


def test_async_generators_are_sent_and_recorded_as_they_are_read(site):
    async def pieces():
        yield b"in "
        await asyncio.sleep(0)
        yield b"pieces"

    async def work():
        async with httpx.AsyncClient(base_url=site.url) as client:
            plain = await client.put("/plain", content=pieces())
            form = await client.post("/form", files={"upload": ("d.txt", b"text")})
            return plain.content, form.content

    recorded = replays_equal(site, lambda: asyncio.run(work()))
    assert site.bodies[0] == b"in pieces"
    (sent,) = [each for each in recorded.recording.entries if "PUT" in each.alias]
    assert sent.decoded_arguments()["kwargs"]["body"] == b"in pieces"


def test_what_a_body_calls_while_it_is_sent_is_recorded_too(site):
    def operation():
        def pieces():
            yield httpx.get(f"{site.url}/inner").content
            yield b"%f" % time.time()

        return httpx.post(f"{site.url}/outer", content=pieces()).content

    recorded = replays_equal(site, operation)
    assert ("INPUT", "http GET 127.0.0.1") in recorded.calls


def test_what_an_async_body_calls_while_it_is_sent_is_recorded_too(site):
    async def work():
        async with httpx.AsyncClient(base_url=site.url) as client:

            async def pieces():
                yield (await client.get("/inner")).content

            return (await client.post("/outer", content=pieces())).content

    recorded = replays_equal(site, lambda: asyncio.run(work()))
    assert ("INPUT", "http GET 127.0.0.1") in recorded.calls


def test_an_error_of_a_body_comes_again_with_what_was_sent(site):
    def operation():
        def pieces():
            yield b"begun"
            raise LookupError("no more")

        try:
            httpx.post(f"{site.url}/a", content=pieces())
        except LookupError as error:
            return error.args

    recorded = Runs(operation)
    result, playback = recorded.replayed(operation)
    assert result == recorded.result == ("no more",)
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_stream_is_given_again_in_its_pieces(site):
    def operation():
        told = []
        with httpx.Client(base_url=site.url) as client:
            for read in ("iter_bytes", "iter_text", "iter_lines", "iter_raw"):
                with client.stream("GET", "/chunked") as response:
                    told.append(list(getattr(response, read)()))
            with client.stream("GET", "/gzip") as response:
                told.append(list(response.iter_raw()))
            with client.stream("GET", "/chunked") as response:
                told.append(list(response.iter_bytes(chunk_size=5)))
        return told

    recorded = replays_equal(site, operation)
    assert b"".join(recorded.result[0]) == b"one two three"


def test_an_async_stream_is_given_again_in_its_pieces(site):
    async def work():
        told = []
        async with httpx.AsyncClient(base_url=site.url) as client:
            for read in ("aiter_bytes", "aiter_text", "aiter_lines", "aiter_raw"):
                async with client.stream("GET", "/chunked") as response:
                    told.append([piece async for piece in getattr(response, read)()])
        return told

    recorded = replays_equal(site, lambda: asyncio.run(work()))
    assert b"".join(recorded.result[0]) == b"one two three"


def reading(site, pieces):
    def operation():
        with httpx.stream("GET", f"{site.url}/large") as response:
            read = response.iter_raw(chunk_size=1024)
            return sum(len(next(read)) for _ in range(pieces))

    return operation


def test_of_a_stream_only_what_was_read_is_kept(site):
    recorded = replays_equal(site, reading(site, 10))
    (call,) = [each for each in recorded.recording.entries if "GET" in each.alias]
    assert len(call.decoded_result()["body"]) < 1024**2


def test_reading_on_where_the_recorded_reader_left_is_a_miss(site):
    recorded = Runs(reading(site, 10))
    with pytest.raises(RecordingKeyError, match="of this response were read"):
        recorded.replayed(reading(site, 10_000))


def test_reading_on_where_the_recorded_async_reader_left_is_a_miss(site):
    def reading(pieces):
        async def work():
            large = "GET", f"{site.url}/large"
            async with httpx.AsyncClient() as client, client.stream(*large) as response:
                read = response.aiter_raw(chunk_size=1024)
                return sum([len(await anext(read)) for _ in range(pieces)])

        return lambda: asyncio.run(work())

    recorded = Runs(reading(10))
    with pytest.raises(RecordingKeyError, match="of this response were read"):
        recorded.replayed(reading(10_000))


def test_a_body_over_the_limit_harms_nobody_and_cannot_be_replayed(site):
    recorded = Runs(lambda: len(httpx.get(f"{site.url}/large").content))
    assert recorded.result == 50 * 1024**2
    assert NOT_REPLAYABLE in recorded.recording.get_metadata()


ERRORS = {
    "/silent": httpx.ReadTimeout,
    "/stall": httpx.ReadTimeout,
    "/drop": httpx.RemoteProtocolError,
    "/cut": httpx.RemoteProtocolError,
    "/nonsense": httpx.RemoteProtocolError,
}


def told(error):
    cause = None if error.__cause__ is None else type(error.__cause__)
    return type(error), error.args, str(error), str(error.request.url), cause


@pytest.mark.parametrize("path", ERRORS)
def test_an_error_is_raised_again(site, path):
    def operation():
        with httpx.Client(base_url=site.url, timeout=0.3) as client:
            try:
                client.get(path)
            except httpx.HTTPError as error:
                return told(error)

    assert replays_equal(site, operation).result[0] is ERRORS[path]


@pytest.mark.parametrize("path", ERRORS)
def test_an_error_is_raised_again_where_it_is_awaited(site, path):
    async def work():
        async with httpx.AsyncClient(base_url=site.url, timeout=0.3) as client:
            try:
                await client.get(path)
            except httpx.HTTPError as error:
                return told(error)

    assert replays_equal(site, lambda: asyncio.run(work())).result[0] is ERRORS[path]


def test_a_connection_that_was_refused_is_refused_again(using):
    closed = Site()
    closed.stop()

    def refused(use):
        def operation():
            try:
                using(use, base_url=closed.url)()
            except httpx.ConnectError as error:
                return told(error)

        return operation

    recorded = Runs(refused(lambda client: [client.get("/")]))
    open_again, playback = recorded.replayed(refused(lambda client: [client.get("/")]))
    assert open_again == recorded.result
    assert recorded.result[0] is httpx.ConnectError
    assert playback.missed == []


def test_an_error_of_a_status_is_raised_by_the_application_again(site):
    def operation():
        try:
            httpx.get(f"{site.url}/status/503").raise_for_status()
        except httpx.HTTPStatusError as error:
            return str(error), error.response.json()

    replays_equal(site, operation)


def test_requests_at_the_same_time_get_their_own_answers(site):
    async def work():
        async with httpx.AsyncClient(base_url=site.url) as client:
            answers = await asyncio.gather(*(client.get(f"/item{n}") for n in range(20)))
            return [each.json() for each in answers]

    recorded = replays_equal(site, lambda: asyncio.run(work()))
    assert [each["path"] for each in recorded.result] == [f"/item{n}" for n in range(20)]


def test_a_request_that_was_cancelled_is_cancelled_again(site):
    async def work():
        async with httpx.AsyncClient(base_url=site.url) as client:
            for path in ("/silent", "/stall"):
                try:
                    async with asyncio.timeout(0.3):
                        await client.get(path)
                except TimeoutError:
                    pass
            return (await client.get("/after")).json()

    replays_equal(site, lambda: asyncio.run(work()))


def test_a_client_is_shared_by_operations_threads_and_loops(site):
    client = httpx.Client(base_url=site.url)
    loops = httpx.AsyncClient(base_url=site.url)

    async def awaited(path):
        # Connections of a loop that is closed are none of another's.
        response = await loops.get(path, headers={"Connection": "close"})
        return response.json()

    def operation():
        return client.get("/a").json(), asyncio.run(awaited("/b")), asyncio.run(awaited("/c"))

    with client:
        replays_equal(site, operation)


def test_a_response_can_be_pickled_as_it_could(site):
    def operation():
        return pickle.loads(pickle.dumps(httpx.get(f"{site.url}/a"))).json()

    replays_equal(site, operation)


def test_without_an_operation_a_response_is_the_librarys_own(site):
    transport = httpx.HTTPTransport()
    response = transport.handle_request(httpx.Request("GET", f"{site.url}/a"))
    assert type(response.stream).__module__.startswith("httpx.")
    response.read()
    transport.close()


def test_transports_of_others_are_left_alone():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"mocked": True}))

    def operation():
        with httpx.Client(transport=transport) as client:
            return client.get("http://nowhere.invalid/").json()

    recorded = Runs(operation)
    assert not [each for each in recorded.calls if each[1].startswith("http")]
    assert recorded.replayed(operation)[0] == {"mocked": True}


def test_a_request_that_was_not_recorded_names_what_differs(site):
    recorded = Runs(lambda: httpx.get(f"{site.url}/a?page=1").status_code)
    with pytest.raises(RecordingKeyError, match="page=2"):
        recorded.replayed(lambda: httpx.get(f"{site.url}/a?page=2").status_code)
    assert site.hits == ["GET /a?page=1"]


def test_a_query_in_another_order_means_the_same(site):
    recorded = Runs(lambda: httpx.get(f"{site.url}/a?x=1&y=2").json())
    result, playback = recorded.replayed(lambda: httpx.get(f"{site.url}/a?y=2&x=1").json())
    assert result == recorded.result
    assert [each.how for each in playback.moved] == ["normalised"]


def test_another_body_that_is_sent_shows_in_the_outputs(site):
    recorded = Runs(lambda: httpx.post(f"{site.url}/a", json={"n": 1}).json())
    result, playback = recorded.replayed(lambda: httpx.post(f"{site.url}/a", json={"n": 2}).json())
    assert result == recorded.result
    assert playback.playback_outputs != playback.recorded_outputs


def test_secrets_are_not_stored_and_the_replay_finds_its_calls(site):
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = HttpRedactor(key=b"k" * 16)

    def operation():
        with httpx.Client(base_url=site.url, auth=("me", "hunter-2-auth")) as client:
            token = client.get("/secret?token=query-4711").json()["token"]
            hidden = client.get("/gzip").json()["password"]
            sent = client.post("/chunked", json={"token": token, "password": hidden})
            return sent.status_code

    recorded = Runs(operation, recorder=recorder)
    stored = b"".join(
        part
        for each in recorded.recording.entries
        for part in (each.arguments, each.result)
        if part
    )
    for secret in (b"4711", b"hunter", b"bWU6aHVudGVy"):
        assert secret not in stored
    result, playback = recorded.replayed(operation)
    assert (result, playback.missed) == (200, [])
    assert playback.playback_outputs == playback.recorded_outputs


def test_a_fault_of_ours_loses_the_recording_and_not_the_call(site, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("ours")

    def operation():
        answer = httpx.get(f"{site.url}/a").json()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{site.url}/stall", timeout=0.2)
        return answer, httpx.post(f"{site.url}/b", content=iter([b"1", b"2"])).json()["size"]

    for place in ("http_call", "ReceivedResponse", "kept_stream", "storable"):
        recorder = TapeRecorder(InMemoryTapeCassette())
        with monkeypatch.context() as patched:
            module = "_httpx_bodies" if place == "storable" else "httpx"
            patched.setattr(f"playback_core.interceptors.{module}.{place}", broken)
            with recorder.enabled_recording():
                answer, size = recorder.operation(category="work")(operation)()
        assert (answer["path"], size) == ("/a", 2)
        assert recorder.counters == {"failed": 1}


def test_what_is_read_after_the_operation_is_late_and_not_kept(site):
    recorder = TapeRecorder(InMemoryTapeCassette())
    client = httpx.Client()

    def operation():
        return client.send(client.build_request("GET", f"{site.url}/chunked"), stream=True)

    with client:
        with recorder.enabled_recording():
            response = recorder.operation(category="work")(operation)()
        assert response.read() == b"one two three"
    (recording_id,) = recorder.tape_cassette.iter_recording_ids("work")
    recording = recorder.tape_cassette.get_recording(recording_id)
    (call,) = [each for each in recording.entries if each.alias.startswith("http")]
    assert call.decoded_result()["body"] == b""
    assert recorder.counters["late"] == 1


def test_threads_of_an_operation_share_a_client(site):
    def operation():
        with httpx.Client(base_url=site.url) as client, ThreadPoolExecutor(4) as pool:
            return [each.json()["path"] for each in pool.map(client.get, "abcdefgh")]

    recorded = replays_equal(site, operation)
    assert recorded.result == [f"/{letter}" for letter in "abcdefgh"]


def test_an_operation_that_is_awaited_is_recorded_too(site):
    recorder = TapeRecorder(InMemoryTapeCassette())

    @recorder.operation(category="work")
    async def operation():
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{site.url}/a")).json()

    with recorder.enabled_recording():
        result = asyncio.run(operation())
    site.stop()
    (recording_id,) = recorder.tape_cassette.iter_recording_ids("work")
    again = []
    recorder.play(recording_id, lambda recording: again.append(asyncio.run(operation())))
    assert again == [result]


def test_a_certificate_that_is_not_trusted_is_not_trusted_again(tmp_path):
    context, trusted = certified(tmp_path)
    secure = Site(context)

    def operation():
        verify = ssl.create_default_context(cafile=str(trusted))
        answer = httpx.get(f"{secure.url}/a", verify=verify).json()
        with pytest.raises(httpx.ConnectError) as raised:
            httpx.get(f"{secure.url}/a")
        return answer, told(raised.value)

    try:
        replays_equal(secure, operation)
    finally:
        secure.stop()


def test_a_place_that_is_missing_switches_the_interceptor_off(site, monkeypatch, caplog):
    from playback_core.interceptor import install, installed, uninstall
    from playback_core.interceptors.httpx import INTERCEPTOR

    uninstall("httpx")
    monkeypatch.delattr(httpx.AsyncHTTPTransport, "handle_async_request")
    monkeypatch.delattr(httpx.AsyncBaseTransport, "handle_async_request")
    install(INTERCEPTOR)
    assert "httpx:AsyncHTTPTransport.handle_async_request" in caplog.text
    assert "httpx" not in installed()
    assert httpx.get(f"{site.url}/a").status_code == 200
