"""Calls by aiohttp are recorded hop by hop, and answered again with the server stopped."""

import asyncio
import gc
import json
import logging
import ssl
import threading
import time
import warnings

import aiohttp
import httpx
import pytest
import requests
from aiohttp import web

from playback_core import RecordingKeyError, SideEffectBlocked, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.http_redaction import HttpRedactor
from playback_core.interceptor import install, installed, uninstall
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.http_server import Site, certified, replays_equal
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


async def seen(response):
    """Return what an application can tell of a response."""
    body = await response.read()
    return {
        "status": (response.status, response.reason, response.ok),
        "version": tuple(response.version),
        "headers": [(str(name), value) for name, value in response.headers.items()],
        "raw": response.raw_headers,
        "body": body,
        "text": await response.text(),
        "cookies": {name: morsel.value for name, morsel in response.cookies.items()},
        "history": [(each.status, str(each.url)) for each in response.history],
        "url": str(response.url),
        "real_url": str(response.real_url),
        "method": response.method,
        "sent": [(str(n), v) for n, v in response.request_info.headers.items()],
        "content_type": (response.content_type, response.charset, response.content_length),
        "closed": response.closed,
        "type": type(response).__name__,
        "repr": repr(response),
    }


def jar(session):
    return {each.key: each.value for each in session.cookie_jar}


def using(site, use, **options):
    """Return an operation that gives what `use` does with a session."""

    async def work():
        cookies = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(site.url, cookie_jar=cookies, **options) as session:
            return await use(session)

    return lambda: asyncio.run(work())


def calls(recorded):
    return [each for each in recorded.recording.entries if each.alias.startswith("http ")]


def test_reads_are_inputs_and_writes_are_outputs(site):
    async def use(session):
        responses = [
            await session.get("/a", params={"q": "1"}),
            await session.head("/a"),
            await session.options("/a"),
            await session.post("/b", json={"n": 1}),
            await session.put("/b", data=b"raw"),
            await session.patch("/b", data={"form": "ä"}),
            await session.delete("/b"),
            await session.get("/status/404"),
        ]
        return [await seen(response) for response in responses]

    recorded = replays_equal(site, using(site, use))
    assert [(each.kind.name, each.alias) for each in calls(recorded)] == [
        ("INPUT", "http GET 127.0.0.1"),
        ("INPUT", "http HEAD 127.0.0.1"),
        ("INPUT", "http OPTIONS 127.0.0.1"),
        ("OUTPUT", "http POST 127.0.0.1"),
        ("OUTPUT", "http PUT 127.0.0.1"),
        ("OUTPUT", "http PATCH 127.0.0.1"),
        ("OUTPUT", "http DELETE 127.0.0.1"),
        ("INPUT", "http GET 127.0.0.1"),
    ]


def test_each_redirect_is_a_call_and_cookies_are_kept_as_live(site):
    async def use(session):
        first = await seen(await session.get("/redirect"))
        return first, jar(session), await seen(await session.get("/after"))

    recorded = replays_equal(site, using(site, use))
    first, cookies, last = recorded.result
    assert [status for status, _ in first["history"]] == [302]
    assert cookies == {"first": "1", "second": "2"}
    assert json.loads(last["body"])["cookie"] == "first=1; second=2"
    assert len(calls(recorded)) == 3


def test_a_redirect_that_is_not_followed_has_its_cookies(site):
    async def use(session):
        return await seen(await session.get("/redirect", allow_redirects=False)), jar(session)

    recorded = replays_equal(site, using(site, use))
    assert recorded.result[0]["cookies"] == {"first": "1", "second": "2"}


def test_a_body_is_sent_on_after_a_redirect_that_keeps_it(site):
    async def use(session):
        return await seen(await session.post("/kept", data=b"data"))

    recorded = replays_equal(site, using(site, use))
    assert json.loads(recorded.result["body"])["size"] == 4


def test_too_many_redirects_are_too_many_again(site):
    async def use(session):
        with pytest.raises(aiohttp.TooManyRedirects) as raised:
            await session.get("/loop", max_redirects=3)
        return str(raised.value), len(raised.value.history)

    replays_equal(site, using(site, use))


