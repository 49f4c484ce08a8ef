"""Shows images through the site's own trial page and through jsPsych, in turn.

python -m tests.bench.timing [--quick] [--rounds N] [--json FILE]

What was shown is read from the compositor's trace (witness.py), idle and with bursts of
work on the page's main thread. deploy/bench puts jsPsych's published files, from the
npm registry, into .cache/bench-jspsych.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import mean, pstdev

import django
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import sync_playwright

from tests.bench.witness import Trace, drawn

FOLDER = Path(tempfile.mkdtemp(prefix="hypeweb-timing-"))
os.environ["HYPE_DATA_DIR"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "hypeweb.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
os.environ["LOG_LEVEL"] = "ERROR"

HERE = Path(__file__).parent
PEER = Path(".cache/bench-jspsych")
LOADS_MS = {"idle": 0, "12 ms bursts": 12, "25 ms bursts": 25}
N_TRIALS = 34
IMAGE_SIDE = 128
TIMEOUT_MS = 240_000


@dataclass(frozen=True)
class Shown:
    """One exposure: planned, drawn by the witness, and what we recorded."""

    planned_ms: float
    drawn_ms: float | None
    drawn_frames: int | None
    frame_ms: float | None
    recorded_ms: float | None = None
    element_timing_ms: float | None = None
    flags: str = ""
    is_void: bool = False

    @property
    def nearest_frames(self):
        return max(1, round(self.planned_ms / self.frame_ms))

    @property
    def is_exact(self):
        return self.drawn_frames == self.nearest_frames

    @property
    def is_off_by_more(self):
        return abs(self.drawn_frames - self.nearest_frames) > 1


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def make_study():
    from tests import factories  # noqa: PLC0415 - needs the settings

    owner = factories.make_user("researcher")
    return factories.open_study(
        owner,
        protocol="hype_time",
        n_arms=1,
        n_images=2 * N_TRIALS,
        side=IMAGE_SIDE,
        n_blocks=1,
        images_per_block=N_TRIALS,
        n_correct_to_descend=1,
        countdown_ms=100,
        feedback=False,
        evaluators_per_arm=1000,
        min_refresh_hz=1,
    )


def show_ours(browser, site, study, burst_ms):
    from hypeweb.models import Judgment  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    session = factories.join(study, now=timezone.now())
    events = run_page(
        browser,
        f"{site}/s/{session.token}/",
        options={"burstMs": burst_ms},
        is_done=lambda _: (
            type(session).objects.filter(pk=session.pk, state="finished").exists()
        ),
    )
    judged = Judgment.objects.filter(trial__session=session).select_related("trial")
    judged = list(judged.order_by("created_at"))
    exposures = drawn(events)
    if len(judged) != len(exposures):
        say(f"  {len(judged)} judgments but {len(exposures)} exposures in the trace")
        return []
    return [
        Shown(
            planned_ms=judgment.trial.planned_ms,
            recorded_ms=judgment.shown_ms,
            element_timing_ms=judgment.element_timing_ms,
            flags=judgment.exposure_flags,
            is_void=judgment.is_void,
            **witnessed(exposure),
        )
        for judgment, exposure in zip(judged, exposures, strict=True)
    ]


def show_peer(browser, peer, planned_ms, burst_ms):
    images = sorted(path.name for path in PEER.glob("*.png"))
    events = run_page(
        browser,
        f"{peer}/index.html",
        options={"burstMs": burst_ms, "plannedMs": planned_ms, "images": images},
        is_done=lambda page: page.title() == "finished",
    )
    return [
        Shown(planned_ms=planned, **witnessed(exposure))
        for planned, exposure in zip(planned_ms, drawn(events), strict=True)
    ]


def witnessed(exposure):
    return {
        "drawn_ms": exposure and exposure.shown_ms,
        "drawn_frames": exposure and exposure.frames,
        "frame_ms": exposure and exposure.frame_ms,
    }


def run_page(browser, url, *, options, is_done):
    """Open a page, let it run to its end, and return the trace."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    setup = f"window.witnessOptions = {json.dumps(options)};"
    page.add_init_script(setup + (HERE / "timing_page.js").read_text())
    trace = Trace(browser)
    trace.start()
    page.goto(url)
    for _ in range(TIMEOUT_MS // 1000):
        page.wait_for_timeout(1000)
        if is_done(page):
            break
    events = trace.stop(page)
    context.close()
    return events


def prepare_peer():
    for name in ("html", "js"):
        target = "index.html" if name == "html" else "run.js"
        shutil.copy(HERE / f"timing_jspsych.{name}", PEER / target)
    import numpy as np  # noqa: PLC0415

    from tests.factories import png_bytes  # noqa: PLC0415

    rng = np.random.default_rng(1)
    for number in range(N_TRIALS):
        (PEER / f"{number:02}.png").write_bytes(png_bytes(rng, IMAGE_SIDE))


class Isolated(SimpleHTTPRequestHandler):
    """Serves the peer with the headers that sharpen the browser's clock, as we do."""

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def peer_server():
    handler = partial(Isolated, directory=PEER)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def summary(name, load, shown):
    """Return one line of the table."""
    seen = [one for one in shown if one.drawn_frames is not None]
    plan = [one.drawn_ms - one.planned_ms for one in seen]
    line = (
        f"{name:<8} {load:<13} {sum(one.is_exact for one in seen):>4}/{len(seen):<4}"
        f" {share(seen):>6.1%}  {mean(plan):>6.1f} {pstdev(plan):>5.1f}"
        f" {max(map(abs, plan)):>6.1f}"
    )
    recorded = [one for one in seen if one.recorded_ms is not None]
    if recorded:
        record = [one.recorded_ms - one.drawn_ms for one in recorded]
        valid = [one for one in recorded if not one.is_void]
        line += (
            f"  {mean(record):>6.1f} {pstdev(record):>5.1f}"
            f" {max(map(abs, record)):>6.1f}"
            f"  {sum(off_by_a_frame(one) for one in recorded):>4}"
            f" {len(recorded) - len(valid):>5}"
            f" {sum(one.is_off_by_more for one in valid):>5}"
            f"  {sum(one.is_exact for one in valid)}/{len(valid)}"
        )
    return line


def share(shown):
    """Return the share of exact exposures among those the witness saw whole."""
    seen = [one for one in shown if one.drawn_frames is not None]
    return sum(one.is_exact for one in seen) / len(seen) if seen else 0.0


def off_by_a_frame(one):
    return abs(one.recorded_ms - one.drawn_ms) > 1.05 * one.frame_ms


HEADER = (
    "page     load            exact            drawn - planned      recorded - drawn"
    "     >1fr  void  unfl  exact of\n"
    "                                          mean    SD    max    mean    SD    max"
    "              >1fr  unflagged"
)


def bench(browser, site, peer, study, *, rounds, loads):
    cells = {(name, load): [] for load in loads for name in ("ours", "jsPsych")}
    for number in range(rounds):
        for load in loads:
            before = os.getloadavg()[0]
            ours = show_ours(browser, site, study, LOADS_MS[load])
            planned = [one.planned_ms for one in ours]
            theirs = show_peer(browser, peer, planned, LOADS_MS[load])
            cells["ours", load] += ours
            cells["jsPsych", load] += theirs
            say(
                f"round {number + 1}, {load}: ours {share(ours):.0%}, jsPsych "
                f"{share(theirs):.0%}; load average {before:.1f} to "
                f"{os.getloadavg()[0]:.1f}"
            )
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 34 a cell")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--load", choices=LOADS_MS, action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    django.setup()
    from hypeweb.simulation import own_server  # noqa: PLC0415

    try:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        study = make_study()
        prepare_peer()
        with own_server() as site, peer_server() as peer, sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=os.environ.get("HYPE_TEST_CHROMIUM")
                or shutil.which("chromium"),
                args=["--no-sandbox"],
            )
            say(f"Chromium {browser.version}")
            cells = bench(
                browser,
                site,
                peer,
                study,
                rounds=1 if options.quick else options.rounds,
                loads=options.load or list(LOADS_MS),
            )
            browser.close()
        periods = [
            one.frame_ms for cell in cells.values() for one in cell if one.frame_ms
        ]
        say(f"the trace's frame period: {mean(periods):.3f} ms\n{HEADER}")
        for (name, load), shown in cells.items():
            if shown:
                say(summary(name, load, shown))
        if options.json:
            rows = {
                f"{name}, {load}": [asdict(one) for one in shown]
                for (name, load), shown in cells.items()
            }
            options.json.write_text(json.dumps(rows, indent=1))
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
