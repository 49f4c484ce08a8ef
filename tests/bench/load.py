"""A hundred evaluators at once: how long the server takes from answer to next trial.

python deploy/services python -m tests.bench.load [--evaluators N] [--seconds N]
    [--pace task|fast]

PostgreSQL, gunicorn with the workers and threads of deploy/hypeweb-web.service, two
timed sets of 50,000 images, blocks of 150 trials. Everybody arrives within the first
half minute, then the measured time begins. The pace is that of the task (feedback,
countdown, exposure, masks, about 0.6 s to the key: 3.4 s a trial), or fast: an answer 1
to 2 s after its image came, which is the pace of untimed studies (median 1.05 to 1.45
s) and faster than a timed one allows.

Two times are given. The server's own is that of gunicorn's access log: from the moment
a thread takes the request up to the reply. The client's also holds the wait for a
thread, and the client's own delays. The client's processor time is given beside.
"""

import argparse
import asyncio
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
from django.core.management import call_command
from django.utils import timezone

from tests.bench.evaluators import Evaluator, Times, walk_all

FOLDER = Path(tempfile.mkdtemp(prefix="hypeweb-load-"))
os.environ["HYPE_DATA_DIR"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "hypeweb.settings"
os.environ["LOG_LEVEL"] = "ERROR"

ROOT = Path(__file__).resolve().parents[2]
SET_SIZE = 50_000
ARRIVE_S = 30.0
SETTLE_S = 5.0
LOGGED = re.compile(r"^took (\d+) us: (\S+) (/\S+)$", re.MULTILINE)
# The addresses whose times are told, by what they are.
KINDS = {
    "answer": re.compile(r"POST /s/[^/]+/answer/"),
    "image": re.compile(r"GET /i/"),
    "start": re.compile(r"POST /s/[^/]+/start/"),
}


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


def run(port, study, *, log, options):
    from hypeweb.services import sessions  # noqa: PLC0415

    times = Times()
    joined = [
        sessions.join_study(study=study, population="people", now=timezone.now())
        for _ in range(options.evaluators)
    ]
    people = [
        Evaluator(
            port,
            one.token,
            pace=options.pace,
            times=times,
            rng=np.random.default_rng(number),
        )
        for number, one in enumerate(joined)
    ]
    begin = time.perf_counter() + ARRIVE_S + SETTLE_S
    end = begin + options.seconds
    usage = asyncio.run(watch(people, begin=begin, end=end, log=log))
    answers = len(times.between("answer", begin, end))
    say(
        f"{options.evaluators} evaluators, pace {options.pace}: "
        f"{answers / options.seconds:.1f} answers a second; the client took "
        f"{usage.client:.0%} of a core, all of the machine {usage.machine:.0%} of "
        f"{os.cpu_count()} cores"
    )
    logged = logged_ms(usage.log)
    for kind in ("answer", "image"):
        tell(f"{kind}, server", logged[kind])
    for kind in ("answer", "image", "answer and next image"):
        tell(f"{kind}, client", times.between(kind, begin, end))
    tell("start, server", logged_ms(log.read_text())["start"])


def tell(name, took_ms):
    if not took_ms:
        return
    middle, high, higher = np.quantile(took_ms, [0.5, 0.95, 0.99])
    say(
        f"{name:<29} {len(took_ms):>6} times  median {middle:6.1f} ms  p95 "
        f"{high:6.1f} ms  p99 {higher:6.1f} ms"
    )


@dataclass(frozen=True)
class Usage:
    """Shares of the processors in the measured time, and its part of the log."""

    client: float
    machine: float
    log: str


async def watch(people, *, begin, end, log):
    """Let everybody walk, and look at the processors while it counts."""

    async def look():
        await asyncio.sleep(begin - time.perf_counter())
        before = time.process_time(), busy_s(), log.stat().st_size
        await asyncio.sleep(end - time.perf_counter())
        seconds = time.perf_counter() - begin
        with log.open() as file:
            file.seek(before[2])
            text = file.read()
        return Usage(
            client=(time.process_time() - before[0]) / seconds,
            machine=(busy_s() - before[1]) / seconds / os.cpu_count(),
            log=text,
        )

    walking = walk_all(people, arrive_s=ARRIVE_S, until=end)
    return (await asyncio.gather(look(), walking))[0]


def busy_s():
    """Return how long the machine's processors have been busy, all together."""
    words = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    ticks = [int(word) for word in words]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def logged_ms(text):
    """Return the server's times by kind, in milliseconds."""
    found = defaultdict(list)
    for took_us, method, path in LOGGED.findall(text):
        for kind, pattern in KINDS.items():
            if pattern.match(f"{method} {path}"):
                found[kind].append(int(took_us) / 1000)
    return found


def web_command(port):
    """Return the command of the systemd unit, on another port."""
    unit = (ROOT / "deploy/hypeweb-web.service").read_text()
    words = re.search(r"^ExecStart=\S+ (.+)$", unit, re.MULTILINE)[1].split()
    words = [word for word in words if not word.startswith("--bind")]
    return [
        *(sys.executable, "-m", "gunicorn", *words, f"--bind=127.0.0.1:{port}"),
        "--access-logformat=took %(D)s us: %(m)s %(U)s",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluators", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pace", choices=["task", "fast"], default="task")
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
            run(port, study, log=log, options=options)
            say(f"load average after: {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