def test_an_encoded_body_is_decoded_as_it_was(site):
    async def use(session):
        raw = await session.get("/gzip", auto_decompress=False)
        return await (await session.get("/gzip")).json(), len(await raw.read())

    assert replays_equal(site, using(site, use)).result[0]["password"] == "hunter2"


def test_middlewares_of_the_application_run_in_a_replay(site):
    async def use(session):
        told = []

        async def telling(request, handler):
            request.headers["X-Told"] = "yes"
            response = await handler(request)
            told.append((request.method, response.status, await response.read()))
            return response

        auth = aiohttp.DigestAuthMiddleware("me", "mine")
        async with session.get("/digest", middlewares=[auth, telling]) as response:
            return told, await response.text()

    recorded = replays_equal(site, using(site, use))
    assert [status for _, status, _ in recorded.result[0]] == [401, 200]
    assert len(calls(recorded)) == 2


def test_middlewares_of_a_session_run_in_a_replay(site):
    told = []

    async def telling(request, handler):
        told.append(request.method)
        return await handler(request)

    async def use(session):
        return await seen(await session.get("/a"))

    replays_equal(site, using(site, use, middlewares=[telling]))
    assert told == ["GET", "GET"]


def test_traces_see_requests_in_a_replay(site):
    def tracing(told):
        traces = aiohttp.TraceConfig()

        def tell(name, of):
            async def told_of(session, context, params):
                told.append((name, of(params)))

            getattr(traces, f"on_{name}").append(told_of)

        tell("request_start", lambda params: str(params.url))
        tell("request_redirect", lambda params: params.response.status)
        tell("request_headers_sent", lambda params: params.method)
        tell("request_chunk_sent", lambda params: params.chunk)
        tell("response_chunk_received", lambda params: params.chunk)
        tell("request_end", lambda params: params.response.status)
        tell("request_exception", lambda params: type(params.exception))
        return traces

    async def work():
        told = []
        async with aiohttp.ClientSession(site.url, trace_configs=[tracing(told)]) as session:
            async with session.post("/redirect", data=b"data") as response:
                await response.read()
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await session.post("/drop")
        return told

    recorded = replays_equal(site, lambda: asyncio.run(work()))
    assert ("request_chunk_sent", b"data") in recorded.result
    assert ("request_exception", aiohttp.ServerDisconnectedError) in recorded.result


def test_files_forms_and_generators_are_sent_and_recorded_as_they_are_read(site, tmp_path):
    file = tmp_path / "data.txt"
    file.write_bytes(b"from a file")

    async def pieces():
        yield b"in "
        await asyncio.sleep(0)
        yield b"pieces"

    async def use(session):
        form = aiohttp.FormData({"n": "1"})
        form.add_field("upload", b"part", filename="d.txt")
        with file.open("rb") as opened:
            responses = [
                await session.put("/generator", data=pieces()),
                await session.put("/file", data=opened),
                await session.put("/form", data=form),
                await session.put("/text", data="text"),
                await session.put("/packed", data=b"packed" * 100, compress=True),
                await session.put("/expecting", data=b"expecting", expect100=True),
            ]
        return [await response.json() for response in responses]

    recorded = replays_equal(site, using(site, use))
    sent = [each.decoded_arguments()["kwargs"]["body"] for each in calls(recorded)]
    assert sent[:2] == site.bodies[:2] == [b"in pieces", b"from a file"]
    boundary = site.bodies[2].partition(b"\r\n")[0]
    assert sent[2] == site.bodies[2].replace(boundary, b"--boundary")
    assert sent[3:] == [b"text", b"packed" * 100, b"expecting"]


def test_an_upload_is_tracked_in_a_replay(site):
    async def use(session):
        tracker = aiohttp.UploadTracker()

        async def pieces():
            yield b"in "
            yield b"pieces"

        async with session.put("/a", data=pieces(), upload_tracker=tracker) as response:
            await response.read()
        await tracker.upload_complete
        return tracker.attempts, tracker.bytes_written

    recorded = replays_equal(site, using(site, use))
    assert recorded.result == (1, 9)


def test_what_a_body_calls_while_it_is_sent_is_recorded_too(site):
    async def use(session):
        async def pieces():
            yield await (await session.get("/inner")).read()
            yield b"%f" % time.time()

        return await (await session.post("/outer", data=pieces())).json()

    recorded = replays_equal(site, using(site, use))
    assert [each.alias for each in calls(recorded)] == ["http POST 127.0.0.1", "http GET 127.0.0.1"]


