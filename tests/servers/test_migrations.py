"""Migrations of a database with data: PostgreSQL refuses what SQLite lets pass."""

import os
import subprocess
import sys

import pytest

from tests.servers.conftest import ROOT

pytestmark = [pytest.mark.services, pytest.mark.slow]

# A site as it was before imports were reported on.
UNCOUNTED = "0015_uploads"
MAKE_SETS = """
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
loader = MigrationExecutor(connection).loader
apps = loader.project_state(("hypeweb", "UNCOUNTED")).apps

def make(model, /, **fields):
    return apps.get_model("hypeweb", model).objects.create(**fields)

owner = apps.get_model("auth", "User").objects.create(username="ada")
project = make("Project", name="p")
for name, hashes in (("one", "aab"), ("two", "bc"), ("three", "d")):
    found = make("SampleSet", name=name, origin="real", owner=owner, project=project,
                 n_samples=len(hashes), width=8, height=8, content_hash=name)
    for position, digest in enumerate(hashes):
        make("Sample", sample_set=found, position=position, content_hash=digest,
             size_bytes=1)
    make("SkippedFile", sample_set=found, name="notes.txt", reason="is no image")
"""
READ_SETS = """
import django
django.setup()
from hypeweb.models import SampleSet
from hypeweb.services import validation
for found in SampleSet.objects.order_by("pk"):
    report = validation.build_report(found)
    print(found.n_duplicates, report.n_skipped, [s.value for s in report.sizes],
          [(o.other.name, o.n_shared) for o in report.overlaps])
"""

# A site as it was before payments were approved and trials had arms.
BEFORE = "0034_audit_drafts_again"
MAKE = """
import uuid
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
loader = MigrationExecutor(connection).loader
apps = loader.project_state(("hypeweb", "BEFORE")).apps

def make(model, /, **fields):
    return apps.get_model("hypeweb", model).objects.create(**fields)

now = timezone.now()
owner = apps.get_model("auth", "User").objects.create(username="ada")
project = make("Project", name="p")
sets = {
    origin: make("SampleSet", name=origin, origin=origin, owner=owner, project=project)
    for origin in ("real", "generated")
}
study = make("Study", name="s", slug="s", owner=owner, project=project, seed=1,
             real_set=sets["real"])
arm = make("Arm", study=study, sample_set=sets["generated"], label="a", position=0)
sample = make("Sample", sample_set=sets["real"], position=0, content_hash="c",
              size_bytes=1)
pool = make("Pool", study=study, kind="link", name="link", token="t")
evaluator = make("Evaluator", channel="link", token="t")
session = make("Session", study=study, pool=pool, arm=arm, evaluator=evaluator,
               token="t", population="people", seed=1, consented_at=now,
               last_seen_at=now, state="running")
make("Trial", session=session, number=1, block=1, sample=sample, truth="real",
     nonce="n", image_token="i")
for reason, dates in (
    ("base", {"state": "sent", "attempted_at": now}),
    ("bonus", {"state": "owed"}),
    ("extra", {"state": "confirmed", "attempted_at": now, "confirmed_at": now,
               "currency": "EUR", "fee_cents": 3}),
):
    make("Payment", session=session, reason=reason, service="mturk", amount_cents=1,
         reference=uuid.uuid4(), created_at=now, **dates)
make("Account", service="mturk", committed_cents=5, hard_cents=5)
"""
READ = """
import django
django.setup()
from hypeweb.models import Account, Payment, Trial
trial = Trial.objects.get()
print(trial.arm_id == trial.session.arm_id)
print([p.approved_at == p.attempted_at for p in Payment.objects.order_by("reason")])
print(Payment.objects.get(reason="bonus").approved_at)
accounts = Account.objects.order_by("currency")
print([(a.currency, a.committed_cents, a.hard_cents) for a in accounts])
"""


def run(installation, code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **installation.env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


def test_sessions_and_payments_of_before_are_carried_over(make_installation):
    installation = make_installation(database="HYPE_TEST_DATABASE_URL")
    installation.manage("migrate", "hypeweb", BEFORE, "--verbosity=0")
    run(installation, MAKE.replace("BEFORE", BEFORE))
    installation.manage("migrate", "--verbosity=0")
    assert run(installation, READ)[:4] == [
        "True",
        "[True, True, True]",
        "None",
        "[('EUR', 4, 5), ('USD', 1, None)]",
    ]


def test_sets_of_before_are_counted(make_installation):
    installation = make_installation(database="HYPE_TEST_DATABASE_URL")
    installation.manage("migrate", "hypeweb", UNCOUNTED, "--verbosity=0")
    run(installation, MAKE_SETS.replace("UNCOUNTED", UNCOUNTED))
    installation.manage("migrate", "--verbosity=0")
    assert run(installation, READ_SETS)[:3] == [
        "1 1 ['unknown'] [('two', 1)]",
        "0 1 ['unknown'] [('one', 1)]",
        "0 1 ['unknown'] []",
    ]
