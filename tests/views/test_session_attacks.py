"""What a browser can send to gain by, and all that it is sent, byte by byte."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from scipy.stats import mannwhitneyu

from hypeweb.models import Judgment, SampleSet, Session, Study, Trial
from tests import factories

pytestmark = pytest.mark.django_db

JSON = {"HTTP_ACCEPT": "application/json"}
PROTOCOLS = ("hype_inf", "hype_time")
# Dozens of measures are looked at; a measure that tells the truth of 48 images has a
# p below 1e-12, and chance falls below this once in a million runs.
CHANCE = 1e-8
NUMBER = re.compile(r"\d+")


def make_study(researcher, protocol, **fields):
    sizes = {"n_real": 12, "n_fake": 12, "n_blocks": 1, "images_per_block": 24}
    return factories.open_study(
        researcher, protocol=protocol, n_arms=1, n_images=24, **sizes, **fields
    )


@pytest.fixture(params=PROTOCOLS)
def any_study(request, researcher):
    return make_study(researcher, request.param)


@pytest.fixture
def limited_study(researcher):
    return make_study(researcher, "hype_inf", time_limit_s=5)


@pytest.fixture(params=PROTOCOLS)
def gold_study(request, researcher, tmp_path):
    """One in three of its images is an attention check."""
    sets = [
        factories.make_sample_set(
            researcher, name, folder=tmp_path, origin=origin, n=24
        )
        for name, origin in {"gold r": "real", "gold f": "generated"}.items()
    ]
    return make_study(
        researcher, request.param, gold_percent=50, materials={"gold": sets}
    )


@dataclass(frozen=True)
class Received:
    """Everything a browser holds of a trial before it answers, and what it is."""

    truth: str
    purpose: str
    step: bytes
    step_headers: tuple
    image: bytes
    image_headers: tuple
    masks: tuple


def join(study):
    return factories.join(study, now=timezone.now())


def url(name, session):
    return reverse(name, args=[session.token])


def answer(client, session, trial, **fields):
    """Answer a trial as a page would, after the time its image takes."""
    factories.fetch(client, trial)
    Trial.objects.filter(nonce=trial["nonce"]).update(
        issued_at=timezone.now() - timedelta(seconds=5)
    )
    exposure = {"shown_ms": trial["planned_ms"], "refresh_hz": 60}
    posted = {"nonce": trial["nonce"], "answer": "real", "rt_ms": 400}
    if trial["planned_ms"]:
        posted["exposure"] = exposure
    return client.post(
        url("answer", session),
        json.dumps({**posted, **fields}),
        content_type="application/json",
        **JSON,
    )


def headers_of(response):
    return tuple(
        sorted(
            (name.lower(), value)
            for name, value in response.items()
            # The length of a step is among the measures below.
            if name not in {"Date", "Expires", "Set-Cookie", "Content-Length"}
        )
    )


def receive(client, step, trial):
    image = factories.fetch(client, trial)
    stored = Trial.objects.get(nonce=trial["nonce"])
    return Received(
        truth=stored.truth,
        purpose=stored.purpose,
        step=step.content,
        step_headers=headers_of(step),
        image=image.content,
        image_headers=headers_of(image),
        masks=tuple(client.get(mask).content for mask in trial["masks"]),
    )


def walk(study):
    """Walk a session and return what was received of every trial, in order."""
    client, session, received = Client(), join(study), []
    step = client.get(url("trial", session), **JSON)
    while step.json()["state"] == "trial":
        trial = step.json()["trial"]
        received.append(receive(client, step, trial))
        assert answer(client, session, trial).status_code == 200
        step = client.get(url("trial", session), **JSON)
    assert len(received) == study.n_trials + study.n_gold
    return received


def form_of(one):
    """Return what must be the same of every trial."""
    trial = json.loads(one.step)["trial"]
    lengths = {key: len(trial[key]) for key in ("nonce", "image", "masks")}
    return (
        *(len(one.image), one.image_headers, one.step_headers),
        *(tuple(sorted(trial)), tuple(lengths.items())),
        tuple(len(mask) for mask in one.masks),
    )


def measures_of(place, one):
    """Return what differs between trials, as numbers."""
    trial = json.loads(one.step)["trial"]
    measures = {"place": place, "length": len(one.step)}
    tokens = {"nonce": trial["nonce"], "image": trial["image"].split("/")[-1]}
    for name, token in tokens.items():
        for number, character in enumerate(token):
            measures[f"{name}, character {number}"] = ord(character)
    for number, mask in enumerate(trial["masks"]):
        measures[f"mask {number}"] = int.from_bytes(mask.encode()[3:9])
    return measures


def assert_alike(received, names, *, side_of):
    """Headers, lengths and keys are always the same; the rest is chance."""
    sides = {
        name: [(place, one) for place, one in received if side_of(one) == name]
        for name in names
    }
    forms = {name: {form_of(one) for _, one in side} for name, side in sides.items()}
    (first, *_), (second, *_) = forms.values()
    assert {len(found) for found in forms.values()} == {1}
    assert first == second
    measured = {
        name: [measures_of(place, one) for place, one in side]
        for name, side in sides.items()
    }
    for measure in next(iter(measured.values()))[0]:
        values = [[row[measure] for row in side] for side in measured.values()]
        assert mannwhitneyu(*values).pvalue > CHANCE, measure


def test_attack_nothing_around_an_image_goes_with_its_truth(any_study):
    received = [one for _ in range(2) for one in enumerate(walk(any_study))]
    assert_alike(received, ("real", "fake"), side_of=lambda one: one.truth)


def test_attack_nothing_tells_an_attention_check_or_its_truth(gold_study):
    received = [one for _ in range(2) for one in enumerate(walk(gold_study))]
    assert_alike(received, ("score", "gold"), side_of=lambda one: one.purpose)
    gold = [(place, one) for place, one in received if one.purpose == "gold"]
    assert_alike(gold, ("real", "fake"), side_of=lambda one: one.truth)


def test_attack_no_page_or_reply_names_what_an_image_is(any_study):
    """No name, hash or key of a sample is in anything that is received."""
    for sample_set in SampleSet.objects.all():
        SampleSet.objects.filter(pk=sample_set.pk).update(name=f"set-{sample_set.pk}!")
    client, session = Client(), join(any_study)
    pages = [client.get(url("session", session)).content]
    step = client.get(url("trial", session), **JSON)
    pages.append(step.content)
    trials = session.trials.select_related("sample__sample_set")
    for trial in trials:
        pages.append(receive(client, step, step.json()["trial"]).image)
        answer(client, session, step.json()["trial"])
        step = client.get(url("trial", session), **JSON)
        pages.append(step.content)
        text = b"\n".join(pages)
        for secret in (
            trial.sample.content_hash,
            trial.sample.storage_key,
            trial.sample.source_name,
            trial.sample.sample_set.name,
            session.arm.label,
        ):
            assert secret.encode() not in text
    assert b'"truth"' not in text
    assert b"generated" not in text


def test_attack_the_server_works_alike_for_every_image(gold_study):
    """A clock on the responses finds the same queries and files behind all."""
    client, session = Client(), join(gold_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    work = {}
    while trial:
        stored = Trial.objects.get(nonce=trial["nonce"])
        with CaptureQueriesContext(connection) as image_queries:
            factories.fetch(client, trial)
        with CaptureQueriesContext(connection) as step_queries:
            client.get(url("trial", session), **JSON)
        shapes = tuple(
            NUMBER.sub("", query["sql"]).split(" WHERE ")[0].split(" SET ")[0]
            for query in (*image_queries, *step_queries)
            if "SAVEPOINT" not in query["sql"]  # they carry a counter
        )
        # The reply to an answer too, but for the last: it ends the session.
        with CaptureQueriesContext(connection) as answer_queries:
            trial = answer(client, session, trial).json()["next"].get("trial")
        replied = (len(answer_queries),) if trial else ()
        work.setdefault((stored.truth, stored.purpose), set()).add((shapes, *replied))
    assert len(work) == 4
    first, *others = (
        {one for one in found if len(one) == 2} for found in work.values()
    )
    assert len(first) == 1
    assert all(found == first for found in others)


def test_attack_an_address_opened_by_hand_shows_the_image_again(client, timed_study):
    """No window but the page's own carries the name of its showing."""
    session = join(timed_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    factories.fetch(client, trial)
    for forged in ("", "x", "é", factories.SHOWING.upper(), factories.SHOWING * 2):
        Trial.objects.update(n_shown=1, showing=factories.SHOWING)
        client.get(trial["image"], headers={"X-Showing": forged} if forged else {})
        assert Trial.objects.get(nonce=trial["nonce"]).n_shown == 2
    assert answer(client, session, trial).json()["correct"] is None
    judgment = Judgment.objects.get()
    assert (judgment.exposure_flags, judgment.is_void) == ("shown_again", True)


def test_attack_a_posted_truth_or_plan_changes_nothing(client, timed_study):
    session = join(timed_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    before = Trial.objects.get(nonce=trial["nonce"])
    wrong = factories.other(before.truth)
    forged = {"truth": wrong, "is_correct": True, "planned_ms": 100, "is_void": True}
    exposure = {"shown_ms": 500, "refresh_hz": 60, **forged}
    reply = answer(client, session, trial, answer=wrong, exposure=exposure, **forged)
    assert reply.json()["correct"] is False
    after = Trial.objects.get(pk=before.pk)
    assert (after.truth, after.planned_ms) == (before.truth, 500)
    judgment = Judgment.objects.get()
    assert (judgment.is_correct, judgment.is_void) == (False, False)


@pytest.mark.parametrize(
    "exposure",
    [
        {"shown_ms": 100, "refresh_hz": 60},
        {"shown_ms": 900, "refresh_hz": 60},
        {"shown_ms": 900},
        {"shown_ms": 900, "refresh_hz": 1},
        {"shown_ms": 500, "refresh_hz": 60, "shown_frames": 12, "target_frames": 30},
        {"shown_ms": 500, "refresh_hz": 60, "element_timing_ms": 100},
    ],
)
def test_attack_an_edited_exposure_is_found_out(client, timed_study, exposure):
    """What contradicts the plan, or itself, moves no staircase."""
    session = join(timed_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    assert answer(client, session, trial, exposure=exposure).status_code == 200
    judgment = Judgment.objects.get()
    assert "missed_target" in judgment.exposure_flags
    assert judgment.is_void


def test_attack_a_stopped_clock_gains_no_time_to_look(client, limited_study):
    """The page says that a second has passed; the server counted a minute."""
    session = join(limited_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    factories.fetch(client, trial)
    Trial.objects.filter(nonce=trial["nonce"]).update(
        issued_at=timezone.now() - timedelta(minutes=1)
    )
    posted = {"nonce": trial["nonce"], "answer": "real", "rt_ms": 1000, "late": False}
    reply = client.post(
        url("answer", session),
        json.dumps({**posted, "is_void": False, "flags": []}),
        content_type="application/json",
        **JSON,
    ).json()
    assert (reply["late"], reply["correct"]) == (True, None)
    assert Judgment.objects.get().is_void


def test_attack_a_failed_exposure_tells_nothing_of_its_repeat(client, timed_study):
    """The repeat of a block's last trial comes next, and has the same truth."""
    session = join(timed_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    while trial["number_in_block"] < trial["block_size"]:
        reply = answer(client, session, trial).json()
        assert reply["correct"] is not None
        trial = reply["next"]["trial"]
    last = Trial.objects.get(nonce=trial["nonce"])
    replies = [
        answer(client, session, trial, exposure={"shown_ms": 900}).json()
        for _ in range(2)
    ]
    repeat = Trial.objects.get(nonce=replies[0]["next"]["trial"]["nonce"])
    assert (repeat.is_repeat, repeat.truth) == (True, last.truth)
    assert [reply["correct"] for reply in replies] == [None, None]


def test_attack_an_answer_after_the_longest_pause_is_refused(client, any_study):
    session = join(any_study)
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    long_ago = timezone.now() - timedelta(minutes=any_study.idle_limit_min, seconds=1)
    Session.objects.update(last_seen_at=long_ago)
    reply = answer(client, session, trial)
    assert reply.status_code == 409
    assert "has ended" in reply.json()["error"]
    assert not Judgment.objects.exists()
    assert client.get(url("trial", session), **JSON).json()["state"] == "finished"
    assert client.get(trial["image"]).status_code == 404


def test_attack_a_foreign_nonce_is_refused_under_either_protocol(client, any_study):
    """A nonce of one session opens nothing under the address of another."""
    mine, theirs = join(any_study), join(any_study)
    trial = client.get(url("trial", theirs), **JSON).json()["trial"]
    client.get(url("trial", mine), **JSON)
    assert answer(client, mine, trial).status_code == 409
    assert not Judgment.objects.exists()
    assert Study.objects.get().sessions.filter(state="running").count() == 2