def test_an_error_of_a_body_comes_again(site):
    async def use(session):
        async def pieces():
            yield b"begun"
            raise LookupError("no more")

        with pytest.raises(aiohttp.ClientConnectionError) as raised:
            await session.post("/a", data=pieces())
        return type(raised.value), "LookupError" in str(raised.value)

    recorded = Runs(using(site, use))
    result, playback = recorded.replayed(using(site, use))
    assert result == recorded.result
    assert playback.playback_outputs == playback.recorded_outputs


READS = {
    "iter_any": lambda content: content.iter_any(),
    "iter_chunked": lambda content: content.iter_chunked(5),
    "iter_chunks": lambda content: content.iter_chunks(),
    "lines": lambda content: content,
}


@pytest.mark.parametrize("how", READS)
def test_a_stream_is_given_again_in_its_pieces(site, how):
    async def use(session):
        told = []
        for path in ("/chunked", "/a", "/gzip"):
            async with session.get(path) as response:
                told.append([piece async for piece in READS[how](response.content)])
                told.append((response.content.at_eof(), response.content.total_bytes))
        return told

    replays_equal(site, using(site, use))


def test_a_reader_does_what_it_does_live(site):
    async def use(session):
        async with session.get("/a") as response:
            content = response.content
            told = [await content.readexactly(4), await content.readuntil(b":")]
            told += [await content.read(0), await content.read(3), content.read_nowait(2)]
            await content.wait_eof()
            told += [isinstance(content, aiohttp.StreamReader), content.is_eof()]
            with pytest.raises(asyncio.IncompleteReadError) as raised:
                await content.readexactly(1000)
            return told, raised.value.partial, await content.read(), content.exception()

    replays_equal(site, using(site, use))


def reading(site, count):
    async def use(session):
        async with session.get("/large") as response:
            return sum([len(await response.content.readexactly(1000)) for _ in range(count)])

    return using(site, use)


def test_of_a_stream_only_what_was_read_is_kept(site):
    recorded = replays_equal(site, reading(site, 10))
    (call,) = calls(recorded)
    assert len(call.decoded_result()["body"]) == 10_000


def test_reading_on_where_the_recorded_reader_left_is_a_miss(site):
    recorded = Runs(reading(site, 10))
    with pytest.raises(RecordingKeyError, match="10000 bytes of this response were read"):
        recorded.replayed(reading(site, 11))


def test_whoever_reads_on_after_a_miss_gets_it_again(site):
    def reading(*, further):
        async def use(session):
            async with session.get("/large") as response:
                await response.content.readexactly(1000)
                for _ in range(further):
                    with pytest.raises(RecordingKeyError):
                        response.content.read_nowait()
                    with pytest.raises(RecordingKeyError):
                        await response.content.read(10)

        return using(site, use)

    recorded = Runs(reading(further=0))
    _, playback = recorded.replayed(reading(further=2))
    assert {each.alias for each in playback.missed} == {"http GET 127.0.0.1"}


def test_a_body_over_the_limit_harms_nobody_and_cannot_be_replayed(site):
    async def use(session):
        return len(await (await session.get("/large")).read())

    recorded = Runs(using(site, use))
    assert recorded.result == 50 * 1024**2
    assert NOT_REPLAYABLE in recorded.recording.get_metadata()


def test_a_response_that_was_closed_cannot_be_read_and_is_no_error_of_the_body(site):
    async def use(session):
        response = await session.get("/chunked")
        first = await response.content.readany()
        response.close()
        with pytest.raises(aiohttp.ClientConnectionError) as raised:
            await response.content.readany()
        return first[:1], str(raised.value), response.closed

    recorded = replays_equal(site, using(site, use))
    assert calls(recorded)[0].decoded_result().get("error") is None


ERRORS = {
    "/silent": aiohttp.SocketTimeoutError,
    "/stall": aiohttp.SocketTimeoutError,
    "/drop": aiohttp.ServerDisconnectedError,
    "/cut": aiohttp.ClientPayloadError,
    "/nonsense": aiohttp.ClientResponseError,
}


def told(error):
    attributes = {
        name: str(getattr(error, name, None))
        for name in ("status", "message", "errno", "strerror", "host", "port", "request_info")
    }
    return type(error), str(error), attributes, type(error.__cause__)


