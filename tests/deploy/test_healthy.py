"""deploy/healthy asks as the reverse proxy would, and its exit status is the answer."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.deploy.reading import DEPLOY


class Site(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, str]]
    status: int

    def do_GET(self) -> None:
        self.asked.append(
            (self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"])
        )
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[HTTPServer]:
    Site.asked, Site.status = [], 200
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def healthy(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DEPLOY / "healthy", f"http://127.0.0.1:{port}/health/"],
        env={**os.environ, "ALLOWED_HOSTS": "hype.example.org,other.example.org"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_healthy_asks_for_the_sites_own_host_through_https(site):
    result = healthy(site.server_port)

    assert (result.returncode, result.stderr) == (0, "")
    assert Site.asked == [("/health/", "hype.example.org", "https")]


def test_healthy_fails_on_an_error_page(site):
    Site.status = 500

    result = healthy(site.server_port)

    assert result.returncode == 1
    assert "500" in result.stderr


def test_healthy_fails_where_nothing_listens(site):
    port = site.server_port
    site.server_close()

    result = healthy(port)

    assert result.returncode == 1
    assert "does not answer" in result.stderr
