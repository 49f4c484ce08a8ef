"""Evaluators for a bench: as little of a browser as a session needs, on one thread.

A hundred of them take a few hundredths of a core, which the bench reports: the client
must not eat what it measures.
"""

import asyncio
import json
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import urlencode

COUNTDOWN_S = 1.5
FEEDBACK_S = 0.7
MASKS_S = 0.12
# From the blank after the masks to the key, median and spread of the logarithm.
RESPONSE_S, RESPONSE_LOG_SD = 0.6, 0.4
FAST_S = (1.0, 2.0)
COOKIE = re.compile(rb"csrftoken=(\w+)")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Times:
    """Seconds from request to reply by kind, with the moment of each reply."""

    of: dict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, kind, seconds):
        self.of[kind].append((time.perf_counter(), seconds))

    def between(self, kind, begin, end):
        return [1000 * s for at, s in self.of[kind] if begin <= at <= end]


class Connection:
    """One connection kept open, opened again where the server closed it."""

    def __init__(self, port):
        self._port = port
        self._streams = None
        self.csrf = b""

    async def send(self, method, path, body=b"", *, content="application/json"):
        lines = [
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n".encode(),
            b"Accept: application/json, text/html\r\n",
            b"Cookie: csrftoken=%b\r\nX-CSRFToken: %b\r\n" % (self.csrf, self.csrf),
        ]
        if method == "POST":
            lines.append(b"Content-Type: %b\r\n" % content.encode())
            lines.append(b"Content-Length: %d\r\n" % len(body))
        request = b"".join(lines) + b"\r\n" + body
        try:
            head, data = await self._exchange(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            # Closed while it rested; an answer sent twice counts once.
            self._streams = None
            head, data = await self._exchange(request)
        if int(head[9:12]) >= 400:
            raise RuntimeError(f"{path}: {head[:60]!r} {data[:300]!r}")
        if cookie := COOKIE.search(head):
            self.csrf = cookie[1]
        return head, data

    async def _exchange(self, request):
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        return head, await reader.readexactly(int(length[1])) if length else b""


class Evaluator:
    """One person with one connection, who answers at a pace of their own."""

    def __init__(self, port, token, *, pace, times, rng):
        self._connection = Connection(port)
        self._path = f"/s/{token}/"
        self._pace, self._times, self._rng = pace, times, rng

    async def _timed(self, kind, *request, **options):
        begun = time.perf_counter()
        _, data = await self._connection.send(*request, **options)
        seconds = time.perf_counter() - begun
        self._times.add(kind, seconds)
        return data, seconds

    async def walk(self, *, after_s, until):
        """Open the session after a while, start it, and answer until the end."""
        await asyncio.sleep(after_s)
        await self._timed("page", "GET", self._path)
        screen = json.dumps({"width": 1280, "height": 900, "refresh_hz": 60})
        await self._timed(
            "start",
            *("POST", f"{self._path}start/", urlencode({"screen": screen}).encode()),
            content="application/x-www-form-urlencoded",
        )
        await self._timed("page", "GET", self._path)
        data, _ = await self._timed("first trial", "GET", f"{self._path}trial/")
        step, known, answered_s = json.loads(data), set(), None
        while step["state"] == "trial" and time.perf_counter() < until:
            trial = step["trial"]
            _, image_s = await self._timed("image", "GET", trial["image"])
            if answered_s is not None:
                self._times.add("answer and next image", answered_s + image_s)
            for address in set(trial["masks"]) - known:
                await self._timed("mask", "GET", address)
                known.add(address)
            await asyncio.sleep(self._pause_s(trial["planned_ms"] / 1000))
            data, answered_s = await self._timed(
                "answer", "POST", f"{self._path}answer/", self._answer(trial)
            )
            step = json.loads(data)["next"]

    def _pause_s(self, planned_s):
        """Return how long after the image came the answer is given."""
        shown_s = planned_s + MASKS_S
        if self._pace == "fast":
            return max(self._rng.uniform(*FAST_S), shown_s + 0.05)
        response_s = RESPONSE_S * self._rng.lognormal(0.0, RESPONSE_LOG_SD)
        return FEEDBACK_S + COUNTDOWN_S + shown_s + response_s

    def _answer(self, trial):
        frames = round(trial["planned_ms"] * 60 / 1000)
        shown_ms = frames * 1000 / 60
        return json.dumps(
            {
                "nonce": trial["nonce"],
                "answer": str(self._rng.choice(["real", "fake"])),
                "rt_ms": 500,
                "exposure": {
                    "shown_ms": shown_ms,
                    "target_frames": frames,
                    "shown_frames": frames,
                    "refresh_hz": 60,
                    "n_long_gaps": 0,
                    "stamps": [shown_ms + 30 * number for number in range(5)],
                    "flags": [],
                },
            }
        ).encode()


async def walk_all(people, *, arrive_s, until):
    """Let everybody arrive one after another within a while, and walk until the end."""
    apart_s = arrive_s / len(people)
    await asyncio.gather(
        *(
            person.walk(after_s=number * apart_s, until=until)
            for number, person in enumerate(people)
        )
    )
