"""The pages of a sample set, and uploads in parts."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hypeweb.models import Sample, SampleSet, Upload
from hypeweb.services import evaluations, imports, projects
from tests import factories
from tests.factories import NOW, images_zip, png_bytes, zip_bytes

pytestmark = pytest.mark.django_db


def text(response):
    return response.content.decode()


def imported(owner, data, *, name="a set", size=None, origin="generated", **fields):
    sample_set = SampleSet(name=name, owner=owner, origin=origin, **fields)
    file = SimpleUploadedFile("a.zip", data)
    imports.create(
        sample_set=sample_set, origin=imports.Origin(files=[file]), size=size, now=NOW
    )
    imports.run_import(sample_set.job.pk)
    return SampleSet.objects.get(pk=sample_set.pk)


def begin(client, **fields):
    return client.post(
        reverse("upload_new"),
        {"name": "a.zip", "size_bytes": 4, "fingerprint": "f", **fields},
        content_type="application/json",
    )


def put(client, token, data, **query):
    address = reverse("upload", args=[token])
    return client.put(
        f"{address}?{'&'.join(f'{k}={v}' for k, v in query.items())}",
        data,
        content_type="application/octet-stream",
        headers={"Accept": "application/json"},
    )


@pytest.mark.django_db(transaction=True)
def test_a_set_comes_in_parts_over_a_cut(researcher_client):
    data = images_zip(2, seed=0)
    begun = begin(researcher_client, size_bytes=len(data)).json()
    assert begun["received"] == 0
    put(researcher_client, begun["token"], data[:100], offset=0)
    again = begin(researcher_client, size_bytes=len(data)).json()
    assert (again["token"], again["received"]) == (begun["token"], 100)
    refused = put(researcher_client, begun["token"], data[90:], offset=90)
    assert refused.status_code == 409
    assert "must start at byte 100" in refused.json()["error"]
    done = put(researcher_client, begun["token"], data[100:], offset=100).json()
    assert done["received"] == done["size"]
    fields = {"name": "in parts", "origin": "real", "uploads": begun["token"]}
    page = researcher_client.post(reverse("sample_set_new"), fields, follow=True)
    assert page.status_code == 200
    assert SampleSet.objects.get().n_samples == 2
    assert not Upload.objects.exists()


def test_another_persons_upload_is_not_there(researcher_client):
    token = begin(researcher_client).json()["token"]
    other = Client()
    other.force_login(factories.make_user("other"))
    assert put(other, token, b"1234", offset=0).status_code == 404
    fields = {"name": "x", "origin": "real", "uploads": token}
    response = other.post(reverse("sample_set_new"), fields)
    assert response.status_code == 400
    assert "no longer kept" in text(response)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("no json", "must hold JSON"),
        ("[]", "must hold a JSON object"),
        ('{"name": "a.zip"}', "The size_bytes cannot be used"),
        ('{"name": "a.rar", "size_bytes": 1}', "must end in one of"),
    ],
)
def test_a_bad_announcement_is_a_sentence(researcher_client, body, sentence):
    response = researcher_client.post(
        reverse("upload_new"),
        body,
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert response.status_code == 400
    assert sentence in response.json()["error"]


def test_an_upload_can_be_given_up(researcher_client):
    token = begin(researcher_client).json()["token"]
    address = reverse("upload", args=[token])
    assert researcher_client.get(address).json()["received"] == 0
    assert researcher_client.delete(address).status_code == 204
    assert not Upload.objects.exists()


def test_neither_files_nor_a_folder_is_a_sentence(researcher_client):
    fields = {"name": "x", "origin": "real"}
    response = researcher_client.post(reverse("sample_set_new"), fields)
    assert response.status_code == 400
    assert "Choose files." in text(response)


@pytest.mark.django_db(transaction=True)
def test_a_failed_import_is_tried_again_from_its_page(researcher_client, researcher):
    rng = np.random.default_rng(0)
    data = zip_bytes({f"{n}.png": png_bytes(rng, side=8 + n) for n in range(2)})
    failed = imported(researcher, data)
    address = reverse("sample_set", args=[failed.pk])
    assert "different sizes" in text(researcher_client.get(address))
    retry = reverse("sample_set_retry", args=[failed.pk])
    assert researcher_client.post(retry, {"size": 8}).url == address
    failed.refresh_from_db()
    assert failed.n_samples == 2


def test_the_description_changes_until_the_set_is_frozen(researcher_client, researcher):
    made = imported(researcher, images_zip(1, seed=0))
    address = reverse("sample_set_edit", args=[made.pk])
    assert researcher_client.get(address).status_code == 200
    fields = {"name": "renamed", "licence": "CC0", "step": 7, "revision": 0}
    assert researcher_client.post(address, fields).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.licence, made.step) == ("renamed", "CC0", 7)
    SampleSet.objects.filter(pk=made.pk).update(frozen_at=NOW)
    refused = researcher_client.post(address, {**fields, "step": 8, "revision": 1})
    assert refused.status_code == 400
    assert "is frozen because a study uses it" in text(refused)
    made.refresh_from_db()
    assert made.step == 7


def test_of_two_editors_the_second_sees_that_the_first_saved(
    researcher_client, researcher
):
    made = imported(researcher, images_zip(1, seed=0))
    address = reverse("sample_set_edit", args=[made.pk])
    first = {"name": "a set", "licence": "CC0", "revision": 0}
    assert researcher_client.post(address, first).status_code == 302
    second = {"name": "a set", "licence": "CC BY", "revision": 0}
    page = researcher_client.post(address, second)
    assert page.status_code == 400
    assert "Somebody else changed this description" in text(page)
    assert 'value="CC BY"' in text(page)
    made.refresh_from_db()
    assert (made.licence, made.revision) == ("CC0", 1)
    again = {**second, "revision": page.context["form"]["revision"].value()}
    assert researcher_client.post(address, again).status_code == 302
    made.refresh_from_db()
    assert (made.licence, made.revision) == ("CC BY", 2)


def test_the_report_tells_what_the_import_found(researcher_client, researcher):
    rng = np.random.default_rng(0)
    one, two = png_bytes(rng), png_bytes(rng)
    imported(researcher, zip_bytes({"x.png": one}), name="earlier")
    files = {"a.png": one, "b.png": one, "c.png": two, "=d.txt": b"x"}
    made = imported(researcher, zip_bytes(files))
    page = text(researcher_client.get(reverse("sample_set_report", args=[made.pk])))
    for words in (
        "3 images kept, 1 file skipped, 1 duplicate.",
        "<dt>PNG</dt>",
        "<dt>8 x 8</dt>",
        "is not an image file",
        "2 times: a.png, b.png",
        "earlier</a>",
    ):
        assert words in page
    skipped = researcher_client.get(reverse("skipped_csv", args=[made.pk]))
    assert skipped.getvalue().splitlines() == [
        b"file,reason,detail",
        b"'=d.txt,is not an image file,",
    ]


def test_a_zip_goes_out_and_comes_back_as_the_same_set(researcher_client, researcher):
    made = imported(
        researcher,
        images_zip(3, seed=0),
        model_name="gan",
        step=0,
        truncation=0.5,
        licence="CC0",
    )
    data = researcher_client.get(reverse("sample_set_zip", args=[made.pk])).getvalue()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["content_hash"] == made.content_hash
    back = imported(researcher, data, name="back", licence="CC-BY")
    assert back.content_hash == made.content_hash
    assert (back.model_name, back.step, back.truncation) == ("gan", 0, 0.5)
    assert back.licence == "CC-BY"
    assert list(back.samples.values_list("source_name", flat=True)) == [
        "000.png",
        "001.png",
        "002.png",
    ]
    real = imported(researcher, data, name="real", origin="real")
    assert "says that its images are generated" in real.job.error


def test_an_image_that_its_manifest_does_not_know_is_skipped(
    researcher_client, researcher
):
    made = imported(researcher, images_zip(2, seed=0))
    data = researcher_client.get(reverse("sample_set_zip", args=[made.pk])).getvalue()
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            changed = png_bytes(np.random.default_rng(9))
            new.writestr(
                name, changed if name.endswith("000001.png") else old.read(name)
            )
    back = imported(researcher, buffer.getvalue(), name="back")
    assert back.n_samples == 1
    assert "not the image that the manifest promises" in (
        back.skipped_files.get().reason
    )


def big_set(owner, n):
    """A set of rows alone, as large as wanted."""
    made = imported(owner, images_zip(1, seed=0))
    SampleSet.objects.filter(pk=made.pk).update(n_samples=n)
    first = made.samples.get()
    Sample.objects.bulk_create(
        Sample(
            sample_set=made,
            position=position,
            source_name=str(position),
            content_hash=first.content_hash,
            size_bytes=1,
        )
        for position in range(1, n)
    )
    return made


def test_every_page_of_the_grid_takes_the_same_queries(researcher_client, researcher):
    made = big_set(researcher, 250)
    address = reverse("sample_set", args=[made.pk])
    counts = set()
    for page, n_shown in (("1", 120), ("3", 10), ("99", 10), ("x", 120)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shown = text(researcher_client.get(address, {"page": page}))
        assert shown.count('alt="Image') == n_shown
        assert not any("OFFSET" in query["sql"] for query in queries)
        counts.add(len(queries))
    assert len(counts) == 1
    assert "Page 1 of 3" in shown


def test_an_image_has_a_page_with_its_neighbours(researcher_client, researcher):
    made = imported(researcher, images_zip(3, seed=0))
    first, second, third = made.samples.all()
    response = researcher_client.get(reverse("sample", args=[second.pk]))
    page = " ".join(text(response).split())
    assert f'href="{reverse("sample", args=[first.pk])}" rel="prev"' in page
    assert f'href="{reverse("sample", args=[third.pk])}" rel="next"' in page
    assert "001.png" in page


def test_large_images_are_shown_small_and_kept_so(researcher_client, researcher):
    rng = np.random.default_rng(0)
    made = imported(researcher, zip_bytes({"a.png": png_bytes(rng, side=200)}))
    address = reverse("sample_thumbnail", args=[made.samples.get().pk])
    assert address in text(researcher_client.get(reverse("sample_set", args=[made.pk])))
    first = researcher_client.get(address)
    assert first["Content-Type"] == "image/webp"
    assert "immutable" in first["Cache-Control"]
    assert "private" in first["Cache-Control"]
    assert researcher_client.get(address).content == first.content


@pytest.fixture
def evaluated(study):
    """The generated set of an arm that an evaluation has looked at."""
    run = evaluations.request_evaluations(study)[0]
    evaluations.run_evaluation(run.pk)
    return run.sample_set


def test_a_generated_set_is_shown_beside_its_nearest_real_images(
    researcher_client, study, evaluated
):
    address = reverse("sample_set", args=[evaluated.pk])
    assert "nearest=1" in text(researcher_client.get(address))
    page = researcher_client.get(address, {"nearest": "1"})
    pairs = page.context["pairs"]
    assert [pair.sample.position for pair in pairs] == list(range(12))
    real_ids = set(study.real_set.samples.values_list("pk", flat=True))
    for pair in pairs:
        assert pair.nearest.real_sample_id in real_ids
        assert reverse("sample", args=[pair.nearest.real_sample_id]) in text(page)
    labels = page.context["labels"]
    assert sum(share.n for share in labels.shares) == evaluated.n_samples
    one = researcher_client.get(reverse("sample", args=[pairs[0].sample.pk]))
    assert "Nearest real image" in text(one)


def test_pages_of_pairs_take_the_same_queries_for_one_and_for_many(
    researcher_client, study, evaluated
):
    def n_queries():
        with CaptureQueriesContext(connection) as captured:
            address = reverse("sample_set", args=[evaluated.pk])
            researcher_client.get(address, {"nearest": "1"})
        return len(captured)

    many = n_queries()
    evaluated.samples.filter(position__gte=1).delete()
    assert n_queries() == many


def test_a_set_no_evaluation_has_seen_offers_no_pairs(researcher_client, study):
    address = reverse("sample_set", args=[study.real_set_id])
    page = researcher_client.get(address, {"nearest": "1"})
    assert (page.context["pairs"], page.context["labels"]) == (None, None)
    assert "nearest=1" not in text(page)


def test_a_refusal_leads_back_to_where_one_came_from(researcher_client, study):
    address = reverse("sample_set_delete", args=[study.real_set_id])
    before = f"http://testserver{reverse('sample_set', args=[study.real_set_id])}"
    page = text(researcher_client.post(address, headers={"referer": before}))
    assert f'<a href="{before}">Go back</a>' in page
    for elsewhere in ("https://example.org/", "javascript:alert(1)", ""):
        page = text(researcher_client.post(address, headers={"referer": elsewhere}))
        assert "Go back" not in page


def test_only_an_owner_is_offered_to_delete_a_set(researcher, researcher_client):
    found = imported(researcher, images_zip(4, seed=0))
    address = reverse("sample_set", args=[found.pk])
    assert "Delete this set" in text(researcher_client.get(address))
    factories.make_user("viewer")
    projects.add_member(
        project=found.project, who="viewer", role="viewer", actor=researcher
    )
    viewer = Client()
    viewer.force_login(User.objects.get(username="viewer"))
    assert "Delete this set" not in text(viewer.get(address))
