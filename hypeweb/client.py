"""A thin client of the site's API: copy this one file, it needs only requests.

    client = Client("https://hype.example.org", token="hype_...")
    real = client.upload_sample_set("real.zip", name="Faces", origin="real")
    made = client.upload_sample_set("made.zip", name="Step 1000", origin="generated")
    study = client.create_study(name="One", real_set=real["id"], arms=[made["id"]])

Every call returns what the API replied, as its OpenAPI description says. Requests that
fail on the way are sent again: POST requests carry an idempotency key, so nothing is
done twice, and an upload goes on where it was cut off.
"""

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

JsonObject = dict[str, Any]
Query = str | int | bool

TIMEOUT_S = 60.0
N_TRIES = 5
# 429 and what a proxy or a restarting server answers.
WORTH_ANOTHER_TRY = {429, 502, 503, 504}
TOO_MANY = 429


class ApiError(Exception):
    """A request that was refused; code is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Client:
    """Talks to a site in the name of whoever made the token."""

    def __init__(self, url: str, *, token: str, pause_s: float = 1.0) -> None:
        self.url = f"{url.rstrip('/')}/api/v1"
        self.pause_s = pause_s
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Query) -> JsonObject:
        """Return what is at a path, such as "/studies/faces/report"."""
        found: JsonObject = self._send("GET", path, params=query).json()
        return found

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> JsonObject:
        """Send something, once, however often it takes."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        made: JsonObject = self._send(
            "POST", path, json=dict(body or {}), headers=headers
        ).json()
        return made

    def items(self, path: str, **query: Query) -> Iterator[JsonObject]:
        """Yield every item of a list, page after page."""
        offset = 0
        while True:
            page = self.get(path, **query, limit=200, offset=offset)
            yield from page["items"]
            offset += len(page["items"])
            if not page["items"] or offset >= page["count"]:
                return

    def upload(self, path: str | Path) -> str:
        """Send a file in parts and return its token; a second call goes on with it."""
        path = Path(path)
        size_bytes = path.stat().st_size
        announced = self.post(
            "/uploads",
            {
                "name": path.name,
                "size_bytes": size_bytes,
                "fingerprint": _fingerprint(path),
            },
        )
        with path.open("rb") as file:
            while not announced["is_complete"]:
                offset = announced["received_bytes"]
                file.seek(offset)
                part = file.read(announced["part_bytes"])
                announced = self._send(
                    "PUT",
                    f"/uploads/{announced['token']}",
                    params={
                        "offset": offset,
                        "sha256": hashlib.sha256(part).hexdigest(),
                    },
                    data=part,
                    headers={"Content-Type": "application/octet-stream"},
                ).json()
        token: str = announced["token"]
        return token

    def upload_sample_set(
        self, *paths: str | Path, name: str, origin: str, **described: object
    ) -> JsonObject:
        """Upload files, make a sample set of them, and return it when it is ready."""
        made = self.post(
            "/sample-sets",
            {
                "name": name,
                "origin": origin,
                "uploads": [self.upload(path) for path in paths],
                **described,
            },
        )
        return self.wait_for_sample_set(made["id"])

    def wait_for_sample_set(self, pk: int, *, timeout_s: float = 3600) -> JsonObject:
        """Return a sample set once it has its images."""
        end = time.monotonic() + timeout_s
        while True:
            found = self.get(f"/sample-sets/{pk}")
            job = found["job"] or {"state": "done"}
            if job["state"] == "done":
                return found
            if job["state"] == "failed":
                raise ApiError(409, "sample_set_failed", job["error"])
            self._pause_until(end, f"the images of sample set {pk}")

    def upload_generator(
        self, path: str | Path, *, name: str, z_shape: str, **described: object
    ) -> JsonObject:
        """Upload an ONNX file, and return the generator once the site has tried it."""
        made = self.post(
            "/generators",
            {
                "name": name,
                "upload": self.upload(path),
                "z_shape": z_shape,
                **described,
            },
        )
        return self.wait_for_generator(made["id"])

    def wait_for_generator(self, pk: int, *, timeout_s: float = 3600) -> JsonObject:
        """Return a generator once it can be sampled."""
        end = time.monotonic() + timeout_s
        while True:
            found = self.get(f"/generators/{pk}")
            if found["state"] == "done":
                return found
            if found["state"] == "failed":
                raise ApiError(409, "generator_failed", found["error"])
            self._pause_until(end, f"the trial of generator {pk}")

    def sample_generator(self, pk: int, **wanted: object) -> list[JsonObject]:
        """Make a set for each of the truncations; return them when they are ready."""
        made = self.post(f"/generators/{pk}/samplings", wanted)
        return [self.wait_for_sample_set(run["sample_set"]) for run in made["runs"]]

    def create_study(self, **settings: object) -> JsonObject:
        """Make a draft; its name, real_set and arms are needed."""
        return self.post("/studies", settings)

    def open_study(self, slug: str, *, timeout_s: float = 3600) -> JsonObject:
        """Open a draft once its leak audit and masks are done; return it."""
        end = time.monotonic() + timeout_s
        while self.get(f"/studies/{slug}")["is_preparing"]:
            self._pause_until(end, f"the preparation of study {slug}")
        return self.post(f"/studies/{slug}/open")

    def wait_for_evaluations(
        self, slug: str, *, timeout_s: float = 3600
    ) -> dict[int, JsonObject]:
        """Return a study's evaluations by sample set, once none is under way."""
        end = time.monotonic() + timeout_s
        while True:
            runs = list(self.items(f"/studies/{slug}/evaluations"))
            if all(run["state"] in {"done", "failed"} for run in runs):
                return {run["sample_set"]: run for run in runs}
            self._pause_until(end, f"the evaluations of study {slug}")

    def wait_for_sessions(
        self, slug: str, *, per_arm: int, timeout_s: float = 30 * 24 * 3600
    ) -> JsonObject:
        """Return a study once so many people have finished each arm and are scored."""
        end = time.monotonic() + timeout_s
        while True:
            found = self.get(f"/studies/{slug}")
            is_full = all(arm["n_finished"] >= per_arm for arm in found["arms"])
            if is_full and self.get(f"/studies/{slug}/scores")["count"]:
                return found
            self._pause_until(end, f"the evaluators of study {slug}")

    def export(self, slug: str, what: str, path: str | Path, **query: Query) -> Path:
        """Write one of a study's tables to a file: format is csv, json or parquet."""
        path = Path(path)
        with (
            self._send(
                "GET", f"/studies/{slug}/exports/{what}", params=query, stream=True
            ) as response,
            path.open("wb") as file,
        ):
            for piece in response.iter_content(2**20):
                file.write(piece)
        return path

    def _pause_until(self, end: float, what: str) -> None:
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took too long; ask again later.")
        time.sleep(self.pause_s)

    def _send(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - those of requests
    ) -> requests.Response:
        """Return a reply, after as many tries as a bad connection needs."""
        for attempt in range(1, N_TRIES + 1):
            try:
                response = self._session.request(
                    method, self.url + path, timeout=TIMEOUT_S, **options
                )
            except (requests.ConnectionError, requests.Timeout):
                if attempt == N_TRIES:
                    raise
                time.sleep(self.pause_s * 2**attempt)
                continue
            if response.status_code not in WORTH_ANOTHER_TRY or attempt == N_TRIES:
                return _checked(response)
            wait_s = response.headers.get("Retry-After", "")
            time.sleep(float(wait_s) if wait_s.isdigit() else self.pause_s * 2**attempt)
        raise AssertionError("not reached")


def _checked(response: requests.Response) -> requests.Response:
    if response.ok:
        return response
    try:
        said = response.json()
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "unknown", f"The server answered {response.status_code}."
    raise ApiError(response.status_code, code, message)


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
