"""An HTTP server whose replies fail on purpose, by a seeded plan."""

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

NO_CONTENT = 204


@dataclass
class Faults:
    """How often each thing goes wrong; everything else goes right."""

    seed: int = 0
    lost_before: float = 0.0  # the request never arrived
    lost_after: float = 0.0  # it was carried out, and the reply was lost
    broken_before: float = 0.0  # 500, and nothing was done
    broken_after: float = 0.0  # 500, and it was done
    busy: float = 0.0  # throttled

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._lock = threading.Lock()
        self.seen: Counter[str] = Counter()

    def draw(self) -> str:
        kinds = ["lost_before", "lost_after", "broken_before", "broken_after", "busy"]
        shares = [getattr(self, kind) for kind in kinds]
        with self._lock:
            kind = self._rng.choice([*kinds, ""], p=[*shares, 1 - sum(shares)])
            self.seen[str(kind)] += 1
        return str(kind)


@dataclass
class Reply:
    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    def handle_error(self, *args) -> None:
        """Say nothing: a client that was killed leaves its connection open."""


class Double:
    """A service: subclasses answer; faults happen around them."""

    busy_reply = Reply({}, 429)

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.lock = threading.RLock()
        self.requests: list[tuple[str, str]] = []

    def answer(self, method: str, path: str, headers, body: bytes) -> Reply:
        raise NotImplementedError

    @contextmanager
    def serving(self):
        """Serve on a free port of this machine; yields the address."""
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                double.handle(self)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *args) -> None:
                pass

        server = Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self.faults.draw()
        if fault == "lost_before":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "busy":
            self.reply(handler, self.busy_reply)
            return
        if fault == "broken_before":
            self.reply(handler, Reply({"message": "fault"}, 500))
            return
        with self.lock:
            self.requests.append((handler.command, handler.path))
            reply = self.answer(handler.command, handler.path, handler.headers, body)
        if fault == "lost_after":
            handler.close_connection = True
            handler.connection.close()
        elif fault == "broken_after":
            self.reply(handler, Reply({"message": "fault"}, 500))
        else:
            self.reply(handler, reply)

    def reply(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        data = b"" if reply.status == NO_CONTENT else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
