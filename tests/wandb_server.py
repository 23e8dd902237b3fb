"""A stand-in for wandb's server: it keeps one sweep and hands out the values that it was given, one run at a time."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import yaml

SWEEP = {"name": "standin", "project": {"id": "p", "name": "project", "entity": {"id": "e", "name": "somebody"}}}


class SweepServer(ThreadingHTTPServer):
    """Serve on the loopback; `runs` are the values of each run, by its id."""

    def __init__(self, runs: dict[str, dict[str, float]]) -> None:
        super().__init__(("127.0.0.1", 0), SweepRequest)
        self.waiting = dict(runs)
        self.config = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, query: str, variables: dict) -> dict:
        """Return the data that answer one GraphQL request of `wandb sweep` or `wandb agent`."""
        if "upsertSweep" in query:
            self.config = variables["config"]
            return {"upsertSweep": {"sweep": SWEEP, "configValidationWarnings": []}}
        if "SweepWithRuns" in query:
            return {"project": {"sweep": {"id": "s", "config": self.config, "runs": {"edges": []}}}}
        if "createAgent" in query:
            return {"createAgent": {"agent": {"id": "a"}}}
        if "agentHeartbeat" in query:
            commands = self.next_commands(json.loads(variables["runState"]))
            return {"agentHeartbeat": {"agent": {"id": "a"}, "commands": json.dumps(commands)}}
        return {"viewer": {"id": "v", "entity": "somebody", "username": "somebody", "flags": "{}"}}

    def next_commands(self, running: dict[str, bool]) -> list[dict]:
        if running or not self.waiting:
            return []
        run_id = next(iter(self.waiting))
        args = {name: {"value": value} for name, value in self.waiting.pop(run_id).items()}
        return [{"type": "run", "run_id": run_id, "program": yaml.safe_load(self.config)["program"], "args": args}]


class SweepRequest(BaseHTTPRequestHandler):
    server: SweepServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = self.server.answer(request["query"], request.get("variables") or {})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"data": data}).encode())

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def sweep_server(runs: dict[str, dict[str, float]]) -> Iterator[SweepServer]:
    """Serve one sweep as long as the block lasts."""
    with SweepServer(runs) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
