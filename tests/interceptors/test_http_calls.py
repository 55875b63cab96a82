"""What an HTTP call is to a recording, whichever library makes it; shown with requests."""

import asyncio
import gzip
import json
import pickle
import urllib.request

import aiohttp
import httpx
import pytest
import requests
import urllib3

from playback_core import RecordingKeyError, TapeRecorder
from playback_core.cassettes.in_memory import InMemoryTapeCassette
from playback_core.interceptor_options import InterceptorOptions
from playback_core.metadata import NOT_REPLAYABLE
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


def recorder(**options):
    made = TapeRecorder(InMemoryTapeCassette())
    made.interceptor_options = InterceptorOptions(**options)
    return made


def test_a_pattern_makes_a_search_by_post_an_input(site):
    calls = (("POST http://*/search*", "input"), ("* http://*/hook", "output"))

    def work(word="tea"):
        found = requests.post(f"{site.url}/search?page=1", json={"word": word}).json()
        requests.get(f"{site.url}/hook")
        requests.post(f"{site.url}/orders")
        return found

    recorded = Runs(work, recorder=recorder(http_calls=calls))
    assert recorded.calls[1:4] == [
        ("INPUT", "http POST 127.0.0.1"),
        ("OUTPUT", "http GET 127.0.0.1"),
        ("OUTPUT", "http POST 127.0.0.1"),
    ]
    assert recorded.replayed(work)[0] == recorded.result
    with pytest.raises(RecordingKeyError, match="coffee"):
        recorded.replayed(lambda: work("coffee"))


def test_what_differs_from_run_to_run_is_not_compared(site):
    def work(run="1"):
        headers = {"User-Agent": f"app/{run}", "traceparent": run, "X-Tenant": "blue"}
        return requests.get(site.url, headers=headers).json()

    recorded = Runs(work)
    result, playback = recorded.replayed(lambda: work("2"))
    assert (result, playback.moved) == (recorded.result, [])
    kept = recorded.recording.entries[1].decoded_arguments()[1]["headers"]
    assert kept == {"x-tenant": ["blue"]}


def test_the_limit_of_bodies_can_be_set(site):
    def work():
        return requests.post(site.url, data=b"x" * 50).json()["size"]

    recorded = Runs(work, recorder=recorder(body_limit=40))
    assert recorded.result == 50
    sent = recorded.recording.entries[1].decoded_arguments()["kwargs"]["body"]
    assert sent["size"] == 50
    assert "BODY_LIMIT is 40" in recorded.recording.get_metadata()[NOT_REPLAYABLE]


def test_a_recorder_that_is_sent_to_another_process_keeps_its_options():
    calls = (("POST http://*/search", "input"),)
    sent = TapeRecorder()
    sent.interceptor_options = InterceptorOptions(http_calls=calls)
    copy = pickle.loads(pickle.dumps(sent))
    assert copy.interceptor_options == InterceptorOptions(http_calls=calls)


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.json()


def by_urllib(url):
    with urllib.request.urlopen(url) as answer:
        encoded = answer.headers["Content-Encoding"] == "gzip"
        body = answer.read()
        return json.loads(gzip.decompress(body) if encoded else body)


def by_urllib3(url):
    with urllib3.PoolManager() as manager:
        return manager.request("GET", url).json()


CLIENTS = {
    "requests": lambda url: requests.get(url).json(),
    "httpx": lambda url: httpx.get(url).json(),
    "aiohttp": lambda url: asyncio.run(by_aiohttp(url)),
    "urllib3": by_urllib3,
    "urllib": by_urllib,
}


@pytest.mark.parametrize("path", ["things", "gzip"])
@pytest.mark.parametrize("other", CLIENTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_what_one_library_recorded_serves_another(site, client, other, path):
    url = f"{site.url}/{path}"
    recorded = Runs(lambda: CLIENTS[client](url))
    result, playback = recorded.replayed(lambda: CLIENTS[other](url))
    assert (result, playback.missed, len(site.hits)) == (recorded.result, [], 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_of_another_host_is_a_miss_that_names_both_hosts(site, method):
    def work(host="127.0.0.1"):
        return requests.request(method, site.url.replace("127.0.0.1", host)).status_code

    recorded = Runs(work)
    with pytest.raises(RecordingKeyError) as raised:
        recorded.replayed(lambda: work("localhost"))
    assert f"http {method} localhost" in str(raised.value)
    assert f"the nearest recorded alias is 'http {method} 127.0.0.1'" in str(raised.value)
