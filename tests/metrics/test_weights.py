import hashlib
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from metrics.errors import MetricsError
from metrics.weights import (
    PUBLISHED,
    PublishedWeights,
    cached_weights,
    download,
    find_weights,
    weights_folders,
)

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `CONTENT` and continues where a client asks."""

    def do_GET(self):
        requested = self.headers.get("Range")
        self.server.ranges.append(requested)
        start = (
            int(requested.removeprefix("bytes=").removesuffix("-") or 0)
            if (requested)
            else 0
        )
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if requested else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : start + self.server.sends_bytes])

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def publisher():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.ranges = []
        server.sends_bytes = len(CONTENT)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def published(server, sha256=SHA256):
    url = f"http://127.0.0.1:{server.server_port}/net.pth"
    return PublishedWeights("net.pth", url, sha256, ("other.pth",))


def test_published_names_carry_the_start_of_their_hash():
    for weights in PUBLISHED.values():
        assert weights.file_name.endswith(f"-{weights.sha256[:8]}.pth")
        assert weights.url.endswith(weights.file_name)


def test_download_keeps_the_checked_file(publisher, tmp_path):
    found = download(published(publisher), tmp_path / "new")

    assert found.path.read_bytes() == CONTENT
    assert found.is_published
    names = sorted(path.name for path in found.path.parent.iterdir())
    assert names == ["net.pth", "net.pth.lock"]


def test_download_continues_where_it_stopped(publisher, tmp_path):
    (tmp_path / "net.pth.part").write_bytes(CONTENT[:1000])

    found = download(published(publisher), tmp_path)

    assert found.path.read_bytes() == CONTENT
    assert publisher.ranges == ["bytes=1000-"]


def test_download_keeps_the_part_of_a_lost_connection(publisher, tmp_path):
    publisher.sends_bytes = 1000

    with pytest.raises(MetricsError, match=r"lost after 1,000 of 1,280,000 bytes"):
        download(published(publisher), tmp_path)
    publisher.sends_bytes = len(CONTENT)
    found = download(published(publisher), tmp_path)

    assert found.path.read_bytes() == CONTENT
    assert publisher.ranges == [None, "bytes=1000-"]


def test_download_fetches_once_for_callers_at_once(publisher, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = [
            pool.submit(download, published(publisher), tmp_path) for _ in range(4)
        ]

    assert {future.result().sha256 for future in found} == {SHA256}
    assert publisher.ranges == [None]


def test_download_accepts_a_part_that_is_complete(publisher, tmp_path):
    (tmp_path / "net.pth.part").write_bytes(CONTENT)

    assert download(published(publisher), tmp_path).is_published


def test_download_refuses_another_file(publisher, tmp_path):
    with pytest.raises(MetricsError, match="the download was deleted, try again"):
        download(published(publisher, sha256="0" * 64), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["net.pth.lock"]


def test_download_offline_names_file_address_and_folder(tmp_path):
    weights = PublishedWeights("net.pth", "http://127.0.0.1:9/net.pth", SHA256)

    with pytest.raises(MetricsError) as caught:
        download(weights, tmp_path)

    message = str(caught.value)
    for part in ("net.pth", "http://127.0.0.1:9/net.pth", str(tmp_path), "--weights"):
        assert part in message
    assert "\n" not in message


def test_cached_weights_looks_under_other_names_in_torchs_hub(publisher):
    folder = weights_folders()[1]
    folder.mkdir(parents=True)
    (folder / "other.pth").write_bytes(CONTENT)

    assert cached_weights(published(publisher)).path == folder / "other.pth"


def test_cached_weights_is_none_without_a_copy(publisher):
    assert cached_weights(published(publisher)) is None


def test_cached_weights_refuses_a_damaged_copy(publisher):
    folder = weights_folders()[0]
    folder.mkdir(parents=True)
    (folder / "net.pth").write_bytes(CONTENT[:-1])

    with pytest.raises(MetricsError, match=r"must have sha256 .* delete it"):
        cached_weights(published(publisher))


def test_find_weights_takes_the_callers_file(tmp_path):
    file = tmp_path / "mine.pth"
    file.write_bytes(CONTENT)

    found = find_weights("vgg16-fc2", file)

    assert (found.path, found.sha256, found.is_published) == (file, SHA256, False)


def test_find_weights_refuses_a_missing_file(tmp_path):
    with pytest.raises(MetricsError, match=r"none\.pth does not exist"):
        find_weights("vgg16-fc2", tmp_path / "none.pth")


def test_find_weights_prefers_the_cache(monkeypatch):
    weights = PublishedWeights("net.pth", "http://127.0.0.1:9/net.pth", SHA256)
    monkeypatch.setitem(PUBLISHED, "vgg16-fc2", weights)
    folder = weights_folders()[0]
    folder.mkdir(parents=True)
    (folder / "net.pth").write_bytes(CONTENT)

    assert find_weights("vgg16-fc2").path == folder / "net.pth"
