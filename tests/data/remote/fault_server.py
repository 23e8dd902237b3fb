"""An HTTP server on the loopback that serves a folder by ranges, and fails as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

# A body of many small pieces, so that a process can be killed in the middle of one.
PIECE_BYTES = 4096


@dataclass
class FaultServer:
    """What is served and how; the tests change it while it serves.

    Args:
        folder: What is served.
        faults: By the end of a path, what happens to the next GETs of it, one after the other: a status, or "cut" (half
            of the body), "stall" (half of the body, then nothing), "wrong" (a flipped bit), "empty".
        always: The same, for every GET of it.
        ranges: Whether ranges are known; else every answer is the whole file.
        piece_s: From one piece of a body to the next.
    """

    folder: Path
    faults: dict[str, list[int | str]] = field(default_factory=dict)
    always: dict[str, int | str] = field(default_factory=dict)
    ranges: bool = True
    piece_s: float = 0.0
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def gets(self, end: str) -> list[str | None]:
        """The ranges of all GETs of a path so far."""
        return [bytes_ for method, path, bytes_ in self.requests if method == "GET" and path.endswith(end)]

    def fault_of(self, path: str) -> int | str | None:
        for end, faults in self.faults.items():
            if path.endswith(end) and faults:
                return faults.pop(0)
        return next((fault for end, fault in self.always.items() if path.endswith(end)), None)


@contextmanager
def serving(folder: Path) -> Iterator[FaultServer]:
    server = FaultServer(folder)
    closing = threading.Event()

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.requested("HEAD")
            self.answer(None, with_body=False)

        def do_GET(self) -> None:
            self.requested("GET")
            self.answer(server.fault_of(self.file_path), with_body=True)

        @property
        def file_path(self) -> str:
            return unquote(urlsplit(self.path).path)

        def requested(self, method: str) -> None:
            server.requests.append((method, self.file_path, self.headers.get("Range")))

        def answer(self, fault: int | str | None, with_body: bool) -> None:
            file = server.folder / self.file_path.lstrip("/")
            if isinstance(fault, int) or not file.is_file():
                self.send_response(fault or 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status, body = self.part_of(file.read_bytes())
            if fault == "wrong":
                body = bytes([body[0] ^ 1]) + body[1:]
            if fault == "empty":
                body = b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.send(body[: len(body) // 2] if fault in ("cut", "stall") else body)
            if fault == "stall":
                closing.wait()
            if fault in ("cut", "stall"):
                self.close_connection = True

        def part_of(self, content: bytes) -> tuple[int, bytes]:
            wanted = self.headers.get("Range")
            if wanted is None or not server.ranges:
                return 200, content
            start, _, last = wanted.removeprefix("bytes=").partition("-")
            return 206, content[int(start) : int(last) + 1]

        def send(self, body: bytes) -> None:
            for start in range(0, len(body), PIECE_BYTES) if server.piece_s else [0]:
                self.wfile.write(body[start : start + PIECE_BYTES] if server.piece_s else body)
                self.wfile.flush()
                time.sleep(server.piece_s)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle(self) -> None:
            # The client was killed, or did not want to wait.
            with suppress(ConnectionError):
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Request) as listener:
        listener.daemon_threads, listener.block_on_close = True, False
        server.port = listener.server_port
        threading.Thread(target=listener.serve_forever, args=(0.005,), daemon=True).start()
        yield server
        closing.set()
        listener.shutdown()
