import pytest

from hypeweb.models import SampleSet, Study
from hypeweb.services import projects
from tests import factories, onnx_files
from tests.views.api.conftest import Script

pytestmark = pytest.mark.django_db(transaction=True)

WANTED = {"n_samples": 6, "seed": 3, "truncations": [0.5, None]}


@pytest.fixture
def generator(researcher, settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    settings.GENERATOR_THREADS = 1
    return factories.make_generator(researcher, onnx_files.generator())


def test_a_script_samples_a_generator_and_gets_a_study(
    script, researcher, generator, tmp_path
):
    real = factories.make_sample_set(researcher, "real", folder=tmp_path, origin="real")
    (listed,) = script.get("/generators").json()["items"]
    assert listed == script.get(f"/generators/{generator.pk}").json()
    assert (listed["state"], listed["width"]) == ("done", generator.width)
    wish = {
        "name": "Truncation",
        "real_set": real.pk,
        "protocol": "hype_inf",
        "extractor": "digits",
    }
    address = f"/generators/{generator.pk}/samplings"
    made = script.post(address, {**WANTED, "study": wish}, key="once")
    assert made.status_code == 201, made.json()
    again = script.post(address, {**WANTED, "study": wish}, key="once")
    assert again.json() == made.json()
    (found,) = script.get(address).json()["items"]
    assert [run["state"] for run in found["runs"]] == ["done", "done"]
    assert [run["truncation"] for run in found["runs"]] == [0.5, None]
    sets = SampleSet.objects.filter(origin="generated")
    assert {made.n_samples for made in sets} == {6}
    assert found["study"] == Study.objects.get().slug


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"class_counts": [6]}, 400, "has no classes"),
        ({"truncations": [0.5, 0.5]}, 400, "given twice"),
        ({"truncations": [1e-9]}, 400, "must be"),
        ({"truncations": []}, 422, "truncations"),
        ({"n_samples": 10**9}, 422, "n_samples"),
    ],
)
def test_what_cannot_be_sampled_is_a_sentence(script, generator, change, status, words):
    reply = script.post(f"/generators/{generator.pk}/samplings", {**WANTED, **change})
    assert (reply.status_code, words in reply.json()["message"]) == (status, True)
    assert not SampleSet.objects.exists()


def test_a_generated_set_is_no_real_one(script, researcher, generator, tmp_path):
    other = factories.make_sample_set(
        researcher, "other", folder=tmp_path, origin="generated"
    )
    wish = {
        "name": "Truncation",
        "real_set": other.pk,
        "protocol": "hype_inf",
        "extractor": "digits",
    }
    reply = script.post(
        f"/generators/{generator.pk}/samplings", {**WANTED, "study": wish}
    )
    assert reply.status_code == 400
    assert "is no real set" in reply.json()["message"]


def test_strangers_see_no_generator_and_viewers_sample_none(researcher, generator):
    stranger = factories.make_user("stranger")
    address = f"/generators/{generator.pk}"
    assert Script(stranger).get(address).status_code == 404
    projects.add_member(
        project=generator.project, who="stranger", role="viewer", actor=researcher
    )
    assert Script(stranger).get(address).status_code == 200
    refused = Script(stranger).post(f"{address}/samplings", WANTED)
    assert refused.status_code == 403
