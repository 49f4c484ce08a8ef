import pytest

from hypeweb.models import SampleSet, SamplingRun, Study
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


def send(script, data, *, name="g.onnx"):
    announced = {"name": name, "size_bytes": len(data)}
    token = script.post("/uploads", announced).json()["token"]
    script.client.put(
        f"/api/v1/uploads/{token}?offset=0", data, "application/octet-stream"
    )
    return token


def test_a_script_brings_a_generator(script, settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    body = {
        "name": "GAN 4000",
        "model_name": "GAN",
        "z_shape": "5",
        "step": 4000,
        "upload": send(script, onnx_files.generator()),
    }
    made = script.post("/generators", body, key="once")
    assert made.status_code == 201, made.json()
    assert script.post("/generators", body, key="once").json() == made.json()
    again = script.post("/generators", body)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    address = f"/generators/{made.json()['id']}"
    tried = script.get(address).json()
    assert tried["state"] == "failed"
    assert "(n, 5) was stated" in tried["error"]
    corrected = script.post(f"{address}/retry", {"z_shape": "4"})
    assert (corrected.status_code, corrected.json()["layout"]) == (202, "nchw")
    assert script.get(address).json()["state"] == "done"
    assert script.post(f"{address}/retry").status_code == 409
    assert script.client.delete(f"/api/v1{address}").status_code == 204
    assert script.get(address).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"upload": "unknown"}, 404, "no such upload"),
        ({"z_shape": "4; 4"}, 422, "z_shape"),
        ({"n_classes": 1}, 422, "n_classes"),
        ({"layout": "chwn"}, 422, "layout"),
        ({"project": 10**9}, 404, "no such project"),
    ],
)
def test_what_is_no_generator_is_a_sentence(script, change, status, words):
    body = {
        "name": "GAN",
        "model_name": "GAN",
        "z_shape": "4",
        "upload": send(script, onnx_files.generator()),
    }
    reply = script.post("/generators", {**body, **change})
    assert (reply.status_code, words in reply.json()["message"]) == (status, True)


def test_a_generator_is_no_sample_set(script):
    token = send(script, onnx_files.generator())
    body = {"name": "Set", "origin": "generated", "uploads": [token]}
    reply = script.post("/sample-sets", body)
    assert reply.status_code == 400
    assert "must end in one of .zip" in reply.json()["message"]


def test_a_failed_run_is_gone_on_with(script, generator):
    made = script.post(f"/generators/{generator.pk}/samplings", WANTED).json()
    run = SamplingRun.objects.get(pk=made["runs"][0]["id"])
    assert script.post(f"/sampling-runs/{run.pk}/retry").status_code == 409
    found = script.get(f"/sample-sets/{run.sample_set_id}").json()
    assert found["job"]["state"] == "done"
    refused = script.post(f"/sample-sets/{run.sample_set_id}/retry")
    assert refused.status_code == 409
    assert "was not imported" in refused.json()["message"]
    SamplingRun.objects.update(state="failed", error="No.")
    assert script.post(f"/sampling-runs/{run.pk}/retry").status_code == 202
    run.refresh_from_db()
    assert run.state == "done"


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
