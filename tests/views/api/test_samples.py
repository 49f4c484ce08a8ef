import hashlib

import pytest

from hypeweb.models import SampleSet, Upload
from tests import factories
from tests.factories import images_zip
from tests.views.api.conftest import Script

pytestmark = pytest.mark.django_db(transaction=True)


def send(script, data, *, name="digits.zip", cut=100):
    """Upload a file in two parts and return its token."""
    begun = script.post("/uploads", {"name": name, "size_bytes": len(data)}).json()
    for offset, part in ((0, data[:cut]), (cut, data[cut:])):
        reply = put(script, begun["token"], offset, part)
        assert reply.status_code == 200, reply.json()
    assert reply.json()["is_complete"]
    return begun["token"]


def put(script, token, offset, part, sha256=None):
    digest = sha256 or hashlib.sha256(part).hexdigest()
    return script.client.put(
        f"/api/v1/uploads/{token}?offset={offset}&sha256={digest}",
        part,
        content_type="application/octet-stream",
    )


def test_a_set_is_made_of_a_file_in_parts(script):
    token = send(script, images_zip(3, seed=0))
    made = script.post(
        "/sample-sets",
        {"name": "Digits", "origin": "generated", "uploads": [token], "step": 1000},
    )
    assert made.status_code == 201, made.json()
    found = script.get(f"/sample-sets/{made.json()['id']}").json()
    assert (found["n_samples"], found["step"], found["job"]["state"]) == (
        3,
        1000,
        "done",
    )
    samples = script.get(f"/sample-sets/{found['id']}/samples", limit=2).json()
    assert (samples["count"], len(samples["items"])) == (3, 2)
    assert script.get(f"/sample-sets/{found['id']}/skipped").json()["count"] == 0
    assert script.get("/sample-sets").json()["items"] == [found]
    deleted = script.client.delete(f"/api/v1/sample-sets/{found['id']}")
    assert deleted.status_code == 204
    assert not SampleSet.objects.exists()


def test_parts_that_do_not_fit_are_refused(script):
    begun = script.post("/uploads", {"name": "a.zip", "size_bytes": 8}).json()
    token = begun["token"]
    assert put(script, token, 4, b"late").status_code == 409
    assert put(script, token, 0, b"hurt", sha256="0" * 64).status_code == 400
    assert put(script, token, 0, b"half").json()["received_bytes"] == 4
    assert put(script, token, 0, b"half").json()["received_bytes"] == 4
    assert script.get(f"/uploads/{token}").json()["is_complete"] is False
    incomplete = {"name": "x", "origin": "real", "uploads": [token]}
    assert script.post("/sample-sets", incomplete).status_code == 409
    assert script.client.delete(f"/api/v1/uploads/{token}").status_code == 204
    assert not Upload.objects.exists()


def test_an_uploads_token_is_its_owners(script):
    token = send(script, images_zip(1, seed=0))
    other = Script(factories.make_user("other"))
    assert other.get(f"/uploads/{token}").status_code == 404
    body = {"name": "x", "origin": "real", "uploads": [token]}
    assert other.post("/sample-sets", body).status_code == 404


def test_a_set_needs_one_kind_of_source(script):
    refused = script.post("/sample-sets", {"name": "x", "origin": "real"})
    assert refused.status_code == 422
    assert "give uploads or a source" in refused.json()["message"]


def test_a_failed_import_says_why_and_is_retried(script):
    token = send(script, b"no zip" * 40)
    body = {"name": "x", "origin": "real", "uploads": [token]}
    pk = script.post("/sample-sets", body).json()["id"]
    job = script.get(f"/sample-sets/{pk}").json()["job"]
    assert job["state"] == "failed"
    assert job["error"]
    assert script.post(f"/sample-sets/{pk}/retry", {}).status_code == 202
