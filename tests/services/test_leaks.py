import io

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from PIL import Image, ImageDraw

from hypeweb import tasks
from hypeweb.models import AuditEvent, Job, LeakAudit, Sample, SampleSet, Study
from hypeweb.science.image_traces import MIN_SIDE
from hypeweb.services import (
    image_pools,
    imports,
    jobs,
    leak_findings,
    leaks,
    reports,
    samples,
    studies,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.preparation import store_png
from tests.factories import NOW, draft_study, zip_bytes

pytestmark = pytest.mark.django_db

N_IMAGES = 24


@pytest.fixture
def draft(researcher, tmp_path):
    """A draft whose audit has run, on images too small for borders and blocks."""
    return draft_study(
        researcher, protocol="hype_inf", folder=tmp_path, is_audited=True
    )


def picture(rng, *, side=MIN_SIDE):
    """A smooth coloured image whose content differs from one to the next."""
    small = rng.integers(40, 216, size=(4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    noise = rng.integers(-6, 7, size=(side, side, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def framed(image):
    ImageDraw.Draw(image).rectangle((0, 0, MIN_SIDE - 1, MIN_SIDE - 1), outline="black")
    return image


def make_set(owner, folder, *, origin, seed, change=None, form="PNG", name=""):
    rng = np.random.default_rng(seed)
    files = {}
    for number in range(N_IMAGES):
        image = picture(rng)
        buffer = io.BytesIO()
        (change(image) if change else image).save(buffer, form)
        files[f"{number:03d}.{form.lower()}"] = buffer.getvalue()
    path = folder / f"{origin}-{seed}.zip"
    path.write_bytes(zip_bytes(files))
    sample_set = SampleSet(name=name or f"{origin} {seed}", owner=owner, origin=origin)
    imports.import_directly(sample_set=sample_set, source=str(path), size=None)
    return SampleSet.objects.get(pk=sample_set.pk)


def audited(owner, real, *made, materials=None, **fields):
    study = Study(
        name="Audited",
        owner=owner,
        real_set=real,
        protocol="hype_inf",
        n_real=2,
        consent_text="You agree.",
        **fields,
    )
    study.n_fake = 2
    studies.create_study(study=study, sample_sets=made, materials=materials or {})
    leaks.run_audit(leaks.request_audit(study).pk)
    return study


def audit_of(study):
    return LeakAudit.objects.get(study=study)


@pytest.fixture
def leaking(researcher, tmp_path):
    """A draft whose generated images alone have a frame."""
    real = make_set(researcher, tmp_path, origin="real", seed=1)
    made = make_set(researcher, tmp_path, origin="generated", seed=2, change=framed)
    return audited(researcher, real, made)


def test_import_keeps_what_the_files_were(researcher, tmp_path):
    sample_set = make_set(researcher, tmp_path, origin="real", seed=1, form="JPEG")
    for sample in sample_set.samples.all():
        assert sample.source_format == "JPEG"
        assert (sample.source_width, sample.source_height) == (MIN_SIDE, MIN_SIDE)
        assert 0 < sample.source_bytes != sample.size_bytes


def test_import_keeps_the_size_before_resizing(researcher, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10)).save(buffer, "BMP")
    (tmp_path / "a.bmp").write_bytes(buffer.getvalue())
    sample_set = SampleSet(name="x", owner=researcher, origin="real")
    imports.import_directly(sample_set=sample_set, source=str(tmp_path), size=8)
    sample = sample_set.samples.get()
    assert (sample.source_width, sample.source_height) == (20, 10)
    assert (sample.source_bytes, sample.source_format) == (
        len(buffer.getvalue()),
        "BMP",
    )


def test_arrays_have_a_source_too(researcher, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 6, 3), np.uint8))
    sample_set = SampleSet(name="x", owner=researcher, origin="real")
    path = str(tmp_path / "a.npy")
    imports.import_directly(sample_set=sample_set, source=path, size=None)
    found = sample_set.samples.values_list("source_bytes", "source_format")
    assert list(found) == [(72, "array"), (72, "array")]


def test_sets_of_one_pipeline_pass_and_may_open(researcher, tmp_path):
    real = make_set(researcher, tmp_path, origin="real", seed=1)
    made = [
        make_set(researcher, tmp_path, origin="generated", seed=seed) for seed in (2, 3)
    ]
    study = audited(researcher, real, *made)
    audit = audit_of(study)
    assert (audit.state, audit.verdict, audit.error) == ("done", "clear", "")
    assert audit.sentence.startswith("Nothing outside the images' content tells real")
    assert [arm.is_leak for arm in audit.contrasts.all()] == [False, False]
    studies.open_study(study=study, actor=researcher, now=NOW)


def test_a_frame_is_a_leak_that_keeps_the_study_shut(leaking, researcher):
    audit = audit_of(leaking)
    assert audit.verdict == "leak"
    assert "can be told from the real images without looking" in audit.sentence
    assert "Sides with a frame (AUC 1.00)" in audit.sentence
    arm = audit.contrasts.get()
    assert arm.auc > 0.95
    assert arm.low > 0.5
    with pytest.raises(DomainError, match="Import the sets again through one pipeline"):
        studies.open_study(study=leaking, actor=researcher, now=NOW)
    leaking.refresh_from_db()
    assert leaking.state == Study.State.DRAFT


def test_grey_images_among_coloured_ones_are_a_leak(researcher, tmp_path):
    real = make_set(researcher, tmp_path, origin="real", seed=1)
    made = make_set(
        researcher,
        tmp_path,
        origin="generated",
        seed=2,
        change=lambda image: image.convert("L"),
    )
    study = audited(researcher, real, made)
    assert "All grey (AUC 1.00)" in audit_of(study).sentence


def test_what_the_site_hides_is_shown_and_blocks_nothing(researcher, tmp_path):
    """Another format and size of file, the same pixels."""
    real = make_set(researcher, tmp_path, origin="real", seed=1)
    made = make_set(researcher, tmp_path, origin="generated", seed=2, form="BMP")
    study = audited(researcher, real, made)
    assert audit_of(study).verdict == "clear"
    traces = {t.name: t for t in audit_of(study).contrasts.get().traces.all()}
    assert traces["Source format PNG"].auc == 1.0
    assert traces["Source file, bytes"].auc == 1.0
    assert not traces["Source format PNG"].is_visible
    assert audit_of(study).contrasts.get().auc_with_hidden > 0.95


def test_a_leak_in_one_arm_is_enough(researcher, tmp_path):
    real = make_set(researcher, tmp_path, origin="real", seed=1)
    made = make_set(researcher, tmp_path, origin="generated", seed=2)
    bad = make_set(researcher, tmp_path, origin="generated", seed=3, change=framed)
    audit = audit_of(audited(researcher, real, made, bad))
    assert [arm.is_leak for arm in audit.contrasts.all()] == [False, True]
    assert audit.sentence.startswith("“generated 3” can be told")


QUALIFICATION = {
    "asks_qualification": True,
    "qualification_n_real": 4,
    "qualification_n_fake": 4,
}


@pytest.fixture
def plain(researcher, tmp_path):
    """A real and a generated set of one pipeline."""
    return [
        make_set(researcher, tmp_path, origin=origin, seed=seed)
        for seed, origin in enumerate(("real", "generated"), start=1)
    ]


def kinds_of(audit):
    return {one.kind: one.is_leak for one in audit.contrasts.all()}


def test_a_leak_in_the_qualification_keeps_the_study_shut(researcher, tmp_path, plain):
    """Who learns the frame there passes without looking at an image."""
    sets = [
        make_set(researcher, tmp_path, origin="real", seed=3),
        make_set(researcher, tmp_path, origin="generated", seed=4, change=framed),
    ]
    study = audited(
        researcher, *plain, materials={"qualification": sets}, **QUALIFICATION
    )
    audit = audit_of(study)
    assert kinds_of(audit) == {"arm": False, "qualification": True}
    assert audit.sentence.startswith(
        "The generated images of the qualification can be told from its real ones "
        "without looking at their content: AUC"
    )
    assert "Sides with a frame" in studies.blockers(study)[0]
    with pytest.raises(DomainError, match="qualification can be told"):
        studies.open_study(study=study, actor=researcher, now=NOW)
    labels = [found.label for found in leak_findings.findings_of(audit)]
    assert labels == ["generated 2", "Qualification"]


def test_attention_checks_of_another_pipeline_are_a_leak(researcher, tmp_path, plain):
    """Alike among themselves, they are still told from the images that are scored."""
    sets = [
        make_set(researcher, tmp_path, origin=origin, seed=seed, change=framed)
        for seed, origin in enumerate(("real", "generated"), start=3)
    ]
    study = audited(researcher, *plain, materials={"gold": sets}, gold_percent=50)
    audit = audit_of(study)
    assert kinds_of(audit) == {"arm": False, "gold": False, "mixed": True}
    assert audit.sentence.startswith("The attention checks can be told from the scored")
    mixed = leak_findings.findings_of(audit)[-1]
    assert mixed.label == "Attention checks among the others"
    assert mixed.n_text == "48 scored, 48 checks"


def test_material_of_one_pipeline_passes(researcher, tmp_path, plain):
    sets = [
        make_set(researcher, tmp_path, origin=origin, seed=seed)
        for seed, origin in enumerate(("real", "generated"), start=3)
    ]
    study = audited(
        researcher,
        *plain,
        materials={"gold": sets, "qualification": sets},
        gold_percent=50,
        **QUALIFICATION,
    )
    audit = audit_of(study)
    assert kinds_of(audit) == dict.fromkeys(
        ("arm", "qualification", "gold", "mixed"), False
    )
    assert "or an attention check from the others" in audit.sentence
    assert audit.verdict == "clear"


def test_only_images_that_may_be_shown_are_audited(researcher, tmp_path, plain):
    """A real set that is scored too keeps three in sixteen for the qualification."""
    real, made = plain
    other = make_set(researcher, tmp_path, origin="generated", seed=4)
    study = audited(
        researcher,
        real,
        made,
        materials={"qualification": [real, other]},
        **{**QUALIFICATION, "qualification_n_real": 1},
    )
    contrast = audit_of(study).contrasts.get(kind="qualification")
    kept = image_pools.material_pool(study, real).samples.count()
    assert 0 < kept < N_IMAGES
    assert (contrast.n_first, contrast.n_second) == (kept, N_IMAGES)


def test_an_empty_pool_is_too_few_and_no_failure(researcher, tmp_path, plain):
    real, made = plain
    twin = make_set(researcher, tmp_path, origin="generated", seed=2, name="twin")
    study = audited(
        researcher,
        real,
        made,
        materials={"qualification": [real, twin]},
        **QUALIFICATION,
    )
    audit = audit_of(study)
    assert (audit.state, audit.verdict) == ("done", "too_few")
    assert audit.sentence.endswith("of each kind for the qualification, and one has 0.")
    assert audit.contrasts.get(kind="qualification").traces.count() == 0


def test_small_images_are_judged_by_their_colour_alone(draft):
    audit = audit_of(draft)
    assert (audit.verdict, audit.contrasts.first().auc) == ("clear", 0.5)
    assert "in images under 32 pixels they are the content" in audit.sentence
    visible = audit.contrasts.first().traces.filter(is_visible=True)
    assert [trace.name for trace in visible] == ["All grey"]
    (grey, *_) = leak_findings.findings_of(audit)[0].traces
    assert (grey.low_text, grey.high_text) == ("0", "")


def test_too_few_images_are_said_and_do_not_block(researcher, tmp_path):
    study = draft_study(
        researcher, protocol="hype_inf", folder=tmp_path, is_audited=True
    )
    Sample.objects.filter(sample_set=study.real_set, position__gte=9).delete()
    SampleSet.objects.filter(pk=study.real_set_id).update(n_samples=9)
    LeakAudit.objects.all().delete()
    study = Study.objects.get(pk=study.pk)
    leaks.run_audit(leaks.request_audit(study).pk)
    audit = audit_of(study)
    assert audit.verdict == "too_few"
    assert audit.sentence.endswith("it needs 10 of each set, and one has 9.")
    assert studies.blockers(study) == []


def test_rows_from_before_sources_were_kept_are_audited_without(draft):
    Sample.objects.update(source_bytes=0, source_width=0, source_height=0)
    LeakAudit.objects.all().delete()
    leaks.run_audit(leaks.request_audit(draft).pk)
    names = audit_of(draft).contrasts.first().traces.values_list("name", flat=True)
    assert "Stored file, bytes" in names
    assert not [name for name in names if name.startswith("Source")]


def test_running_twice_leaves_one_result(draft):
    before = list(audit_of(draft).contrasts.values_list("pk", "auc"))
    leaks.run_audit(audit_of(draft).pk)
    assert list(audit_of(draft).contrasts.values_list("pk", "auc")) == before


def test_the_same_study_has_the_same_numbers(leaking):
    first = list(audit_of(leaking).contrasts.values_list("auc", "low", "high"))
    LeakAudit.objects.all().delete()
    leaks.run_audit(leaks.request_audit(leaking).pk)
    assert list(audit_of(leaking).contrasts.values_list("auc", "low", "high")) == first


def test_a_study_without_a_finished_audit_cannot_open(draft):
    LeakAudit.objects.all().delete()
    assert studies.blockers(draft) == [
        "The leak audit has not been made; start it below."
    ]
    audit = leaks.request_audit(draft)
    assert studies.blockers(draft) == [
        "The leak audit has not finished; it goes on by itself, please wait."
    ]
    jobs.claim(LeakAudit, audit.pk, now=NOW)
    assert "has not finished" in studies.blockers(draft)[0]


def test_an_image_that_is_gone_fails_the_audit_and_can_be_retried(draft):
    LeakAudit.objects.all().delete()
    key = draft.real_set.samples.first().storage_key
    data = samples.read_png(draft.real_set.samples.first())
    default_storage.delete(key)
    leaks.run_audit(leaks.request_audit(draft).pk)
    audit = audit_of(draft)
    assert audit.state == Job.State.FAILED
    assert studies.blockers(draft)[0].startswith(
        "The leak audit failed: An image of “real” cannot be read from the storage."
    )
    store_png(key, data)
    leaks.run_audit(leaks.request_audit(draft).pk)
    assert studies.blockers(draft) == []


def test_the_sweep_finds_a_forgotten_audit(draft):
    LeakAudit.objects.all().delete()
    audit = leaks.request_audit(draft)
    LeakAudit.objects.filter(pk=audit.pk).update(created_at=NOW)
    tasks.sweep()
    audit.refresh_from_db()
    assert audit.state == Job.State.DONE


def test_an_override_opens_the_study_and_is_kept_everywhere(leaking, researcher):
    reason = "The frame is part of  the product.\n"
    leaks.override(study=leaking, actor=researcher, reason=reason, now=NOW)
    kept = "The frame is part of the product."
    audit = audit_of(leaking)
    assert (audit.override_reason, audit.overridden_by) == (kept, researcher)
    event = AuditEvent.objects.get(action="overrode leak audit")
    assert (event.actor, event.detail) == (researcher, kept)
    studies.open_study(study=leaking, actor=researcher, now=NOW)
    assert kept in dict(studies.describe(leaking))["Leak audit"]
    (note,) = [n for n in reports.build_report(leaking).notes if kept in n]
    assert "can be told from the real images" in note


@pytest.mark.parametrize("reason", ["", "   ", "too short", " a   b   c   "])
def test_an_override_needs_a_reason(leaking, researcher, reason):
    with pytest.raises(DomainError, match="at least 10 characters"):
        leaks.override(study=leaking, actor=researcher, reason=reason, now=NOW)
    assert not audit_of(leaking).is_overridden


def test_only_a_finished_audit_that_failed_is_overridden(draft, researcher):
    reason = "Because I say so."
    with pytest.raises(ConflictError, match="nothing to override"):
        leaks.override(study=draft, actor=researcher, reason=reason, now=NOW)
    LeakAudit.objects.all().delete()
    leaks.request_audit(draft)
    with pytest.raises(ConflictError, match="nothing to override"):
        leaks.override(study=draft, actor=researcher, reason=reason, now=NOW)


def test_an_open_studys_audit_is_not_overridden(study, researcher):
    LeakAudit.objects.filter(study=study).update(verdict="leak")
    with pytest.raises(ConflictError, match="Only a draft's"):
        leaks.override(
            study=study, actor=researcher, reason="It is open anyway.", now=NOW
        )


def test_findings_are_what_the_rows_say(leaking):
    (found,) = leak_findings.findings_of(audit_of(leaking))
    assert (found.label, found.is_leak) == ("generated 2", True)
    assert found.n_text == "24 real, 24 generated"
    frame = next(trace for trace in found.traces if "frame" in trace.name)
    assert (frame.auc_text, frame.separates, frame.is_visible) == ("1.00", True, True)
    assert (frame.low_text, frame.high_text) == ("0", "4")
    # all reals in the first of twelve bins, all generated in the last
    assert frame.first_path.startswith("M0 40V0.0H13.3V40.0H26.7")
    assert frame.second_path.endswith("V0.0H160.0V40")
    assert leak_findings.findings_of(None) == []


def test_the_number_of_queries_does_not_grow_with_arms(
    draft, django_assert_num_queries
):
    audit = audit_of(draft)
    with django_assert_num_queries(2):
        leak_findings.findings_of(audit)


def test_database_refuses_a_result_without_a_verdict(draft):
    for fields in ({"verdict": ""}, {"override_reason": "x"}, {"overridden_at": NOW}):
        with pytest.raises(IntegrityError), transaction.atomic():
            LeakAudit.objects.update(**fields)
