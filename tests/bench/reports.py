"""How long a report of a large study takes: to open, to score, to draw.

python [deploy/services python] -m tests.bench.reports [--timed] [--arms N]
    [--evaluators N] [--judgments N] [--keep]

A study of synthetic judgments, on SQLite or, behind `deploy/services python`, on
PostgreSQL. The page is what a member gets, through the site's middleware; the first
opening, which compiles the templates, is left out. --keep leaves the data and prints
where, and lets the report be read with `manage.py runserver`.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import django
import numpy as np

FOLDER = Path(tempfile.mkdtemp(prefix="hypeweb-reports-"))
os.environ["HYPE_DATA_DIR"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "hypeweb.settings"
os.environ["LOG_LEVEL"] = "ERROR"

SET_SIZE = 1000
N_OPENINGS = 9
BUDGET_S = 1.0


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def add_sets(study, *, n_arms):
    """Give a study sets of rows without files, evaluated."""
    from hypeweb.models import (  # noqa: PLC0415 - needs the settings
        Evaluation,
        LabelCount,
        MetricResult,
        MetricWarning,
        NearestReal,
        Sample,
        SampleSet,
    )
    from tests.factories import NOW  # noqa: PLC0415

    rng = np.random.default_rng(1)
    study.arms.all().delete()
    for number in range(n_arms):
        made = SampleSet.objects.create(
            name=f"Checkpoint {number + 1}",
            owner=study.owner,
            project=study.project,
            origin="generated",
        )
        study.arms.create(sample_set=made, label=made.name, position=number)
    sets = [study.real_set, *(arm.sample_set for arm in study.arms.all())]
    for made in sets:
        Sample.objects.bulk_create(
            Sample(
                sample_set=made,
                position=place,
                source_name=f"{place}.png",
                content_hash=f"{made.pk:032d}{place:032d}",
                size_bytes=1000,
            )
            for place in range(SET_SIZE)
        )
        made.n_samples, made.width, made.height = SET_SIZE, 64, 64
        made.content_hash = f"{made.pk:064d}"
        made.save()
        LabelCount.objects.bulk_create(
            LabelCount(
                sample_set=made, extractor=study.extractor, label=label, n=int(n)
            )
            for label, n in enumerate(
                rng.multinomial(SET_SIZE, rng.dirichlet([1] * 10))
            )
            if n
        )
    reals = list(study.real_set.samples.values_list("pk", flat=True))
    for number, made in enumerate(sets[1:]):
        run = Evaluation.objects.create(
            real_set=study.real_set,
            sample_set=made,
            extractor=study.extractor,
            state="done",
            finished_at=NOW,
            details={"fid_by_size": points(30 / (number + 1), n=SET_SIZE, rng=rng)},
        )
        values = {
            "fid": 31 / (number + 1),
            "inception_score_mean": 4 + number,
            "precision": 0.4 + 0.5 * number / n_arms,
            "recall": 0.7 - 0.3 * number / n_arms,
            "label_entropy_marginal": 2.1,
            "label_entropy_conditional": 0.6,
        }
        MetricResult.objects.bulk_create(
            MetricResult(
                evaluation=run, name=name, value=v, low=0.95 * v, high=1.05 * v
            )
            for name, v in values.items()
        )
        MetricWarning.objects.create(
            evaluation=run,
            code="too-few-images",
            message="A side has 1000 images for 2048 features.",
        )
        NearestReal.objects.bulk_create(
            NearestReal(
                evaluation=run,
                sample_id=pk,
                real_sample_id=int(rng.choice(reals)),
                distance=float(rng.gamma(9)),
                is_inside=bool(rng.random() < values["precision"]),
                is_authentic=True,
            )
            for pk in made.samples.values_list("pk", flat=True)
        )


def points(value, *, n, rng):
    sizes = np.linspace(n // 10, n, 15).astype(int)
    scores = value + 800 / sizes + rng.normal(0, 0.1, 15)
    return {
        "sizes": sizes.tolist(),
        "scores": scores.tolist(),
        "value": value,
        "slope": 800.0,
    }


def add_answers(study, *, n_evaluators, n_judgments):
    """Let simulated people answer, straight into the tables."""
    from hypeweb.models import (  # noqa: PLC0415 - needs the settings
        Evaluator,
        Judgment,
        Session,
        Trial,
    )
    from tests.factories import NOW  # noqa: PLC0415

    rng = np.random.default_rng(2)
    arms, pool = list(study.arms.all()), study.pools.first()
    reals = list(study.real_set.samples.values_list("pk", flat=True))
    each = n_judgments // n_evaluators
    trials, answers = [], []
    for number in range(n_evaluators):
        arm = arms[number % len(arms)]
        session = Session.objects.create(
            study=study,
            arm=arm,
            pool=pool,
            evaluator=Evaluator.objects.create(
                channel="link", token=f"bench-evaluator-{number}"
            ),
            token=f"bench-{number}",
            population="people",
            state="finished",
            seed=number,
            consented_at=NOW,
            started_at=NOW,
            last_seen_at=NOW,
            finished_at=NOW + timedelta(minutes=number),
            screen={},
        )
        fakes = list(arm.sample_set.samples.values_list("pk", flat=True))
        drawn = walk(study, arm.position, reals, fakes, n=each, rng=rng)
        for place, (sample, is_real, is_right, planned) in enumerate(drawn, start=1):
            truth, other = ("real", "fake") if is_real else ("fake", "real")
            trial = Trial(
                session=session,
                arm=arm,
                number=place,
                block=1 + (place - 1) // -(-each // 3),
                sample_id=sample,
                truth=truth,
                nonce=f"n{number}-{place}",
                image_token=f"i{number}-{place}",
                planned_ms=planned,
                issued_at=NOW,
            )
            trials.append(trial)
            answers.append(
                Judgment(
                    trial=trial,
                    answer=truth if is_right else other,
                    is_correct=is_right,
                    rt_ms=float(rng.gamma(9, 90)),
                    server_ms=1000.0,
                    shown_ms=planned and planned + float(rng.normal(0, 3)),
                    created_at=NOW,
                )
            )
    Trial.objects.bulk_create(trials, batch_size=2000)
    Judgment.objects.bulk_create(answers, batch_size=2000)


def walk(study, place, reals, fakes, *, n, rng):
    """Return sample, truth, verdict and exposure of every trial of one session."""
    from hypeweb.science.staircase import PRESETS, next_exposure  # noqa: PLC0415

    half = n // 2
    samples = [
        *((int(pk), True) for pk in rng.choice(reals, half, replace=False)),
        *((int(pk), False) for pk in rng.choice(fakes, n - half, replace=False)),
    ]
    rng.shuffle(samples)
    skill, rule, drawn, correct = rng.normal(0, 0.06), PRESETS["hype-2019"], [], []
    for number, (sample, is_real) in enumerate(samples):
        if number % -(-n // 3) == 0:
            correct = []
        planned = next_exposure(rule, correct) if study.is_timed else None
        odd = (sample * 7919 % 97) / 97 - 0.5
        wrong = 0.2 + 0.08 * place + skill + 0.4 * odd
        if planned is not None:
            at = planned / (220 + 90 * place)
            wrong = 0.5 * np.exp(-0.7 * at**1.8) + skill / 4
        is_right = bool(rng.random() > np.clip(wrong, 0.01, 0.9))
        correct.append(is_right)
        drawn.append((sample, is_real, is_right, planned))
    return drawn


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(study, client):
    from django.db import connection  # noqa: PLC0415 - needs the settings
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from hypeweb.services import (  # noqa: PLC0415
        agreement,
        figures,
        image_findings,
        scores,
    )

    steps = (
        ("score", lambda: scores.score_study(study.pk, now=timezone.now())),
        ("relate", lambda: agreement.relate_study(study.pk, now=timezone.now())),
        ("images", lambda: image_findings.find_images(study.pk, now=timezone.now())),
        ("draw", lambda: figures.draw_study(study.pk, now=timezone.now())),
        ("draw again", lambda: figures.draw_study(study.pk, now=timezone.now())),
    )
    for name, step in steps:
        say(f"worker, {name}: {seconds(step):.2f} s")
    address = f"/studies/{study.slug}/report/"
    assert client.get(address).status_code == 200
    times = [seconds(lambda: client.get(address)) for _ in range(N_OPENINGS)]
    with CaptureQueriesContext(connection) as queries:
        page = client.get(address)
    say(
        f"page: median {median(times):.3f} s, slowest of {N_OPENINGS} "
        f"{max(times):.3f} s, {len(queries)} queries, {len(page.content) / 1e3:.0f} kB "
        f"({connection.vendor})"
    )
    return max(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--arms", type=int, default=3)
    parser.add_argument("--evaluators", type=int, default=90)
    parser.add_argument("--judgments", type=int, default=40_000)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    django.setup()

    from django.conf import settings  # noqa: PLC0415 - needs the settings
    from django.core.management import call_command  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from tests import factories  # noqa: PLC0415

    settings.ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    owner = factories.make_user("bench")
    study = factories.bare_study(
        owner,
        protocol="hype_time" if given.timed else "hype_inf",
        extractor="digits",
        n_blocks=3,
    )
    add_sets(study, n_arms=given.arms)
    add_answers(study, n_evaluators=given.evaluators, n_judgments=given.judgments)
    client = Client()
    client.force_login(owner)
    slowest = measure(study, client)
    if given.keep:
        say(f"kept: HYPE_DATA_DIR={FOLDER}, bench / a-long-password, {study.slug}")
    else:
        shutil.rmtree(FOLDER)
    sys.exit(slowest > BUDGET_S)


if __name__ == "__main__":
    main()
