"""The client against the live site, and the example of a training loop."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from hypeweb.client import ApiError, Client
from hypeweb.models import AccessToken, LeakAudit, Project, Study, Upload
from hypeweb.services import access_tokens, scores
from tests import factories, onnx_files
from tests.factories import images_zip, join, walk

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "training_loop.py"
# The stand-in for what the example calls the reader's own.
MODEL = """
def train_one_step():
    pass

def save_samples(name):
    return name
"""


@pytest.fixture
def secret(researcher):
    made = access_tokens.make(
        user=researcher,
        name="loop",
        scopes=AccessToken.Scope.values,
        days=7,
        now=timezone.now(),
    )
    return made.secret


@pytest.fixture
def client(live_server, secret):
    return Client(live_server.url, token=secret, pause_s=0.01)


def pass_audit(pk):
    factories.pass_audit(LeakAudit.objects.get(pk=pk).study)


def archive(folder, name="made.zip", *, n=4, seed=0):
    path = folder / name
    path.write_bytes(images_zip(n, seed=seed))
    return path


def test_a_set_is_uploaded_and_waited_for(client, tmp_path):
    made = client.upload_sample_set(
        archive(tmp_path), name="Made", origin="generated", step=7
    )
    assert (made["n_samples"], made["step"]) == (4, 7)
    samples = client.items(f"/sample-sets/{made['id']}/samples")
    assert [one["position"] for one in samples] == [0, 1, 2, 3]


def test_a_generator_is_uploaded_and_sampled(client, tmp_path, settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    path = tmp_path / "g.onnx"
    path.write_bytes(onnx_files.generator())
    made = client.upload_generator(path, name="GAN", model_name="GAN", z_shape="4")
    assert (made["state"], made["width"]) == ("done", onnx_files.SIDE)
    sets = client.sample_generator(
        made["id"], n_samples=3, seed=1, truncations=[0.5, None]
    )
    assert [(one["n_samples"], one["truncation"]) for one in sets] == [
        (3, 0.5),
        (3, None),
    ]
    with pytest.raises(ApiError, match=r"\(n, 5\) was stated"):
        client.upload_generator(path, name="Other", model_name="GAN", z_shape="5")


def test_an_upload_goes_on_where_it_was_cut_off(client, tmp_path):
    path = archive(tmp_path)
    really, offsets = client._session.request, []  # noqa: SLF001 - the cable to cut

    def cut(method, url, **options):
        if method == "PUT":
            # Parts of 500 bytes, and one of them gets lost.
            options["data"] = options["data"][:500]
            options["params"] = {"offset": options["params"]["offset"]}
            offsets.append(options["params"]["offset"])
            if len(offsets) == 2:
                raise requests.ConnectionError("cut off")
        return really(method, url, **options)

    client._session.request = cut  # noqa: SLF001
    upload = Upload.objects.get(token=client.upload(path))
    assert upload.is_complete
    assert offsets[:3] == [0, 500, 500]


def test_a_second_process_goes_on_with_an_upload(client, live_server, secret, tmp_path):
    path = archive(tmp_path)
    begun = client.post(
        "/uploads",
        {
            "name": path.name,
            "size_bytes": path.stat().st_size,
            "fingerprint": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
    )
    token = Client(live_server.url, token=secret).upload(path)
    assert token == begun["token"]


def test_a_post_whose_reply_was_lost_is_done_once(client, tmp_path):
    client.upload(archive(tmp_path))
    token = Upload.objects.get().token
    really = client._session.request  # noqa: SLF001
    lost = []

    def lose(method, url, **options):
        response = really(method, url, **options)
        if url.endswith("/sample-sets") and not lost:
            lost.append(response)
            raise requests.ConnectionError("the reply was lost")
        return response

    client._session.request = lose  # noqa: SLF001
    body = {"name": "Once", "origin": "real", "uploads": [token]}
    assert client.post("/sample-sets", body) == lost[0].json()


def test_a_refusal_has_code_and_message(client, live_server):
    with pytest.raises(ApiError, match="no such study among yours") as caught:
        client.get("/studies/none")
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    with pytest.raises(ApiError, match="valid access token"):
        Client(live_server.url, token="hype_wrong").get("/studies")


def test_lists_are_read_page_after_page(client, researcher):
    for number in range(201):
        project = Project.objects.create(name=f"p{number:03}")
        project.memberships.create(user=researcher, role="viewer")
    assert len(list(client.items("/projects"))) == 201


def test_an_export_is_written_to_a_file(client, study, tmp_path):
    walk(join(study))
    path = client.export(study.slug, "judgments", tmp_path / "j.csv", format="csv")
    assert path.read_text().count("\n") == 5


@pytest.mark.slow
def test_the_example_reads_fid_and_hype_back(
    live_server, secret, tmp_path, monkeypatch
):
    monkeypatch.setattr("hypeweb.services.leaks.run_audit", pass_audit)
    (tmp_path / "model.py").write_text(MODEL)
    for seed, name in enumerate(("real", "1000", "2000", "3000")):
        archive(tmp_path, f"{name}.zip", n=26, seed=seed)
    loop = subprocess.Popen(
        [sys.executable, EXAMPLE, "real.zip"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            "HYPE_URL": live_server.url,
            "HYPE_TOKEN": secret,
            "EXTRACTOR": "digits",
            "N_PEOPLE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while loop.poll() is None and not Study.objects.filter(state="open").exists():
            time.sleep(0.1)
        assert loop.returncode is None, loop.stdout.read()
        study = Study.objects.get()
        for _ in range(3):
            walk(join(study), "rrrw")
        scores.score_study(study.pk, now=timezone.now())
        printed, _ = loop.communicate(timeout=300)
    finally:
        loop.kill()
    assert printed.count(": FID ") == 3, printed
    assert factories.link(study) in printed
    assert printed.count(": HYPE ") == 3, printed


def test_the_example_is_short():
    assert len(EXAMPLE.read_text().splitlines()) <= 50
