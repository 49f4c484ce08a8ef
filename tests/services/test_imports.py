import io
import zipfile

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from hypeweb.models import Sample, SampleImport, SampleSet, Upload
from hypeweb.services import imports, samples
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.imports import Origin
from tests.factories import NOW, images_zip, png_bytes, zip_bytes

pytestmark = pytest.mark.django_db


def create(owner, *, files=(), source="", size=None, name="a set", origin="real"):
    sample_set = SampleSet(name=name, owner=owner, origin=origin)
    return imports.create(
        sample_set=sample_set,
        origin=Origin(files=files, source=source),
        size=size,
        now=NOW,
    )


def run(sample_set):
    imports.run_import(sample_set.job.pk)
    return SampleSet.objects.get(pk=sample_set.pk)


def stored_keys():
    return default_storage.listdir("uploads")[1]


@pytest.fixture
def mixed_sizes():
    rng = np.random.default_rng(0)
    return SimpleUploadedFile(
        "mixed.zip",
        zip_bytes({f"{side}.png": png_bytes(rng, side=side) for side in (8, 9)}),
    )


def test_several_images_and_an_archive_become_one_set(researcher):
    rng = np.random.default_rng(0)
    files = [
        SimpleUploadedFile("b.png", png_bytes(rng)),
        SimpleUploadedFile("a.zip", images_zip(2, seed=1)),
    ]
    sample_set = run(create(researcher, files=files))
    names = sample_set.samples.values_list("source_name", flat=True)
    assert list(names) == ["b.png", "000.png", "001.png"]


def test_the_files_are_gone_when_the_set_is_there(
    researcher, django_capture_on_commit_callbacks
):
    file = SimpleUploadedFile("a.zip", images_zip(1, seed=0))
    created = create(researcher, files=[file])
    (key,) = created.job.uploads.get().parts.values_list("storage_key", flat=True)
    with django_capture_on_commit_callbacks(execute=True):
        run(created)
    assert not Upload.objects.exists()
    assert not default_storage.exists(key)


def test_a_failed_import_is_tried_again_with_a_size_and_loses_nothing(
    researcher, mixed_sizes
):
    failed = run(create(researcher, files=[mixed_sizes]))
    assert "2 different sizes (8 x 8, 9 x 9)" in failed.job.error
    assert not Sample.objects.exists()
    imports.retry(failed, size=8)
    again = run(failed)
    assert (again.n_samples, again.width) == (2, 8)
    with pytest.raises(ConflictError, match="Only a failed import"):
        imports.retry(again, size=8)


def test_a_retry_without_the_files_is_a_sentence(researcher, mixed_sizes):
    failed = run(create(researcher, files=[mixed_sizes]))
    Upload.objects.all().delete()
    with pytest.raises(ConflictError, match="no longer kept"):
        imports.retry(failed, size=8)


def test_a_set_of_the_same_name_takes_the_failed_ones_place(researcher, mixed_sizes):
    run(create(researcher, files=[mixed_sizes]))
    good = SimpleUploadedFile("a.zip", images_zip(2, seed=1))
    again = run(create(researcher, files=[good]))
    assert again.n_samples == 2
    assert SampleSet.objects.count() == 1
    assert not Upload.objects.exists()


def test_more_sizes_than_any_set_has_end_the_import_early(researcher, monkeypatch):
    monkeypatch.setattr(samples, "MAX_SIZES", 3)
    rng = np.random.default_rng(0)
    data = zip_bytes({f"{n}.png": png_bytes(rng, side=8 + n) for n in range(6)})
    sample_set = run(create(researcher, files=[SimpleUploadedFile("a.zip", data)]))
    assert "more than 3 different sizes" in sample_set.job.error


def test_rows_are_written_as_images_arrive(researcher, monkeypatch):
    monkeypatch.setattr(samples, "BATCH_ROWS", 2)
    seen = []

    def spy(number):
        seen.append((number, Sample.objects.count()))

    sample_set = samples.create_sample_set(
        SampleSet(name="x", owner=researcher, origin="real")
    )
    rng = np.random.default_rng(0)
    entries = [samples.Entry(f"{number}.png", png_bytes(rng)) for number in range(5)]
    samples.fill(
        sample_set=sample_set,
        entries=iter(entries),
        size=None,
        hold=spy,
        finish=lambda: None,
    )
    assert seen == [(0, 0), (2, 0), (4, 2), (5, 4)]
    sample_set.refresh_from_db()
    assert sample_set.n_samples == 5


