"""A library as your company may have one: parcels are rated and shipped by a server."""

import json
import socket
from typing import Any


class ParcelError(Exception):
    """What the server refuses."""


class Client:
    """Speaks a line of JSON each way with the server."""

    def __init__(self, host: str, port: int) -> None:
        self.address = host, port

    def request(self, verb: str, **parameters: Any) -> Any:
        """Send one request and return its answer; raise ParcelError where it is refused."""
        with socket.create_connection(self.address, timeout=10) as connection:
            stream = connection.makefile("rw")
            print(json.dumps({"verb": verb, **parameters}), file=stream, flush=True)
            answer = json.loads(stream.readline())
        if "error" in answer:
            raise ParcelError(answer["error"])
        return answer["result"]