@pytest.mark.parametrize("path", ERRORS)
def test_an_error_is_raised_again(site, path):
    async def use(session):
        with pytest.raises(aiohttp.ClientError) as raised:
            async with session.get(path) as response:
                await response.read()
        return told(raised.value)

    options = {"timeout": aiohttp.ClientTimeout(sock_read=0.3)}
    assert replays_equal(site, using(site, use, **options)).result[0] is ERRORS[path]


@pytest.mark.parametrize("path", ["/silent", "/stall"])
def test_a_timeout_over_all_is_raised_again(site, path):
    async def use(session):
        with pytest.raises(TimeoutError) as raised:
            async with session.get(path) as response:
                await response.read()
        return type(raised.value), raised.value.args

    options = {"timeout": aiohttp.ClientTimeout(total=0.3)}
    replays_equal(site, using(site, use, **options))


def test_a_connection_that_was_refused_is_refused_again(site):
    site.stop()

    async def use(session):
        with pytest.raises(aiohttp.ClientConnectorError) as raised:
            await session.get("/")
        return told(raised.value)

    recorded = replays_equal(site, using(site, use))
    assert recorded.result[0] is aiohttp.ClientConnectorError


def test_a_name_that_is_unknown_is_unknown_again(site):
    async def use(session):
        with pytest.raises(aiohttp.ClientConnectorDNSError) as raised:
            await session.get("http://nowhere.invalid/")
        return told(raised.value)

    replays_equal(site, using(site, use))


def test_statuses_are_raised_by_the_application_again(site):
    async def use(session):
        with pytest.raises(aiohttp.ClientResponseError) as raised:
            await session.get("/status/503", raise_for_status=True)
        response = await session.get("/status/502")
        with pytest.raises(aiohttp.ClientResponseError):
            response.raise_for_status()
        with pytest.raises(aiohttp.ContentTypeError):
            await (await session.get("/chunked")).json()
        return told(raised.value)

    replays_equal(site, using(site, use))


def test_requests_at_the_same_time_get_their_own_answers(site):
    async def use(session):
        responses = await asyncio.gather(*(session.get(f"/item{n}") for n in range(20)))
        return [(await each.json())["path"] for each in responses]

    recorded = replays_equal(site, using(site, use))
    assert recorded.result == [f"/item{n}" for n in range(20)]


def test_a_request_that_was_cancelled_is_cancelled_again(site):
    async def use(session):
        for path in ("/silent", "/stall"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), session.get(path) as response:
                    await response.read()
        return await (await session.get("/after")).json()

    replays_equal(site, using(site, use))


def test_a_reader_that_gave_up_waiting_and_read_on_has_all(site):
    async def use(session):
        async with session.get("/slowly") as response:
            waiting = 0
            while True:
                try:
                    return await asyncio.wait_for(response.content.readline(), 0.05), waiting > 0
                except TimeoutError:
                    waiting += 1
                    site.released.set()

    recorded = Runs(using(site, use))
    assert recorded.result == (b"at last", True)
    result, playback = recorded.replayed(using(site, use))
    assert (result[0], playback.missed) == (b"at last", [])


def test_a_session_without_a_context_leaves_no_warning_behind(site):
    async def work():
        session = aiohttp.ClientSession(site.url)
        response = await session.get("/a")
        answer = await response.json()
        response.release()
        await response.wait_for_close()
        await session.close()
        with pytest.raises(RuntimeError, match="closed"):
            await session.get("/a")
        return answer

    replays_equal(site, lambda: asyncio.run(work()))


def test_a_response_that_nobody_releases_leaves_no_warning_in_a_replay(site):
    async def use(session):
        return (await session.get("/stall")).status

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        recorded = Runs(using(site, use))
        gc.collect()
    assert recorded.replayed(using(site, use))[0] == 200
    gc.collect()


def test_responses_of_a_class_of_the_application_are_of_it_again(site):
    class Own(aiohttp.ClientResponse):
        async def shout(self):
            return (await self.text()).upper()

    async def use(session):
        return await (await session.get("/chunked")).shout()

    recorded = replays_equal(site, using(site, use, response_class=Own))
    assert recorded.result == "ONE TWO THREE"


