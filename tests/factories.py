"""Rows and files as the site itself makes them."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from PIL import Image

from hypeweb.models import Generator, LeakAudit, SampleSet, Session, Study
from hypeweb.services import (
    generators,
    imports,
    leaks,
    masks,
    projects,
    sessions,
    studies,
    tokens,
)
from hypeweb.services.sessions import Answer, Exposure, IssuedTrial, Screen

SCREEN = Screen(width=1280, height=900, refresh_hz=60.0)
SHOWING = "0123456789abcdef" * 2
NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def make_user(name: str, **fields: object) -> User:
    return User.objects.create_user(name, password="a-long-password", **fields)


def png_bytes(rng: np.random.Generator, side: int = 8) -> bytes:
    pixels = rng.integers(0, 256, size=(side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def images_zip(n: int, *, seed: int, side: int = 8) -> bytes:
    rng = np.random.default_rng(seed)
    return zip_bytes({f"{i:03d}.png": png_bytes(rng, side) for i in range(n)})


def make_sample_set(
    owner: User, name: str, *, folder: Path, origin: str, n: int = 12, side: int = 8
) -> SampleSet:
    path = folder / f"{name}.zip"
    seed = int.from_bytes(name.encode()[-4:])
    path.write_bytes(images_zip(n, seed=seed, side=side))
    sample_set = SampleSet(name=name, owner=owner, origin=origin)
    imports.import_directly(sample_set=sample_set, source=str(path), size=None)
    return SampleSet.objects.get(pk=sample_set.pk)


def draft_study(
    owner: User,
    *,
    protocol: str,
    n_arms: int = 2,
    n_images: int = 12,
    side: int = 8,
    folder: Path,
    is_audited: bool = False,
    materials: dict[str, list[SampleSet]] | None = None,
    **fields: object,
) -> Study:
    """Make a draft ready to open; the two seconds of its leak audit only if asked."""
    defaults: dict[str, object] = {
        "n_real": 2,
        "n_fake": 2,
        "n_blocks": 2,
        "images_per_block": 4,
        "extractor": "digits",
        "consent_text": "You agree.",
    }
    size = {"n": n_images, "side": side}
    real = make_sample_set(owner, "real", folder=folder, origin="real", **size)
    made = [
        make_sample_set(owner, f"made {i}", folder=folder, origin="generated", **size)
        for i in range(n_arms)
    ]
    study = Study(
        name="A study",
        owner=owner,
        real_set=real,
        protocol=protocol,
        **{**defaults, **fields},
    )
    studies.create_study(study=study, sample_sets=made, materials=materials or {})
    audit = leaks.request_audit(study)
    if is_audited:
        leaks.run_audit(audit.pk)
    else:
        LeakAudit.objects.filter(pk=audit.pk).update(
            state="done", verdict="clear", sentence="Nothing leaks.", finished_at=NOW
        )
    masks.make_masks(study.pk)
    return study


def pass_audit(study: Study) -> None:
    """Let a study through without the audit's seconds, for tests of other things."""
    leaks.request_audit(study)
    LeakAudit.objects.filter(study=study).update(
        state=LeakAudit.State.DONE,
        verdict=LeakAudit.Verdict.TOO_FEW,
        sentence="Too few images for a leak audit to say anything.",
    )


def open_study(
    owner: User, *, protocol: str, n_arms: int = 2, **fields: object
) -> Study:
    from django.conf import settings  # noqa: PLC0415

    study = draft_study(
        owner, protocol=protocol, n_arms=n_arms, folder=settings.DATA_DIR, **fields
    )
    studies.open_study(study=study, actor=owner, now=NOW)
    study.refresh_from_db()
    return study


def qualifying_study(owner: User, *, protocol: str, **fields: object) -> Study:
    """Return an open study of one arm: 4 images to qualify, one real and two made sets.

    Half of either kind must be right; each of two attempts shows other images.
    """
    from django.conf import settings  # noqa: PLC0415

    origins = {
        "practice r": "real",
        "practice f": "generated",
        "practice g": "generated",
    }
    sets = [
        make_sample_set(owner, name, folder=settings.DATA_DIR, origin=origin)
        for name, origin in origins.items()
    ]
    defaults: dict[str, object] = {
        "asks_qualification": True,
        "qualification_n_real": 2,
        "qualification_n_fake": 2,
        "n_arms": 1,
    }
    return open_study(
        owner,
        protocol=protocol,
        materials={"qualification": sets},
        **{**defaults, **fields},
    )


def bare_study(owner: User, **fields: object) -> Study:
    """Return an open study of rows alone: nobody can take it, its pages are there."""
    project = projects.personal_project(owner)
    real, made = (
        SampleSet.objects.create(
            name=f"bare {origin}", owner=owner, project=project, origin=origin
        )
        for origin in ("real", "generated")
    )
    study = Study.objects.create(
        **{
            "name": "A bare study",
            "slug": f"bare-{project.pk}",
            "seed": 1,
            "owner": owner,
            "project": project,
            "real_set": real,
            "state": Study.State.OPEN,
            "opened_at": NOW,
            **fields,
        }
    )
    study.arms.create(sample_set=made, label="bare generated", position=0)
    link(study)
    return study


def link(study: Study) -> str:
    """Return the address of the study's open link, made where it has none."""
    found = study.pools.first() or study.pools.create(token=tokens.make())
    return reverse("invitation", args=[found.token])


def join(study: Study, *, population: str = "people", now: datetime = NOW) -> Session:
    session = sessions.join_study(
        study=study, population=Session.Population(population), now=now
    )
    sessions.start_session(session=session, now=now, screen=SCREEN)
    session.refresh_from_db()
    return session


def look(session: Session, *, now: datetime = NOW) -> IssuedTrial | None:
    """Issue the open trial and fetch its image, as a page does; None after the last."""
    issued = sessions.issue_trial(session=session, now=now)
    if issued is not None:
        sessions.open_image(issued.image_token, showing=SHOWING)
    return issued


def fetch(client: Client, trial: dict[str, str]) -> HttpResponse:
    """Ask for a trial's image as its page does."""
    return client.get(trial["image"], headers={"X-Showing": SHOWING})


def walk(
    session: Session, answers: str | None = None, *, exposure: Exposure | None = None
) -> Session:
    """Answer every trial: right, or as a string of r(ight) and w(rong) says."""
    now = NOW
    number = 0
    while issued := look(session, now=now):
        now += timedelta(seconds=10)
        trial = session.trials.get(nonce=issued.nonce)
        is_right = answers is None or answers[number % len(answers)] == "r"
        answer = trial.truth if is_right else other(trial.truth)
        sessions.record_judgment(
            session=session,
            answer=Answer(
                nonce=issued.nonce,
                answer=answer,
                rt_ms=500.0,
                exposure=exposure or Exposure(shown_ms=issued.planned_ms),
            ),
            now=now,
        )
        number += 1
    session.refresh_from_db()
    return session


def other(truth: str) -> str:
    return "fake" if truth == "real" else "real"


def make_generator(owner: User, data: bytes, **fields: object) -> Generator:
    """An uploaded generator, tried by the worker."""
    generator = Generator(
        **{
            "name": "a generator",
            "model_name": "a model",
            "z_shape": "4",
            "owner": owner,
            "project": projects.personal_project(owner),
            **fields,
        }
    )
    upload = SimpleUploadedFile("generator.onnx", data)
    generators.create_generator(generator=generator, file=upload)
    generators.run_inspection(generator.pk)
    generator.refresh_from_db()
    return generator
