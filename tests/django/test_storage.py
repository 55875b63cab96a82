"""Files that are saved of what can be read only once: kept as they are read."""

import json

from tests.django.conftest import make_project
from tests.recorded import stored_in

URLS = """
import os
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.http import HttpResponse
from django.urls import path

TEXT = b"tea"

class Once:
    def __init__(self, data):
        self.pieces = [data, data]

    def read(self, size=-1):
        return self.pieces.pop() if self.pieces else b""

class Chunked(File):
    def chunks(self, chunk_size=None):
        yield from (b"chunk", TEXT)

    def seek(self, *place):
        raise OSError("it is a stream")

def piped(data):
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return os.fdopen(reading, "rb")

def saved(request):
    storage = FileSystemStorage("media", base_url="/media/")
    names = [storage.save("once", Once(TEXT)), storage.save("chunked", Chunked(None))]
    with piped(TEXT) as pipe:
        names.append(storage.save("piped", pipe))
    names.append(storage.save("large", Once(TEXT * 300)))
    return HttpResponse(" ".join(names))

urlpatterns = [path("", saved, name="saved")]
"""


def test_what_can_be_read_only_once_is_recorded_as_it_was_saved_and_replays(tmp_path):
    project = make_project(tmp_path)
    project.write("shop_urls", URLS)
    settings = (tmp_path / "shop_settings.py").read_text()
    project.write("shop_settings", f"{settings}\nPLAYBACK['BODY_LIMIT'] = 1000\n")
    project.record()
    names = ("once", "chunked", "piped")
    files = [(tmp_path / "media" / name).read_bytes() for name in names]
    assert files == [b"teatea", b"chunktea", b"tea"]
    (recording,) = (r for r in stored_in(tmp_path / "playback.db") if r.category == "saved")
    told = [
        each.decoded_arguments()["kwargs"]["content"]
        for each in recording.entries
        if each.alias == "django storage save"
    ]
    assert told[:3] == files
    assert told[3]["size"] == 1800

    document = json.loads(project.manage("playback_compare", "saved", "--json").stdout)
    assert [each["status"] for each in document["categories"]["saved"]] == ["Equal"]
    project.write("shop_urls", URLS.replace('b"tea"', 'b"milk"'))
    document = json.loads(project.manage("playback_compare", "saved", "--json").stdout)
    (verdict,) = document["categories"]["saved"]
    assert verdict["status"] == "Different"
    assert all(f"django storage save #{number}" in str(verdict) for number in range(1, 5))