def test_a_second_attempt_starts_from_nothing(researcher, monkeypatch):
    file = SimpleUploadedFile("a.zip", images_zip(3, seed=0))
    created = create(researcher, files=[file])
    Sample.objects.create(
        sample_set=created, position=0, source_name="x", content_hash="0", size_bytes=1
    )
    assert run(created).n_samples == 3
    assert Sample.objects.count() == 3


def test_an_unforeseen_failure_leaves_no_row_and_keeps_the_files(
    researcher, monkeypatch
):
    monkeypatch.setattr(samples, "complete", lambda *_, **__: 1 / 0)
    file = SimpleUploadedFile("a.zip", images_zip(3, seed=0))
    created = create(researcher, files=[file])
    with pytest.raises(ZeroDivisionError):
        imports.run_import(created.job.pk)
    created.job.refresh_from_db()
    assert created.job.state == SampleImport.State.FAILED
    assert not Sample.objects.exists()
    assert created.job.uploads.count() == 1


def test_a_worker_that_lost_its_lease_writes_nothing(researcher):
    file = SimpleUploadedFile("a.zip", images_zip(3, seed=0))
    created = create(researcher, files=[file])
    held = imports.jobs.claim(SampleImport, created.job.pk, now=NOW)
    imports.jobs.claim(SampleImport, created.job.pk, now=NOW.replace(year=2030))
    with pytest.raises(imports.LeaseLostError):
        imports._import(held, imports.Archive(0, iter([])))  # noqa: SLF001
    assert not Sample.objects.exists()


def test_deleting_a_set_deletes_its_waiting_files(
    researcher, django_capture_on_commit_callbacks
):
    created = create(researcher, files=[SimpleUploadedFile("x.zip", b"x")])
    (key,) = created.job.uploads.get().parts.values_list("storage_key", flat=True)
    with django_capture_on_commit_callbacks(execute=True):
        imports.delete_sample_set(created)
    assert not default_storage.exists(key)
    assert not SampleSet.objects.exists()


def test_a_taken_name_stores_no_file(researcher):
    create(researcher, files=[SimpleUploadedFile("a.zip", images_zip(1, seed=0))])
    again = SimpleUploadedFile("b.zip", images_zip(1, seed=0))
    with pytest.raises(ConflictError, match="already has a sample set named"):
        create(researcher, files=[again])
    assert Upload.objects.count() == 1


def test_an_unfinished_upload_makes_no_set(researcher):
    waiting = imports.uploads.begin(
        owner=researcher, name="a.zip", size_bytes=9, fingerprint="", now=NOW
    )
    sample_set = SampleSet(name="x", owner=researcher, origin="real")
    with pytest.raises(ConflictError, match="only 0 of 9 bytes"):
        imports.create_from_uploads(sample_set=sample_set, files=[waiting], size=None)
    assert not SampleSet.objects.exists()


def test_a_folder_is_read_below_a_root_and_nowhere_else(researcher, settings, tmp_path):
    root = tmp_path / "root"
    inside = root / "digits"
    inside.mkdir(parents=True)
    secret = tmp_path / "secret.png"
    secret.write_bytes(png_bytes(np.random.default_rng(0)))
    (inside / "a.png").write_bytes(png_bytes(np.random.default_rng(1)))
    (inside / "link.png").symlink_to(secret)
    (root / "out").symlink_to(tmp_path)
    settings.IMPORT_ROOTS = [str(root), "s3://bucket/data"]
    sample_set = run(create(researcher, source=str(inside)))
    assert sample_set.samples.get().source_name == "a.png"
    for source in (
        str(tmp_path),
        str(root / "out"),
        f"{inside}/../../..",
        "s3://bucket/database",
        "s3://bucket/data/../x",
        "s3://other/data",
        "digits",
    ):
        with pytest.raises(DomainError, match="must be below one of the places"):
            create(researcher, source=source, name=source)
    assert create(researcher, source="s3://bucket/data/x", name="s3").pk


def test_a_tar_with_links_and_a_zip_with_a_password_skip_them(researcher):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", png_bytes(np.random.default_rng(0)))
        archive.writestr("b.png", png_bytes(np.random.default_rng(1)))
    data = bytearray(buffer.getvalue())
    # The flag of encryption, in the second file's local and central header.
    data[data.rindex(b"PK\x03\x04") + 6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    file = SimpleUploadedFile("a.zip", bytes(data))
    sample_set = run(create(researcher, files=[file]))
    assert sample_set.n_samples == 1
    assert "encrypted" in sample_set.skipped_files.get().reason
