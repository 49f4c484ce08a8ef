import hashlib

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from hypeweb.models import SampleSet, Upload, UploadPart
from hypeweb.services import imports, uploads
from hypeweb.services.errors import ConflictError, DomainError
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def begin(owner, *, size_bytes=10, fingerprint="f", name="a.zip"):
    return uploads.begin(
        owner=owner,
        name=name,
        size_bytes=size_bytes,
        fingerprint=fingerprint,
        now=NOW,
    )


def receive(upload, offset, data, *, sha256=""):
    return uploads.receive(
        upload=upload, offset=offset, data=data, sha256=sha256, now=NOW
    )


def test_parts_become_the_file(researcher):
    upload = begin(researcher)
    receive(upload, 0, b"0123", sha256=hashlib.sha256(b"0123").hexdigest())
    receive(upload, 4, b"456789")
    assert upload.is_complete
    with uploads.local_copy(upload) as path:
        assert (path.name, path.read_bytes()) == ("a.zip", b"0123456789")


def test_a_name_too_long_for_a_folder_is_cut(researcher):
    upload = begin(researcher, size_bytes=1, name=251 * "\N{SNOWMAN}" + ".zip")
    receive(upload, 0, b"0")
    with uploads.local_copy(upload) as path:
        assert path.name == 56 * "\N{SNOWMAN}" + ".zip"


def test_the_same_file_goes_on_where_it_was_cut_off(researcher):
    receive(begin(researcher), 0, b"0123")
    again = begin(researcher)
    assert again.received_bytes == 4
    assert Upload.objects.count() == 1
    assert begin(factories.make_user("other")).received_bytes == 0


def test_files_without_a_fingerprint_are_never_mixed(researcher):
    begin(researcher, fingerprint="")
    begin(researcher, fingerprint="")
    assert Upload.objects.count() == 2


def test_another_size_under_the_same_fingerprint_is_refused(researcher):
    begin(researcher)
    with pytest.raises(ConflictError, match="finish or discard that one first"):
        begin(researcher, size_bytes=11)


def test_the_same_part_again_changes_nothing(researcher):
    upload = begin(researcher)
    receive(upload, 0, b"0123")
    assert receive(upload, 0, b"0123").received_bytes == 4
    assert UploadPart.objects.count() == 1


@pytest.mark.parametrize(
    ("offset", "data", "sha256", "sentence"),
    [
        (0, b"other", "", "must start at byte 4, got 0; go on from there"),
        (5, b"x", "", "must start at byte 4, got 5"),
        (4, b"x", "0" * 64, "arrived damaged; send it again"),
        (4, b"", "", "must have 1 to 8388608 bytes, got 0"),
        (4, b"4567890", "", "announced with 10 bytes, and this part would make it 11"),
    ],
)
def test_a_part_that_does_not_fit_is_a_sentence(
    researcher, offset, data, sha256, sentence
):
    upload = begin(researcher)
    receive(upload, 0, b"0123")
    with pytest.raises(DomainError, match=sentence):
        receive(upload, offset, data, sha256=sha256)
    upload.refresh_from_db()
    assert upload.received_bytes == 4


def test_of_two_that_send_a_part_at_once_one_wins(researcher):
    mine, theirs = begin(researcher), begin(researcher)
    receive(theirs, 0, b"0123")
    before = set(default_storage.listdir("uploads")[1])
    with pytest.raises(ConflictError, match="at the same time"):
        receive(mine, 0, b"abcd")
    assert set(default_storage.listdir("uploads")[1]) == before


@pytest.mark.parametrize(
    ("name", "size_bytes", "sentence"),
    [
        ("a.rar", 1, "must end in one of .zip, .*; got a.rar"),
        ("", 1, "got none"),
        ("a.zip", 0, "is empty"),
        ("a.zip", 2**40, "takes at most"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_it_is_sent(
    researcher, name, size_bytes, sentence
):
    with pytest.raises(DomainError, match=sentence):
        begin(researcher, name=name, size_bytes=size_bytes)


def test_one_person_cannot_fill_the_disk(researcher, settings):
    settings.UPLOAD_QUOTA_BYTES = 15
    begin(researcher)
    with pytest.raises(ConflictError, match="keeps for one person"):
        begin(researcher, fingerprint="g")
    begin(factories.make_user("other"))


def test_a_file_in_one_request_is_complete_or_not_there(researcher, settings):
    file = SimpleUploadedFile("a.png", b"0123456789")
    upload = uploads.receive_file(owner=researcher, file=file, now=NOW)
    assert upload.is_complete
    settings.MAX_UPLOAD_BYTES = 9
    with pytest.raises(DomainError, match="at most 9"):
        uploads.receive_file(owner=researcher, file=file, now=NOW)
    assert Upload.objects.count() == 1


def test_the_sweep_takes_what_is_old_and_unused(
    researcher, django_capture_on_commit_callbacks
):
    upload = begin(researcher)
    receive(upload, 0, b"0123")
    used = SampleSet(name="x", owner=researcher, origin="real")
    file = SimpleUploadedFile("b.zip", b"no zip")
    imports.create(
        sample_set=used, origin=imports.Origin(files=[file]), size=None, now=NOW
    )
    (key,) = upload.parts.values_list("storage_key", flat=True)
    uploads.sweep(now=NOW)
    assert Upload.objects.count() == 2
    with django_capture_on_commit_callbacks(execute=True):
        uploads.sweep(now=NOW.replace(year=2030))
    assert Upload.objects.get().name == "b.zip"
    assert not default_storage.exists(key)
    imports.run_import(used.job.pk)
    uploads.sweep(now=NOW.replace(year=2030))
    assert not Upload.objects.exists()


def test_an_upload_of_a_set_is_not_discarded(researcher):
    used = SampleSet(name="x", owner=researcher, origin="real")
    file = SimpleUploadedFile("b.zip", b"no zip")
    imports.create(
        sample_set=used, origin=imports.Origin(files=[file]), size=None, now=NOW
    )
    with pytest.raises(ConflictError, match="delete the set instead"):
        uploads.discard_one(Upload.objects.get())
    uploads.discard_one(begin(researcher))
    assert Upload.objects.count() == 1
