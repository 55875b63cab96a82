"""A real HTTP server on loopback, for the tests of HTTP clients: what it saw, and what it says."""

import gzip
import json
import ssl
import sys
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import brotli
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.interceptors.runs import Runs

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGE = 50 * 1024**2
BLOCK = b"x" * 64 * 1024


# By their names; of some there are two kinds.
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip-members": lambda plain: gzip.compress(plain[:9]) + gzip.compress(plain[9:]),
    "deflate": zlib.compress,
    "deflate-raw": lambda plain: zlib.compress(plain)[2:-4],
    "zstd": zstd.compress,
    "br": brotli.compress,
}


class Site:
    """The server as a test sees it: `hits` has `METHOD /path` of each request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.hits: list[str] = []
        self.bodies: list[bytes] = []
        self.released = threading.Event()
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.is_running = True

    def stop(self) -> None:
        """Stop, so that a connection is refused."""
        if self.is_running:
            self.is_running = False
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


def replays_equal(site: Site, work: Callable[[], Any]) -> Runs:
    """Record an operation, stop the server, replay it sealed: nothing may differ or reach out."""
    recorded = Runs(work)
    site.stop()
    hits = len(site.hits)
    recorded.replayed_the_same()
    assert len(site.hits) == hits
    return recorded


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for 127.0.0.1; return what serves by it, and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    certificate = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    site: ClassVar[Site]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: Any) -> None:
        pass

    def handle_any(self) -> None:
        body = self._body()
        self.site.hits.append(f"{self.command} {self.path}")
        self.site.bodies.append(body)
        path = urlsplit(self.path).path
        routes: dict[str, Callable[[bytes], None]] = {
            "/redirect": self._redirect,
            "/gzip": self._gzip,
            "/chunked": self._chunked,
            "/large": self._large,
            "/silent": self._silent,
            "/drop": self._drop,
            "/cut": self._cut,
            "/secret": self._secret,
            "/close": self._close,
            "/stall": self._stall,
            "/broken": self._broken,
            "/slowly": self._slowly,
            "/parts": self._parts,
            "/nonsense": self._nonsense,
            "/digest": self._digest,
            "/loop": self._loop,
            "/kept": self._kept,
        }
        routes.get(path, self._echo)(body)

    do_GET = do_HEAD = do_OPTIONS = handle_any
    do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline() or b"0", 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(
        self, body: bytes, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _echo(self, body: bytes) -> None:
        told = {
            "hit": len(self.site.hits),
            "method": self.command,
            "path": self.path,
            "cookie": self.headers.get("Cookie"),
            "authorization": self.headers.get("Authorization"),
            "size": len(body),
        }
        _, _, wanted = urlsplit(self.path).path.partition("/status/")
        status = int(wanted or 200)
        self._answer(json.dumps(told).encode(), status, (("Content-Type", "application/json"),))

    def _redirect(self, body: bytes) -> None:
        cookies = (("Set-Cookie", "first=1; Path=/"), ("Set-Cookie", "second=2; Path=/"))
        self._answer(b"moved", 302, (("Location", "/landing"), *cookies))

    def _gzip(self, body: bytes) -> None:
        plain = json.dumps({"hit": len(self.site.hits), "password": "hunter2"}).encode()
        coding = parse_qs(urlsplit(self.path).query).get("coding", ["gzip"])[0]
        kinds = (
            ("Content-Encoding", coding.partition("-")[0]),
            ("Content-Type", "application/json"),
        )
        self._answer(CODINGS[coding](plain), 200, kinds)

    def _secret(self, body: bytes) -> None:
        told = json.dumps({"token": "tok-4711", "hit": len(self.site.hits)}).encode()
        headers = (
            ("Content-Type", "application/json"),
            ("Set-Cookie", "session=cook-4711; Path=/"),
            ("Location", "/next?token=tok-4711"),
        )
        self._answer(told, 200, headers)

    def _chunked(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"one ", b"two ", b"three"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _large(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(LARGE))
        self.end_headers()
        for _ in range(LARGE // len(BLOCK)):
            self.wfile.write(BLOCK)

    def _silent(self, body: bytes) -> None:
        self.site.released.wait(60)
        self.close_connection = True

    def _drop(self, body: bytes) -> None:
        self.close_connection = True

    def _cut(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only these")
        self.close_connection = True

    def _close(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"until the end")

    def _stall(self, body: bytes) -> None:
        self._cut(body)
        self.wfile.flush()
        self._silent(body)

    def _broken(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\none\r\n20\r\nno twenty")
        self.close_connection = True

    def _slowly(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.flush()
        self.site.released.wait(60)
        self.wfile.write(b"at last")

    def _parts(self, body: bytes) -> None:
        parts = b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
        self._answer(parts, 200, (("Content-Type", "multipart/mixed; boundary=b"),))

    def _nonsense(self, body: bytes) -> None:
        self.wfile.write(b"this is no HTTP\r\n\r\n")
        self.close_connection = True

    def _digest(self, body: bytes) -> None:
        if "Authorization" in self.headers:
            self._answer(b"let in")
        else:
            challenge = 'Digest realm="r", qop="auth", nonce="0123", algorithm=MD5'
            self._answer(b"who?", 401, (("WWW-Authenticate", challenge),))

    def _loop(self, body: bytes) -> None:
        self._answer(b"", 302, (("Location", "/loop"),))

    def _kept(self, body: bytes) -> None:
        self._answer(b"", 307, (("Location", "/landing"),))
