"""`python -m benchmarks.kilobyte_server`: answers each GET with 1 KB; prints its port first."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KILOBYTE = b"x" * 1024


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet.
    wbufsize = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(KILOBYTE)))
        self.end_headers()
        self.wfile.write(KILOBYTE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def running_server() -> Iterator[str]:
    """Run one in a process of its own for a block; give its URL."""
    command = [sys.executable, "-m", "benchmarks.kilobyte_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = next(iter(server.stdout or ()))
            yield f"http://127.0.0.1:{int(port)}/things"
        finally:
            server.terminate()


def main() -> None:
    """Serve until the process is ended."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
