"""A server that speaks the protocols of AWS, in this process: `moto`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from playback_core.packing import Redaction
from tests.interceptors.runs import Runs

REGION = "eu-central-1"


@contextmanager
def aws_server() -> Iterator[str]:
    """Run an empty server for a block, and give its URL."""
    moto_api_backend.reset()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def credentials(**given: str) -> Iterator[None]:
    """Have only the given credentials in the environment for a block, and none elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


def client(service: str, url: str, **options: Any) -> Any:
    return boto3.client(service, region_name=REGION, endpoint_url=url, **options)


def recorded(
    operation: Callable[[str], Any],
    prepare: Callable[[str], Any] | None = None,
    *,
    redaction: Redaction | None = None,
) -> Runs:
    """Record an operation over a running server, which is stopped when this returns."""
    with aws_server() as url:
        if prepare is not None:
            prepare(url)
        return Runs(lambda: operation(url), redaction)
