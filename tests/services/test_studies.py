import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import AuditEvent, Mask, Study
from hypeweb.services import images, masks, studies
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW, draft_study, make_sample_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(researcher, tmp_path):
    return draft_study(researcher, protocol="hype_inf", folder=tmp_path)


def test_opening_freezes_sets_and_fixes_one_response_length(study):
    study.real_set.refresh_from_db()
    assert study.real_set.is_frozen
    assert all(arm.sample_set.is_frozen for arm in study.arms.all())
    largest = max(s.size_bytes for s in study.real_set.samples.all())
    assert study.response_bytes >= largest
    assert study.response_bytes % studies.PADDING_STEP_BYTES == 0


def test_opening_twice_is_refused(study, researcher):
    with pytest.raises(ConflictError, match="already open"):
        studies.open_study(study=study, actor=researcher, now=NOW)


def test_opening_needs_enough_images(draft, researcher):
    draft.n_fake = 13
    draft.save()
    with pytest.raises(DomainError, match="has 12 images, and each evaluator needs 13"):
        studies.open_study(study=draft, actor=researcher, now=NOW)
    draft.refresh_from_db()
    assert draft.state == Study.State.DRAFT


@pytest.mark.parametrize(
    ("budget", "is_enough"), [(None, True), (60, True), (59, False)]
)
def test_the_checklist_says_what_a_paid_study_costs_at_most(draft, budget, is_enough):
    Study.objects.update(pay_base=1, evaluators_per_arm=30, budget=budget)
    draft.refresh_from_db()
    note = studies.checklist(draft)[-1].note
    assert "at most USD 60.00 before fees" in note
    assert ("may stop payments" not in note) is is_enough


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"pay_base": 1}, "Pay and budget"),
        ({"pay_base": 1, "budget": 0}, "Pay and budget"),
        ({"consent_text": " "}, "Consent"),
        ({"n_real": 13}, "Enough images of one size"),
        ({"protocol": "hype_time"}, "Masks"),
        ({"pay_base": 1, "budget": 9}, None),
        ({}, None),
    ],
)
def test_the_checklist_names_what_is_missing(researcher, draft, fields, label):
    Study.objects.update(**fields)
    draft.refresh_from_db()
    missing = [item for item in studies.checklist(draft) if not item.is_done]
    assert [item.label for item in missing] == ([label] if label else [])
    if label:
        with pytest.raises(DomainError):
            studies.open_study(study=draft, actor=researcher, now=NOW)


def test_opening_needs_one_image_size(researcher, draft, tmp_path):
    larger = make_sample_set(
        researcher, "large", folder=tmp_path, origin="generated", side=16
    )
    draft.arms.create(sample_set=larger, label="large", position=9)
    (blocker,) = studies.blockers(draft)
    assert blocker == (
        "“large” has images of 16 x 16 pixels and the real set of 8 x 8, which gives "
        "them away; import one of them again at the other's size."
    )


def test_opening_a_timed_study_makes_masks_of_the_images_size(timed_study):
    made = list(timed_study.masks.all())
    assert len(made) == masks.N_MASKS
    assert images.decode(masks.read_png(made[0])).size == (8, 8)


def test_an_untimed_study_has_no_masks(study):
    assert not Mask.objects.filter(study=study).exists()


def test_closing_is_for_open_studies(study, researcher):
    studies.close_study(study=study, actor=researcher, now=NOW)
    study.refresh_from_db()
    assert study.state == Study.State.CLOSED
    with pytest.raises(ConflictError, match="Only an open study"):
        studies.close_study(study=study, actor=researcher, now=NOW)


def test_what_was_done_is_on_record(study, researcher):
    studies.close_study(study=study, actor=researcher, now=NOW)
    actions = AuditEvent.objects.filter(actor=researcher).values_list(
        "action", flat=True
    )
    assert list(actions) == ["closed", "opened", "created"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"n_arms": 0}, "at least one arm"),
        ({"protocol": "hype_time", "images_per_block": 5}, "must be even"),
        ({"start_ms": 50}, "exposures must be in order"),
    ],
)
def test_a_study_that_cannot_work_is_not_created(
    researcher, tmp_path, fields, sentence
):
    settings = {"protocol": "hype_inf", **fields}
    with pytest.raises(DomainError, match=sentence):
        draft_study(researcher, folder=tmp_path, **settings)
    assert not Study.objects.exists()


def test_sets_of_the_wrong_origin_are_refused(researcher, tmp_path):
    real = make_sample_set(researcher, "r", folder=tmp_path, origin="real")
    made = make_sample_set(researcher, "m", folder=tmp_path, origin="generated")
    for real_set, arms, sentence in (
        (made, [made], "not a real set"),
        (real, [real], "not generated"),
    ):
        study = Study(
            name="x", owner=researcher, real_set=real_set, protocol="hype_inf"
        )
        with pytest.raises(DomainError, match=sentence):
            studies.create_study(study=study, sample_sets=arms)


def test_names_may_repeat_and_addresses_do_not(researcher, draft):
    twin = Study(
        name=draft.name,
        owner=researcher,
        real_set=draft.real_set,
        protocol="hype_inf",
    )
    sample_sets = [arm.sample_set for arm in draft.arms.all()]
    studies.create_study(study=twin, sample_sets=sample_sets)
    assert (draft.slug, twin.slug) == ("a-study", "a-study-2")
    assert factories.link(draft) != factories.link(twin)


def test_presets_are_copied_into_the_study(draft):
    studies.apply_preset(draft, "weighted-75")
    assert (draft.step_down_ms, draft.step_up_ms) == (10, 30)
    draft.protocol = "hype_time"
    assert ("Settles at", "75.0% correct") in studies.describe(draft)


def test_database_refuses_a_state_without_its_dates(draft):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=draft.pk).update(state="open")
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=draft.pk).update(min_ms=600)
