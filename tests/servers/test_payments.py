"""Payments over the services' doubles while their workers are killed again and again.

With HYPE_PAYMENTS=1000 it is the long run that docs/operations.md names.
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from math import ceil
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import psycopg2
import pytest
from django.conf import settings

from hypeweb.services.mturk import fee_cents
from tests.doubles.faults import Faults
from tests.doubles.mturk import MTurkDouble
from tests.doubles.prolific import ProlificDouble

pytestmark = [pytest.mark.services, pytest.mark.slow]

ROOT = Path(settings.BASE_DIR)
N_PAYMENTS = int(os.environ.get("HYPE_PAYMENTS", "80"))
N_PEOPLE = N_PAYMENTS // 2  # each is owed a base and a bonus
N_WORKERS = 2
SECRET = "between us"
SHARES = {
    "lost_before": 0.08,
    "lost_after": 0.08,
    "broken_before": 0.04,
    "broken_after": 0.08,
    "busy": 0.08,
}
# Rows as the site has them once people have finished: who, what, how much.
MAKE = """
import json, sys
from tests import factories
from hypeweb.models import Account, Budget, Enrolment, Evaluator, Payment, Session
from hypeweb.services import payments
from hypeweb.services.payments import Debt
asked = json.loads(sys.argv[1])
study = factories.bare_study(factories.make_user("owner"), budget=asked["budget"])
Budget.objects.create(study=study, is_automatic=True, hard_cents=asked["hard"])
for number, (service, name, cents) in enumerate(asked["people"]):
    evaluator = Evaluator.objects.create(channel="link", token=f"t{number}")
    session = Session.objects.create(
        study=study, pool=study.pools.get(), evaluator=evaluator, token=f"s{number}",
        population="people", seed=1, consented_at=factories.NOW,
        last_seen_at=factories.NOW,
    )
    Enrolment.objects.create(session=session, service=service, external_id=name)
    for reason, amount in (("base", 100), ("bonus", cents)):
        debt = Debt(Payment.Reason(reason), service, amount, "USD", "Thank you.")
        payments.owe(session=session, debt=debt, now=factories.NOW)