def test_a_session_is_shared_by_operations_of_a_loop(site):
    recorder = TapeRecorder(InMemoryTapeCassette())

    @recorder.operation(category="work")
    async def operation(session, path):
        return await (await session.get(path)).json()

    async def serve():
        async with aiohttp.ClientSession(site.url) as session:
            with recorder.enabled_recording():
                return await asyncio.gather(*(operation(session, f"/item{n}") for n in range(5)))

    answers = asyncio.run(serve())
    assert [each["path"] for each in answers] == [f"/item{n}" for n in range(5)]
    ids = list(recorder.tape_cassette.iter_recording_ids("work"))
    recordings = [recorder.tape_cassette.get_recording(each) for each in ids]
    assert [len([e for e in each.entries if "http" in e.alias]) for each in recordings] == [1] * 5


def test_without_an_operation_a_response_is_the_librarys_own(site):
    async def work():
        async with aiohttp.ClientSession(site.url) as session, session.get("/a") as response:
            return type(response.content), await response.json()

    content, answer = asyncio.run(work())
    assert content is aiohttp.StreamReader
    assert answer["path"] == "/a"


def test_a_recording_of_one_library_serves_another(site):
    def by_requests():
        return requests.get(f"{site.url}/gzip").json()

    def by_httpx():
        return httpx.get(f"{site.url}/gzip").json()

    async def use(session):
        return await (await session.get("/gzip")).json()

    by_aiohttp = using(site, use)
    for one in (by_requests, by_httpx, by_aiohttp):
        recorded = Runs(one)
        for other in (by_requests, by_httpx, by_aiohttp):
            result, playback = recorded.replayed(other)
            assert result == recorded.result
            assert playback.missed == []


def test_a_request_that_was_not_recorded_names_what_differs(site):
    def asking(page):
        async def use(session):
            async with session.get("/a", params={"page": page}) as response:
                return response.status

        return using(site, use)

    recorded = Runs(asking("1"))
    with pytest.raises(RecordingKeyError, match="page=2"):
        recorded.replayed(asking("2"))
    assert site.hits == ["GET /a?page=1"]


def test_a_query_in_another_order_means_the_same(site):
    def asking(query):
        async def use(session):
            return await (await session.get(f"/a?{query}")).json()

        return using(site, use)

    recorded = Runs(asking("x=1&y=2"))
    result, playback = recorded.replayed(asking("y=2&x=1"))
    assert result == recorded.result
    assert [each.how for each in playback.moved] == ["normalised"]


def test_another_body_that_is_sent_shows_in_the_outputs(site):
    def sending(number):
        async def use(session):
            return await (await session.post("/a", json={"n": number})).json()

        return using(site, use)

    recorded = Runs(sending(1))
    result, playback = recorded.replayed(sending(2))
    assert result == recorded.result
    assert playback.playback_outputs != playback.recorded_outputs


def test_secrets_are_not_stored_and_the_replay_finds_its_calls(site):
    recorder = TapeRecorder(InMemoryTapeCassette())
    recorder.redaction = HttpRedactor(key=b"k" * 16)

    async def use(session):
        token = (await (await session.get("/secret?token=query-4711")).json())["token"]
        hidden = (await (await session.get("/gzip")).json())["password"]
        sent = {"token": token, "password": hidden}
        async with session.post("/chunked", json=sent) as response:
            return response.status

    headers = {"Authorization": "Basic bWU6aHVudGVyLTItYXV0aA=="}
    operation = using(site, use, headers=headers)
    recorded = Runs(operation, recorder=recorder)
    stored = b"".join(
        part for each in calls(recorded) for part in (each.arguments, each.result) if part
    )
    for secret in (b"4711", b"hunter", b"bWU6aHVudGVy"):
        assert secret not in stored
    result, playback = recorded.replayed(operation)
    assert (result, playback.missed) == (200, [])
    assert playback.playback_outputs == playback.recorded_outputs


def test_the_password_of_a_proxy_is_not_stored(site):
    site.stop()

    async def use(session):
        proxy = site.url.replace("//", "//me:hunter2@")
        with pytest.raises(aiohttp.ClientProxyConnectionError) as raised:
            await session.get("http://example.invalid/", proxy=proxy)
        return told(raised.value)

    recorded = replays_equal(site, using(site, use))
    assert "hunter2" not in repr(calls(recorded)[0].decoded_result().__reduce__())


