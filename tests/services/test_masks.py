import numpy as np
import pytest
from PIL import Image

from hypeweb import tasks
from hypeweb.models import Mask
from hypeweb.models.studies import N_MASKS
from hypeweb.services import masks, samples
from hypeweb.services.images import decode
from tests.factories import draft_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(researcher, tmp_path):
    return draft_study(researcher, protocol="hype_time", folder=tmp_path)


def keys_of(study):
    return list(study.masks.values_list("pk", "token", "storage_key"))


def test_the_worker_makes_masks_once_and_the_sweep_finds_who_has_none(draft):
    before = keys_of(draft)
    assert len(before) == N_MASKS
    tasks.make_masks(draft.pk)
    assert keys_of(draft) == before
    Mask.objects.all().delete()
    assert masks.maskless() == [draft.pk]
    tasks.sweep()
    again = keys_of(draft)
    assert [key for *_, key in again] == [key for *_, key in before]
    assert masks.maskless() == []


def test_an_untimed_study_has_no_masks(researcher, tmp_path):
    study = draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    tasks.make_masks(study.pk)
    assert not study.masks.exists()


def test_a_mask_has_the_images_size_and_is_none_of_them(draft):
    sets = [draft.real_set, *draft.sample_sets.all()]
    images = {
        np.asarray(decode(samples.read_png(sample))).tobytes()
        for sample_set in sets
        for sample in sample_set.samples.all()
    }
    made = [decode(masks.read_png(mask)) for mask in draft.masks.all()]
    assert {mask.size for mask in made} == {
        (draft.real_set.width, draft.real_set.height)
    }
    assert all(isinstance(mask, Image.Image) for mask in made)
    shown = {np.asarray(mask).tobytes() for mask in made}
    assert not shown & images
    assert len(shown) > N_MASKS // 2


def test_the_masks_are_shown_on_the_study_page(researcher_client, draft):
    page = researcher_client.get(f"/studies/{draft.slug}/").content.decode()
    assert all(mask.token in page for mask in draft.masks.all())
