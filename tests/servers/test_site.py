"""The judgment path and an evaluation, over each kind of server."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings

from hypeweb.services.errors import DomainError
from hypeweb.simulation import Browser
from tests.factories import images_zip
from tests.servers.conftest import Installation, log_in

pytestmark = [pytest.mark.services, pytest.mark.slow]

ROOT = Path(settings.BASE_DIR)
PASSWORD = "a-long-password"

Attributes = list[tuple[str, str | None]]


def prepare(installation: Installation, folder: Path, n: int = 12) -> None:
    """Make a user and two sample sets by command."""
    installation.env |= {
        "DJANGO_SUPERUSER_USERNAME": "admin",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": "admin@example.org",
    }
    installation.manage("createsuperuser", "--noinput")
    for number, (name, origin) in enumerate(
        [("reals", "real"), ("fakes", "generated")]
    ):
        path = folder / f"{name}.zip"
        path.write_bytes(images_zip(n, seed=number))
        printed = installation.manage(
            "import_samples", name, str(path), f"--origin={origin}"
        )
        assert printed.startswith(f"{name}: {n} images of 8 x 8")


def create_study(browser: Browser, **fields: str) -> str:
    """Create and open a study through its form; return its address."""
    form = browser.get("/studies/new/").decode()
    ids = {
        name: re.search(rf'value="(\d+)"[^>]*>\s*{name}', form)
        or re.search(rf'value="(\d+)"[^<]*<[^<]*{name}', form)
        for name in ("reals", "fakes")
    }
    filled_in = {
        **offered_values(form),
        "name": "A study",
        "question": "Real?",
        "real_set": ids["reals"][1],
        "arms": ids["fakes"][1],
        "protocol": "hype_inf",
        "evaluators_per_arm": "5",
        "n_real": "2",
        "n_fake": "2",
        "n_blocks": "1",
        "images_per_block": "4",
        "extractor": "digits",
        "consent_text": "Yes.",
        **fields,
    }
    address = browser.post_form("/studies/new/", filled_in)
    path = "/" + address.split("/", 3)[3]
    wait_for(lambda: is_opened(browser, path))
    return path


def offered_values(page: str) -> dict[str, str]:
    """Return what a page's main form holds before anybody touches it."""
    form = OfferedValues()
    form.feed(page)
    return form.values


class OfferedValues(HTMLParser):
    """The fields of a page that a browser would send unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attributes: Attributes) -> None:
        given = {name: value or "" for name, value in attributes}
        name = given.get("name", "")
        chosen = given.get("type") not in {"checkbox", "radio"} or "checked" in given
        if (
            tag == "input"
            and name
            and chosen
            and given.get("type") not in {"file", "submit"}
        ):
            self.values[name] = given.get("value", "")
        elif tag in {"select", "textarea"}:
            self._open = name
            self.values[name] = ""
        elif tag == "option" and "selected" in given:
            self.values[self._open] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "textarea"}:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open and self.get_starttag_text().startswith("<textarea"):
            self.values[self._open] += data.strip()


def is_opened(browser: Browser, path: str) -> bool:
    """Try to open a study, which the worker's leak audit and masks hold up."""
    try:
        browser.post_form(f"{path}open/", {})
    except DomainError:
        return False
    return True


def judge(url: str, invitation: str) -> None:
    """Walk one person through a session."""
    browser = Browser(url)
    browser.get(invitation)
    session = browser.post_form(invitation, {"consent": "on"})
    path = "/" + session.split("/", 3)[3]
    screen = {"width": 1280, "height": 900, "refresh_hz": 60}
    browser.post_form(f"{path}start/", {"screen": json.dumps(screen)})
    step = browser.get_json(f"{path}trial/")
    while step["state"] == "trial":
        trial = step["trial"]
        assert browser.get(trial["image"]).startswith(b"\x89PNG")
        for mask in trial["masks"]:
            assert browser.get(mask).startswith(b"\x89PNG")
        if trial["planned_ms"]:
            time.sleep((trial["planned_ms"] + 150) / 1000)
        shown_ms = trial["planned_ms"]
        answer = {
            "nonce": trial["nonce"],
            "answer": "real",
            "rt_ms": 400,
            "exposure": {"shown_ms": shown_ms} if shown_ms else None,
        }
        step = browser.post_json(f"{path}answer/", answer)["next"]
    assert "Thank you" in browser.get(step["location"]).decode()