@pytest.fixture
def echoing():
    """Have a WebSocket server run that gives back what it gets."""
    started, stopping = threading.Event(), asyncio.Event()
    told = {}

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    async def serve():
        app = web.Application()
        app.router.add_get("/", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told["loop"] = asyncio.get_running_loop()
        told["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        started.set()
        await stopping.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    yield told["url"]
    told["loop"].call_soon_threadsafe(stopping.set)
    thread.join()


def test_a_websocket_is_left_alone_and_refused_in_a_replay(echoing):
    async def work():
        async with aiohttp.ClientSession() as session, session.ws_connect(echoing) as socket:
            await socket.send_str("hello")
            return await socket.receive_str()

    recorded = Runs(lambda: asyncio.run(work()))
    assert recorded.result == "hello"
    assert calls(recorded) == []
    with pytest.raises(SideEffectBlocked):
        recorded.replayed(lambda: asyncio.run(work()))


def test_a_fault_of_ours_loses_the_recording_and_not_the_call(site, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("ours")

    async def use(session):
        answer = await (await session.get("/a")).json()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.post("/drop")
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await session.get("/cut")).read()

        async def pieces():
            yield b"12"

        return answer["path"], (await (await session.post("/b", data=pieces())).json())["size"]

    for place in ("aiohttp.http_call", "aiohttp.AiohttpResponse", "_aiohttp_reading.storable"):
        recorder = TapeRecorder(InMemoryTapeCassette())
        with monkeypatch.context() as patched:
            patched.setattr(f"playback_core.interceptors.{place}", broken)
            with recorder.enabled_recording():
                answer = recorder.operation(category="work")(using(site, use))()
        assert answer == ("/a", 2)
        assert recorder.counters == {"failed": 1}


def test_what_is_read_after_the_operation_is_late_and_not_kept(site):
    recorder = TapeRecorder(InMemoryTapeCassette())

    @recorder.operation(category="work")
    async def operation(session):
        response = await session.get("/chunked")
        return response.status, setattr(session, "held", response)

    async def work():
        async with aiohttp.ClientSession(site.url) as session:
            with recorder.enabled_recording(), warnings.catch_warnings(action="ignore"):
                await operation(session)
            return await session.held.read()

    assert asyncio.run(work()) == b"one two three"
    (recording_id,) = recorder.tape_cassette.iter_recording_ids("work")
    recording = recorder.tape_cassette.get_recording(recording_id)
    (call,) = [each for each in recording.entries if each.alias.startswith("http")]
    assert call.decoded_result()["body"] == b""
    assert recorder.counters["late"] == 1


def test_a_certificate_that_is_not_trusted_is_not_trusted_again(tmp_path):
    context, trusted = certified(tmp_path)
    secure = Site(context)

    async def use(session):
        verify = ssl.create_default_context(cafile=str(trusted))
        async with session.get("/a", ssl=verify) as response:
            answer = await response.json()
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as raised:
            await session.get("/a")
        return answer, told(raised.value), str(raised.value.certificate_error)

    try:
        replays_equal(secure, using(secure, use))
    finally:
        secure.stop()


def test_a_form_of_several_parts_is_read_again(site):
    async def use(session):
        async with session.get("/parts") as response:
            reader = aiohttp.MultipartReader.from_response(response)
            return [await part.text() async for part in reader]

    recorded = replays_equal(site, using(site, use))
    assert recorded.result == ["one", "two"]


def test_an_answer_is_handed_on_as_the_body_of_a_request(site):
    async def use(session):
        source = await session.get("/chunked")
        async with source, session.put("/copy", data=source.content) as response:
            return await response.json()

    replays_equal(site, using(site, use))
    assert site.bodies[-1] == b"one two three"


def test_an_aiohttp_without_middlewares_switches_the_interceptor_off(site, monkeypatch, caplog):
    from playback_core.interceptors.aiohttp import INTERCEPTOR

    uninstall("aiohttp")
    monkeypatch.delattr(aiohttp.client, "build_client_middlewares")
    with caplog.at_level(logging.WARNING, logger="playback"):
        install(INTERCEPTOR)
    assert "has no aiohttp.client:build_client_middlewares" in caplog.text
    assert "aiohttp" not in installed()
