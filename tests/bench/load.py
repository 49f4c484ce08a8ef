"""A hundred evaluators at once: how long the server takes from answer to next trial.

python deploy/services python -m tests.bench.load [--evaluators N] [--seconds N]

PostgreSQL, gunicorn with the workers and threads of deploy/hypeweb-web.service, two
timed sets of 50,000 images, blocks of 150 trials. Each evaluator loads the image and
answers after a pause of 1 to 2 s, faster than a timed trial allows (about 3.5 s with
its countdown) and as fast as the untimed one (median 1.05 to 1.45 s). Times are taken
at the client, so they hold the wait for a free thread.
"""

import argparse
import hashlib
import http.client
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlencode

import django
import numpy as np
from django.core.management import call_command
from django.utils import timezone

FOLDER = Path(tempfile.mkdtemp(prefix="hypeweb-load-"))
os.environ["HYPE_DATA_DIR"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "hypeweb.settings"
os.environ["LOG_LEVEL"] = "ERROR"

ROOT = Path(__file__).resolve().parents[2]
SET_SIZE = 50_000
THINK_S = (1.0, 2.0)
WARM_UP_S = 5.0


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def make_study():
    from hypeweb.models import Sample, SampleSet  # noqa: PLC0415 - needs the settings
    from hypeweb.services import studies  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    owner = factories.make_user("researcher")
    study = factories.draft_study(
        owner,
        protocol="hype_time",
        n_arms=1,
        n_blocks=3,
        images_per_block=150,
        evaluators_per_arm=1000,
        side=64,
        n_images=200,
        folder=FOLDER,
    )
    for sample_set in SampleSet.objects.all():
        models = list(sample_set.samples.all())
        Sample.objects.bulk_create(
            (
                copy_of(models[position % len(models)], position=position)
                for position in range(len(models), SET_SIZE)
            ),
            batch_size=5000,
        )
        SampleSet.objects.filter(pk=sample_set.pk).update(n_samples=SET_SIZE)
    study.refresh_from_db()
    studies.open_study(study=study, actor=owner, now=timezone.now())
    return study


def copy_of(sample, *, position):
    """Return another image of a set: nobody is shown one content twice."""
    from hypeweb.models import Sample  # noqa: PLC0415

    name = f"{sample.sample_set_id}/{position}"
    copy = Sample(
        sample_set_id=sample.sample_set_id,
        position=position,
        source_name=f"{position}.png",
        content_hash=hashlib.sha256(name.encode()).hexdigest(),
        size_bytes=sample.size_bytes,
    )
    files = FOLDER / "files"
    target = files / copy.storage_key
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(files / sample.storage_key)
    return copy


class Evaluator:
    """One browser: a connection kept open, a cookie, and a clock."""

    def __init__(self, port, token, *, times, rng):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._path = f"/s/{token}/"
        self._times = times
        self._rng = rng
        self._csrf = ""

    def _send(self, method, path, body=None, *, kind=None, content="json"):
        headers = {"Cookie": f"csrftoken={self._csrf}", "X-CSRFToken": self._csrf}
        headers["Accept"] = "application/json, text/html"
        if body is not None:
            headers["Content-Type"] = f"application/{content}"
        begun = time.perf_counter()
        try:
            response, data = self._exchange(method, path, body, headers)
        except ConnectionError:
            # gunicorn closes a connection that rested for two seconds.
            self._connection.close()
            response, data = self._exchange(method, path, body, headers)
        took = time.perf_counter() - begun
        if response.status >= 400:
            raise RuntimeError(f"{path}: {response.status} {data[:300]!r}")
        cookie = re.search(r"csrftoken=(\w+)", response.headers.get("Set-Cookie", ""))
        if cookie:
            self._csrf = cookie[1]
        if kind:
            self._times[kind].append((begun, took))
        return data, took

    def _exchange(self, method, path, body, headers):
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return response, response.read()

    def start(self):
        self._send("GET", self._path)
        screen = json.dumps({"width": 1280, "height": 900, "refresh_hz": 60})
        form = urlencode({"screen": screen})
        kind = "x-www-form-urlencoded"
        self._send("POST", f"{self._path}start/", form, kind="start", content=kind)

    def walk(self, *, until):
        time.sleep(self._rng.uniform(*THINK_S))
        step = json.loads(self._send("GET", f"{self._path}trial/")[0])
        known, answered_s = set(), None
        while step["state"] == "trial" and time.perf_counter() < until:
            trial = step["trial"]
            for address in set(trial["masks"]) - known:
                self._send("GET", address)
                known.add(address)
            _, image_s = self._send("GET", trial["image"], kind="image")
            if answered_s is not None:
                ready = (time.perf_counter(), answered_s + image_s)
                self._times["answer and next image"].append(ready)
            time.sleep(self._rng.uniform(*THINK_S))
            answer = json.dumps(
                {
                    "nonce": trial["nonce"],
                    "answer": self._rng.choice(["real", "fake"]),
                    "rt_ms": 500,
                    "exposure": {"shown_ms": trial["planned_ms"]},
                }
            )
            path = f"{self._path}answer/"
            data, answered_s = self._send("POST", path, answer, kind="answer")
            step = json.loads(data)["next"]


def run(port, study, *, n_evaluators, seconds):
    from hypeweb.services import sessions  # noqa: PLC0415

    times = defaultdict(list)
    joined = [
        sessions.join_study(study=study, population="people", now=timezone.now())
        for _ in range(n_evaluators)
    ]
    people = [
        Evaluator(port, one.token, times=times, rng=np.random.default_rng(number))
        for number, one in enumerate(joined)
    ]
    together([person.start for person in people])
    begun = time.perf_counter()
    until = begun + WARM_UP_S + seconds
    together([lambda person=person: person.walk(until=until) for person in people])
    for kind in ("start", "answer", "image", "answer and next image"):
        warm = 0 if kind == "start" else begun + WARM_UP_S
        took = 1000 * np.array([s for at, s in times[kind] if at >= warm])
        middle, high, higher = np.quantile(took, [0.5, 0.95, 0.99])
        say(
            f"{kind:<22} {len(took):>6} times  median {middle:6.1f} ms  p95 "
            f"{high:6.1f} ms  p99 {higher:6.1f} ms"
        )


def together(calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def web_command(port):
    """Return the command of the systemd unit, on another port."""
    unit = (ROOT / "deploy/hypeweb-web.service").read_text()
    words = re.search(r"^ExecStart=\S+ (.+)$", unit, re.MULTILINE)[1].split()
    words = [word for word in words if not word.startswith(("--bind", "--access-log"))]
    return [sys.executable, "-m", "gunicorn", *words, f"--bind=127.0.0.1:{port}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluators", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    address = os.environ.get("HYPE_TEST_DATABASE_URL")
    if not address:
        sys.exit("HYPE_TEST_DATABASE_URL is not set; run this through deploy/services.")
    os.environ["DATABASE_URL"] = address
    django.setup()
    from hypeweb import processes  # noqa: PLC0415

    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        study = make_study()
        port, log = processes.free_port(), FOLDER / "web.log"
        with processes.running(web_command(port), log=log) as web:
            processes.wait_until_up(f"http://127.0.0.1:{port}/health/", web, log=log)
            say(f"load average before: {os.getloadavg()[0]:.1f}")
            run(
                port,
                study,
                n_evaluators=options.evaluators,
                seconds=options.seconds,
            )
            say(f"load average after: {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