def report_when(browser: Browser, path: str, *keys: str) -> dict:
    """Return the report's JSON once it has the numbers asked for."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        report = json.loads(browser.get(f"{path}report.json"))
        numbers = report["arms"][0]["numbers"]
        if all(numbers[key]["value"] is not None for key in keys):
            return report
        time.sleep(0.3)
    raise AssertionError(report)


SERVERS = {
    "postgresql, redis, s3": {
        "database": "HYPE_TEST_DATABASE_URL",
        "broker": "HYPE_TEST_REDIS_URL",
        "storage": "HYPE_TEST_S3_URL",
    },
    "postgresql, rabbitmq": {
        "database": "HYPE_TEST_DATABASE_URL",
        "broker": "HYPE_TEST_AMQP_URL",
    },
    "sqlite, filesystem": {},
}


@pytest.mark.parametrize("servers", SERVERS.values(), ids=SERVERS)
def test_a_judgment_and_an_evaluation_reach_the_report(
    make_installation, tmp_path, servers
):
    installation = make_installation(**servers)
    prepare(installation, tmp_path)
    installation.manage("check_services")
    with installation.running() as url:
        browser = log_in(url, "admin", PASSWORD)
        path = create_study(browser, protocol="hype_time", images_per_block="4")
        page = browser.get(path).decode()
        judge(url, re.search(r"/e/[\w-]+/", page)[0])
        report = report_when(browser, path, "hype_time", "fid", "recall")
    numbers = report["arms"][0]["numbers"]
    assert report["arms"][0]["n_judgments"] == 4
    assert numbers["hype_time"]["value"] == pytest.approx(500, abs=20)
    assert numbers["fid"]["value"] > 0
    assert report["population"] == "people"


WITHOUT = {
    "database": (
        "DATABASE_URL",
        "postgresql://nobody@127.0.0.1:1/none",
        "The database of DATABASE_URL cannot be used",
    ),
    "broker": (
        "CELERY_BROKER_URL",
        "redis://127.0.0.1:1/0",
        "The broker of CELERY_BROKER_URL cannot be reached",
    ),
    "storage": (
        "STORAGE_URL",
        "s3://missing?endpoint_url=http://127.0.0.1:1&region=us-east-1",
        "The file storage of STORAGE_URL cannot be written",
    ),
}


@pytest.mark.parametrize(
    ("process", "missing"),
    [
        ("web", "database"),
        ("worker", "broker"),
        ("command", "database"),
        ("command", "broker"),
        ("command", "storage"),
    ],
)
def test_a_server_that_is_not_there_is_one_sentence_at_start(
    make_installation, process, missing
):
    name, value, sentence = WITHOUT[missing]
    installation = make_installation()
    commands = {
        "web": [
            *("-m", "gunicorn", "hypeweb.wsgi"),
            "--config=python:hypeweb.gunicorn_conf",
        ],
        "worker": ["-m", "celery", "-A", "hypeweb.celery_app", "worker"],
        "command": ["manage.py", "check_services"],
    }
    done = subprocess.run(
        [sys.executable, *commands[process]],
        cwd=ROOT,
        env={**os.environ, **installation.env, name: value},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert sentence in output
    assert "Traceback" not in output


def test_a_worker_killed_in_an_evaluation_leaves_one_result(
    make_installation, tmp_path
):
    installation = make_installation()
    prepare(installation, tmp_path, n=1500)
    with installation.running() as url:
        browser = log_in(url, "admin", PASSWORD)
        path = create_study(browser)
        wait_for(lambda: b"running" in browser.get(f"{path}evaluations/"))
        kill_worker(installation)
        time.sleep(0.5)
        assert b"done" not in browser.get(f"{path}evaluations/")
    with installation.running() as url:
        browser = log_in(url, "admin", PASSWORD)
        report_when(browser, path, "fid", "recall")
    state = installation.manage(
        "shell",
        "-c",
        "from hypeweb.models import Evaluation as E, MetricResult as M; e=E.objects."
        "get(); print(e.state, e.n_attempts, M.objects.filter(name='fid').count())",
    )
    assert state.split()[-3:] == ["done", "2", "1"]


def wait_for(condition, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill_worker(installation: Installation) -> None:
    """Kill the installation's worker and its children, as a power cut would."""
    marker = f"HYPE_DATA_DIR={installation.env['HYPE_DATA_DIR']}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marker in environ and b"celery" in command:
            os.kill(int(folder.name), signal.SIGKILL)
