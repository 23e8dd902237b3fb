"""An OpenAI-compatible server on this machine that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

Request = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes] | None


def says(content: Any, finish_reason: str = "stop") -> Reply:
    """Reply with a message: a text as it is, all else as JSON."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": finish_reason, "message": message}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return 200, {}, json.dumps({"choices": [choice], "usage": usage}).encode()


def fails(status: int, **headers: str) -> Reply:
    """Reply with an error."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, b'{"error": {"message": "no"}}'


STALLS: Reply = None


class LoopbackModel:
    """Give the scripted replies in turn, then what `otherwise` makes of each request. A context manager."""

    def __init__(self, script: Iterable[Reply] = (), otherwise: Callable[[Request], Reply] | None = None) -> None:
        self.requests: list[Request] = []
        self._script = iter(list(script))
        self._otherwise = otherwise or (lambda request: fails(500))
        self._closing = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> LoopbackModel:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, request: Request) -> Reply:
        self.requests.append(request)
        for reply in self._script:
            return reply
        return self._otherwise(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base class's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                reply = model._reply(json.loads(body))
                if reply is STALLS:
                    model._closing.wait()
                    return
                status, headers, content = reply
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler
