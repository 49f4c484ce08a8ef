import pytest

from hypeweb.models import SampleSet, Study
from hypeweb.services import imports
from hypeweb.services.errors import DomainError
from hypeweb.services.first_steps import FirstSteps, Step, first_steps
from tests.factories import draft_study, make_sample_set

pytestmark = pytest.mark.django_db


def steps_now():
    return first_steps(sample_sets=SampleSet.objects.all(), studies=Study.objects.all())


def test_the_way_goes_from_real_to_generated_images_to_the_study(researcher, tmp_path):
    assert steps_now() == FirstSteps(0, 0, 0)
    assert steps_now().next == Step.REAL
    make_sample_set(researcher, "faces", folder=tmp_path, origin="real")
    assert steps_now().next == Step.GENERATED
    make_sample_set(researcher, "model", folder=tmp_path, origin="generated")
    assert steps_now() == FirstSteps(1, 1, 0)
    assert steps_now().next == Step.STUDY


def test_a_set_still_coming_counts_and_a_failed_one_does_not(researcher, tmp_path):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no archive")
    with pytest.raises(DomainError):
        imports.import_directly(
            sample_set=SampleSet(name="broken", owner=researcher, origin="real"),
            source=str(broken),
            size=None,
        )
    assert steps_now() == FirstSteps(0, 0, 0)
    made = make_sample_set(researcher, "faces", folder=tmp_path, origin="real")
    SampleSet.objects.filter(pk=made.pk).update(n_samples=0, content_hash="")
    assert steps_now() == FirstSteps(1, 0, 1)


def test_whoever_has_a_study_needs_no_first_steps(researcher, tmp_path):
    draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    assert steps_now() is None