"""


def people() -> list[tuple[str, str, int]]:
    """Return service, submission and bonus of everybody, the services by turns."""
    cents = np.random.default_rng(7).integers(1, 500, N_PEOPLE).tolist()
    services = ("mturk", "prolific")
    return [
        (services[number % 2], f"sub{number}", amount)
        for number, amount in enumerate(cents)
    ]


def cost_of(service: str, cents: int, *, is_reward: bool) -> int:
    """Return what a payment costs with its fee."""
    if service == "mturk":
        return cents + fee_cents(cents, is_reward=is_reward, n_assignments=1)
    return cents + ceil(cents * settings.PROLIFIC_FEE_PERCENT / 100)


def run_python(installation, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}", *arguments],
        cwd=ROOT,
        env={**os.environ, **installation.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Workers:
    """Worker processes that are killed without a word and started again."""

    def __init__(self, installation, rng) -> None:
        self.installation = installation
        self.rng = rng
        self.n_killed = 0
        self.processes = [self.start() for _ in range(N_WORKERS)]

    def start(self):
        log = self.installation.logs / "killed-worker.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "hypeweb.celery_app"),
                    *("worker", "--concurrency=2", "--loglevel=WARNING"),
                    *("--without-gossip", "--without-mingle"),
                ],
                cwd=ROOT,
                env={**os.environ, **self.installation.env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill_one(self) -> None:
        index = int(self.rng.integers(len(self.processes)))
        self.stop(self.processes[index])
        self.n_killed += 1
        self.processes[index] = self.start()

    @staticmethod
    def stop(process) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        for process in self.processes:
            self.stop(process)


def send_event(url: str, name: str, status: str, *, number: int, age_s: int) -> None:
    """Send an event of Prolific as it does; a site that is busy gets no second one."""
    body = json.dumps(
        {
            "event_type": "submission.status.change",
            "resource_id": name,
            "status": status,
        }
    ).encode()
    timestamp = str(int(time.time()) - age_s)
    signed = hmac.new(SECRET.encode(), timestamp.encode() + body, hashlib.sha256)
    request = Request(  # noqa: S310 - ours
        f"{url}/hooks/prolific/",
        body,
        {
            "Content-Type": "application/json",
            "X-Prolific-Request-Timestamp": timestamp,
            "X-Prolific-Request-Signature": base64.b64encode(signed.digest()).decode(),
            "X-Event-ID": f"event-{name}-{number}",
        },
    )
    with suppress(URLError, OSError):
        build_opener(ProxyHandler({})).open(request, timeout=10).close()  # ours


def states(connection) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM hypeweb_payment GROUP BY state")
        return dict(cursor.fetchall())


def test_everybody_is_paid_once_though_workers_are_killed(make_installation):
    mturk, prolific = MTurkDouble(), ProlificDouble(shows_after_s=1)
    rng = np.random.default_rng(5)
    everybody = people()
    for service, name, _ in everybody:
        if service == "mturk":
            mturk.submit(name, worker_id=f"W{name}")
        else:
            prolific.submit(name, participant=f"P{name}")
    # To the cent what everybody costs: whatever is set aside twice is too much.
    hard_cents = sum(
        cost_of(service, 100, is_reward=True) + cost_of(service, cents, is_reward=False)
        for service, _, cents in everybody
    )
    with ExitStack() as stack:
        installation = make_installation(
            database="HYPE_TEST_DATABASE_URL",
            broker="HYPE_TEST_REDIS_URL",
            MTURK_ENDPOINT_URL=stack.enter_context(mturk.serving()),
            PROLIFIC_URL=stack.enter_context(prolific.serving()),
            PROLIFIC_TOKEN="t",
            PROLIFIC_WEBHOOK_SECRET=SECRET,
            PROLIFIC_SETTLE_SECONDS="6",
            PAYMENT_LEASE_SECONDS="15",
            PAYMENT_RETRY_SECONDS="1",
            PAYMENT_RETRY_LONGEST_SECONDS="8",
            NO_PROXY="127.0.0.1",
        )
        asked = {"people": everybody, "budget": 1, "hard": hard_cents}
        run_python(installation, MAKE, json.dumps(asked))
        connection = psycopg2.connect(installation.env["DATABASE_URL"])
        connection.autocommit = True
        stack.callback(connection.close)
        mturk.faults = Faults(seed=1, **SHARES)
        prolific.faults = Faults(seed=2, **SHARES)
        url = stack.enter_context(installation.running())
        workers = Workers(installation, rng)
        stack.callback(workers.stop_all)
        deadline = time.monotonic() + 900 + 3 * N_PAYMENTS
        most = 0
        while states(connection).get("confirmed", 0) < 2 * N_PEOPLE:
            assert time.monotonic() < deadline, states(connection)
            time.sleep(6)
            # The last few wait for another try, which the killing would draw out.
            if states(connection).get("confirmed", 0) < 0.9 * N_PAYMENTS:
                workers.kill_one()
            for number in range(5):
                _, name, _ = everybody[1 + 2 * int(rng.integers(N_PEOPLE // 2))]
                status = ("AWAITING REVIEW", "APPROVED")[number % 2]
                age_s = int(rng.integers(0, 600))
                for _ in range(2):
                    send_event(url, name, status, number=number, age_s=age_s)
            with connection.cursor() as cursor:
                cursor.execute("SELECT committed_cents FROM hypeweb_budget")
                most = max(most, cursor.fetchone()[0])
        with connection.cursor() as cursor:
            cursor.execute("SELECT committed_cents FROM hypeweb_budget")
            committed = cursor.fetchone()[0]
            cursor.execute("SELECT sum(amount_cents + fee_cents) FROM hypeweb_payment")
            ledger = cursor.fetchone()[0]
    paid = {
        **{
            name: (one.status == "Approved", bonuses_of(mturk, name))
            for name, one in mturk.assignments.items()
        },
        **{
            name: (one.status == "APPROVED", [cents for _, cents in one.bonuses])
            for name, one in prolific.submissions.items()
        },
    }
    assert paid == {name: (True, [cents]) for _, name, cents in everybody}
    assert committed == ledger == hard_cents
    assert most <= hard_cents
    assert workers.n_killed > 0
    for double in (mturk, prolific):
        assert double.faults.seen["lost_after"] > 0
    told = (
        f"{2 * N_PEOPLE} payments, {workers.n_killed} workers killed, "
        f"{mturk.faults.seen} {prolific.faults.seen}"
    )
    print(told)  # noqa: T201 - the numbers of the long run


def bonuses_of(double: MTurkDouble, name: str) -> list[int]:
    return [bonus.cents for bonus in double.bonuses if bonus.assignment_id == name]
