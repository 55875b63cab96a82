"""Content codings are taken off to look for secrets, within bounds."""

import zlib

import pytest

from playback_core.content_codings import MAX_DECODED, decoded, encoded
from tests.interceptors.http_server import CODINGS


@pytest.mark.parametrize("name", CODINGS)
def test_a_body_comes_out_of_its_coding_and_its_beginning_does(name):
    coding, body = name.partition("-")[0], CODINGS[name](b"the body" * 100)
    assert decoded(coding, body) == b"the body" * 100
    assert decoded(coding, encoded(coding, b"another")) == b"another"
    beginning = decoded(coding, body[: len(body) // 2])
    assert beginning is None or (b"the body" * 100).startswith(beginning)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br", "compress"])
def test_what_is_in_no_such_coding_is_left_alone(coding):
    assert decoded(coding, b"this is no such thing") is None


def test_a_small_body_that_decodes_to_a_huge_one_is_left_alone():
    compressor = zlib.compressobj()
    block = bytes(1024 * 1024)
    bomb = b"".join(compressor.compress(block) for _ in range(MAX_DECODED // len(block) + 1))
    assert decoded("deflate", bomb + compressor.flush()) is None
