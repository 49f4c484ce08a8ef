"""The demo's content: real digits, three generated sets, two open studies."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from hypeweb import simulation, tasks
from hypeweb.models import Evaluation, SampleSet, Session, Study
from hypeweb.models.study_words import DEFAULT_CONSENT
from hypeweb.science.observers import PsychometricObserver
from hypeweb.services import (
    agreement,
    evaluations,
    figures,
    image_findings,
    imports,
    leaks,
    masks,
    scores,
    studies,
)

DATA = Path(settings.BASE_DIR) / "metrics" / "demo" / "data"
PASSWORD = "hypeweb-demo"  # noqa: S105 - of accounts on one's own machine
LOGINS = (("admin", True), ("researcher", False))
N_SIMULATED = 30

# How often simulated people are wrong on each archive: set by hand, for they say
# nothing about these images.
SIMULATED_ERRORS = {
    "early.zip": ("Early checkpoint", 0.10),
    "late.zip": ("Late checkpoint", 0.35),
    "late_truncated.zip": ("Late truncated 0.5", 0.38),
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """One archive of the demo, and how often simulated people are wrong on it."""

    name: str
    archive: str
    step: int
    truncation: float | None
    sampling_seed: int
    simulated_error: float


@dataclass(frozen=True)
class Content:
    """The studies of the demo."""

    untimed: Study
    timed: Study


def generated_archives() -> list[Made]:
    """Return the generated archives, as their manifest describes them."""
    manifest = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    rows = {row["file"]: row for row in manifest}
    return [
        Made(
            name=name,
            archive=archive,
            step=rows[archive]["step"],
            truncation=rows[archive]["truncation"],
            sampling_seed=rows[archive]["sampling_seed"],
            simulated_error=error,
        )
        for archive, (name, error) in SIMULATED_ERRORS.items()
    ]


def make_users() -> None:
    """Create the demo's logins where they are missing."""
    for name, is_admin in LOGINS:
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(
                name, password=PASSWORD, is_staff=is_admin, is_superuser=is_admin
            )


def make_content(*, generated: list[Made], say: Say) -> Content:
    """Import the sets and open the studies, as far as they are missing."""
    owner = User.objects.get(username="researcher")
    real = _sample_set(
        SampleSet(name="Handwritten digits", origin="real", dataset="digits"),
        archive="real.zip",
        owner=owner,
        say=say,
    )
    sets = [
        _sample_set(
            SampleSet(
                name=made.name,
                origin="generated",
                dataset="digits",
                model_name="demo generator",
                step=made.step,
                truncation=made.truncation,
                sampling_seed=made.sampling_seed,
            ),
            archive=made.archive,
            owner=owner,
            say=say,
        )
        for made in generated
    ]
    base = Study(owner=owner, real_set=real, consent_text=DEFAULT_CONSENT)
    untimed = _study(
        base,
        sets,
        name="Digits, untimed",
        protocol=Study.Protocol.HYPE_INF,
        n_real=20,
        n_fake=20,
    )
    timed = _study(
        base,
        sets,
        name="Digits, timed",
        protocol=Study.Protocol.HYPE_TIME,
        n_blocks=1,
        images_per_block=30,
    )
    return Content(untimed=untimed, timed=timed)


def simulate(study: Study, *, generated: list[Made], url: str, say: Say) -> None:
    """Bring the number of simulated evaluators to the demo's."""
    done = study.sessions.filter(
        population=Session.Population.SIMULATED, state=Session.State.FINISHED
    ).count()
    if done >= N_SIMULATED:
        return
    crowd = simulation.Crowd(
        observer=PsychometricObserver(),
        error_by_arm={made.name: made.simulated_error for made in generated},
    )
    for number in range(done, N_SIMULATED):
        simulation.simulate_session(
            base_url=url, study=study, crowd=crowd, rng=np.random.default_rng(number)
        )
        say(f"simulated evaluator {number + 1} of {N_SIMULATED}")
    scores.score_study(study.pk, now=timezone.now())
    agreement.relate_study(study.pk, now=timezone.now())


def wait_for_metrics(study: Study, *, say: Say, timeout_s: float = 240) -> None:
    """Wait until the worker is through with every arm."""
    deadline = time.monotonic() + timeout_s
    last = ""
    while time.monotonic() < deadline:
        runs = list(evaluations.evaluations_of(study).values())
        n_over = sum(not run.is_active for run in runs)
        stages = [
            f"{run.sample_set.name}: {run.stage} {run.percent} %"
            for run in runs
            if run.state == Evaluation.State.RUNNING
        ]
        line = f"metrics: {n_over} of {len(runs)} arms done {'; '.join(stages)}"
        if line != last:
            say(line)
            last = line
        if n_over == len(runs):
            # The worker does so too, but perhaps after the report is printed.
            agreement.relate_study(study.pk, now=timezone.now())
            image_findings.find_images(study.pk, now=timezone.now())
            figures.draw_study(study.pk, now=timezone.now())
            return
        time.sleep(0.5)


def _sample_set(
    sample_set: SampleSet, *, archive: str, owner: User, say: Say
) -> SampleSet:
    found = SampleSet.objects.filter(name=sample_set.name, owner=owner).first()
    if found is None:
        say(f"importing {sample_set.name}")
        sample_set.owner = owner
        imports.import_directly(
            sample_set=sample_set, source=str(DATA / archive), size=None
        )
        found = SampleSet.objects.get(pk=sample_set.pk)
    return found


def _study(
    base: Study, sets: list[SampleSet], *, name: str, **settings: object
) -> Study:
    found = Study.objects.filter(owner=base.owner, name=name).first()
    if found is None:
        study = Study(
            owner=base.owner,
            real_set=base.real_set,
            consent_text=base.consent_text,
            name=name,
            extractor="digits",
            **settings,
        )
        found = studies.create_study(study=study, sample_sets=sets)
        leaks.run_audit(leaks.request_audit(found).pk)
        masks.make_masks(found.pk)
        studies.open_study(study=found, actor=base.owner, now=timezone.now())
        found.refresh_from_db()
    for evaluation in evaluations.request_evaluations(found):
        if evaluation.state == Evaluation.State.QUEUED:
            tasks.enqueue(tasks.evaluate, evaluation.pk)
    return found
