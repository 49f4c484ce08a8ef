import pytest

from hypeweb.models import AuditEvent, LeakAudit, Session, Study
from hypeweb.services import drafts, frozen_settings, leaks, sessions, studies
from hypeweb.services.drafts import ChangedMeanwhileError
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW, draft_study, make_sample_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(researcher, tmp_path):
    return draft_study(researcher, protocol="hype_time", folder=tmp_path)


def sets_of(study):
    return [arm.sample_set for arm in study.arms.order_by("position")]


def fresh(study):
    return Study.objects.select_related("real_set").get(pk=study.pk)


def update(draft, *, sets=None, revision=1, materials=None, **fields):
    changed = fresh(draft)
    for name, value in fields.items():
        setattr(changed, name, value)
    return drafts.update_draft(
        study=changed,
        sample_sets=sets or sets_of(draft),
        revision=revision,
        actor=draft.owner,
        materials=materials or {},
    )


def test_a_draft_is_changed_and_the_change_is_on_record(draft):
    update(draft, name="Renamed", n_blocks=1)
    stored = fresh(draft)
    assert (stored.name, stored.n_blocks, stored.revision) == ("Renamed", 1, 2)
    assert AuditEvent.objects.first().detail == "n_blocks, name"
    assert LeakAudit.objects.get().state == "done"
    assert stored.masks.exists()


def test_new_images_need_a_new_audit_and_new_masks(draft, researcher, tmp_path):
    other = make_sample_set(researcher, "other", folder=tmp_path, origin="generated")
    sessions.join_study(study=draft, population=Session.Population.PREVIEW, now=NOW)
    update(draft, sets=[other])
    stored = fresh(draft)
    assert [arm.label for arm in stored.arms.all()] == ["other"]
    assert not stored.masks.exists()
    assert not LeakAudit.objects.exists()
    assert not stored.sessions.exists()


def test_new_material_needs_a_new_audit_and_no_masks(draft, researcher, tmp_path):
    gold = [
        make_sample_set(researcher, name, folder=tmp_path, origin=origin)
        for name, origin in {"easy r": "real", "easy f": "generated"}.items()
    ]
    for revision, materials in enumerate(({"gold": gold}, {}), start=1):
        leaks.request_audit(draft)
        percent = 10 if materials else 0
        update(draft, revision=revision, materials=materials, gold_percent=percent)
        assert not LeakAudit.objects.exists()
        assert fresh(draft).masks.exists()


def test_the_second_of_two_editors_overwrites_nothing(draft):
    update(draft, name="First")
    with pytest.raises(ChangedMeanwhileError, match="Somebody else changed"):
        update(draft, name="Second", revision=1)
    assert fresh(draft).name == "First"
    update(draft, name="Second", revision=2)
    assert fresh(draft).name == "Second"


def test_the_second_editor_reads_what_differs(draft):
    yours = fresh(draft)
    yours.n_blocks = 7
    found = drafts.differences(fresh(draft), yours, sets_of(draft)[:1])
    assert found == [
        "blocks: theirs “2”, yours “7”",
        "arms: theirs made 0, made 1, yours made 0",
    ]


def test_an_open_study_is_not_changed(draft, researcher):
    studies.open_study(study=draft, actor=researcher, now=NOW)
    with pytest.raises(ConflictError, match="frozen once it has opened"):
        update(draft, name="Late")
    with pytest.raises(ConflictError, match="frozen once it has opened"):
        drafts.delete_draft(study=draft, actor=researcher)
    assert fresh(draft).name == "A study"


def test_a_change_that_cannot_work_is_not_stored(draft):
    with pytest.raises(DomainError, match="must be even"):
        update(draft, images_per_block=5)
    assert fresh(draft).revision == 1


def test_a_draft_is_deleted_with_its_previews(draft, researcher):
    sessions.join_study(study=draft, population=Session.Population.PREVIEW, now=NOW)
    drafts.delete_draft(study=draft, actor=researcher)
    assert not Study.objects.exists()
    with pytest.raises(ConflictError, match="deleted this draft"):
        drafts.delete_draft(study=draft, actor=researcher)


def test_a_clone_has_the_settings_and_a_life_of_its_own(draft, researcher):
    Study.objects.update(pay_base="1.50", budget=90, start_ms=700)
    studies.open_study(study=draft, actor=researcher, now=NOW)
    copy = drafts.copy_of(fresh(draft))
    copy.owner = researcher
    studies.create_study(study=copy, sample_sets=sets_of(draft))
    leaks.request_audit(copy)
    before, after = (frozen_settings.settings_of(fresh(one)) for one in (draft, copy))
    assert after == {**before, "name": "Copy of A study"}
    stored = fresh(copy)
    assert (stored.state, stored.revision, stored.frozen_settings) == ("draft", 1, None)
    assert factories.link(stored) != factories.link(draft)
    assert stored.seed != draft.seed


def test_a_report_says_whether_the_settings_are_those_of_the_opening(draft, researcher):
    assert ("Settings", "not frozen yet") in studies.describe(fresh(draft))
    studies.open_study(study=draft, actor=researcher, now=NOW)
    kept = fresh(draft)
    assert frozen_settings.statement_of(kept) == (
        f"frozen on 2026-01-02 and unchanged since, sha256 {kept.settings_hash}"
    )
    Study.objects.update(n_blocks=9)
    draft.arms.filter(position=0).update(label="better")
    changed = frozen_settings.changes_since_opening(fresh(draft))
    assert len(changed) == 2
    assert "n_blocks from 2 to 9" in changed
    Study.objects.update(frozen_settings={**kept.frozen_settings, "n_blocks": 9})
    assert frozen_settings.statement_of(fresh(draft)) == (
        "CHANGED since they were frozen on 2026-01-02: the kept settings themselves"
    )
    Study.objects.update(frozen_settings=None)
    assert "before settings were kept" in frozen_settings.statement_of(fresh(draft))


def test_a_setting_added_by_an_upgrade_is_no_change(draft, researcher):
    studies.open_study(study=draft, actor=researcher, now=NOW)
    kept = fresh(draft)
    older = {k: v for k, v in kept.frozen_settings.items() if k != "budget"}
    Study.objects.update(
        frozen_settings=older, settings_hash=frozen_settings.hash_of(older)
    )
    assert frozen_settings.changes_since_opening(fresh(draft)) == []
