import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from hypeweb.models import Sample, SampleImport, SampleSet
from hypeweb.services import archives, images, imports, samples
from hypeweb.services.errors import ConflictError, DomainError
from tests.factories import NOW, images_zip, make_sample_set, png_bytes, zip_bytes

pytestmark = pytest.mark.django_db


def import_bytes(owner, data, *, size=None, name="a set", suffix=".zip"):
    file = SimpleUploadedFile(f"test{suffix}", data)
    sample_set = SampleSet(name=name, owner=owner, origin="real")
    imports.create(
        sample_set=sample_set, origin=imports.Origin(files=[file]), size=size, now=NOW
    )
    imports.run_import(sample_set.job.pk)
    return SampleSet.objects.get(pk=sample_set.pk)


def test_import_keeps_every_image_in_order_of_names(researcher):
    sample_set = import_bytes(researcher, images_zip(5, seed=1))
    assert sample_set.n_samples == 5
    assert (sample_set.width, sample_set.height) == (8, 8)
    names = sample_set.samples.values_list("source_name", flat=True)
    assert list(names) == ["000.png", "001.png", "002.png", "003.png", "004.png"]
    assert sample_set.job.state == SampleImport.State.DONE


def test_import_stores_pixels_and_nothing_else(researcher):
    source = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "made by a generator"
    source.save(buffer, "PNG", exif=exif, icc_profile=b"profile")
    sample_set = import_bytes(researcher, zip_bytes({"a.png": buffer.getvalue()}))
    stored = samples.read_png(sample_set.samples.get())
    with Image.open(io.BytesIO(stored)) as image:
        assert image.mode == "RGB"
        assert image.info == {}
        assert image.tobytes() == source.tobytes()
    assert b"generator" not in stored
    assert b"iCCP" not in stored


def test_the_same_pixels_come_out_the_same_whatever_they_came_in(researcher):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    files = {}
    for suffix in ("png", "bmp", "tiff"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, suffix)
        files[f"a.{suffix}"] = buffer.getvalue()
    sample_set = import_bytes(researcher, zip_bytes(files))
    assert sample_set.samples.values("content_hash").distinct().count() == 1
    assert sample_set.n_duplicates == 2


def test_content_hash_ignores_names_and_order(researcher):
    rng = np.random.default_rng(3)
    one, two = png_bytes(rng), png_bytes(rng)
    first = import_bytes(researcher, zip_bytes({"a.png": one, "b.png": two}), name="1")
    second = import_bytes(researcher, zip_bytes({"x.png": two, "y.png": one}), name="2")
    assert first.content_hash == second.content_hash


def test_a_broken_image_and_a_text_file_are_skipped_and_listed(researcher):
    good = png_bytes(np.random.default_rng(0))
    files = {"good.png": good, "broken.png": good[:60], "notes.txt": b"hello"}
    sample_set = import_bytes(researcher, zip_bytes(files))
    assert sample_set.n_samples == 1
    skipped = dict(sample_set.skipped_files.values_list("name", "reason"))
    assert skipped["notes.txt"] == "is not an image file"
    assert skipped["broken.png"] == "cannot be decoded"


def test_litter_of_file_systems_is_no_file(researcher):
    good = png_bytes(np.random.default_rng(0))
    files = {"a.png": good, "__MACOSX/._a.png": b"x", ".DS_Store": b"x"}
    sample_set = import_bytes(researcher, zip_bytes(files))
    assert not sample_set.skipped_files.exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (zip_bytes({}), "holds no file"),
        (zip_bytes({"a.txt": b"x"}), "holds no usable image"),
        (b"no archive at all", "is cut short or damaged"),
        (zip_bytes({"a.png": bytes(4000)})[:3000], "is cut short or damaged"),
    ],
)
def test_an_archive_without_images_fails_with_a_sentence(researcher, data, sentence):
    sample_set = import_bytes(researcher, data)
    assert sample_set.n_samples == 0
    assert sample_set.job.state == SampleImport.State.FAILED
    assert sentence in sample_set.job.error
    assert not Sample.objects.exists()


def test_images_of_ten_sizes_are_refused_without_a_size_and_resized_with_one(
    researcher,
):
    rng = np.random.default_rng(0)
    data = zip_bytes({f"{n}.png": png_bytes(rng, side=8 + n) for n in range(10)})
    refused = import_bytes(researcher, data)
    assert "10 different sizes (8 x 8, 9 x 9, 10 x 10, 11 x 11 and 6 more)" in (
        refused.job.error
    )
    assert not Sample.objects.exists()
    resized = import_bytes(researcher, data, size=8)
    assert (resized.n_samples, resized.width, resized.height) == (10, 8, 8)


def test_a_failed_set_gives_its_name_free(researcher):
    import_bytes(researcher, zip_bytes({}), name="digits")
    again = import_bytes(researcher, images_zip(2, seed=0), name="digits")
    assert again.n_samples == 2
    assert SampleSet.objects.filter(name="digits").count() == 1


def test_a_taken_name_is_refused(researcher, tmp_path):
    make_sample_set(researcher, "taken", folder=tmp_path, origin="real")
    with pytest.raises(ConflictError, match="already has a sample set named"):
        make_sample_set(researcher, "taken", folder=tmp_path, origin="real")
    assert SampleSet.objects.count() == 1


def test_import_directly_leaves_nothing_of_a_failure(researcher, tmp_path):
    sample_set = SampleSet(name="x", owner=researcher, origin="real")
    with pytest.raises(DomainError, match="Nothing is at"):
        imports.import_directly(
            sample_set=sample_set, source=str(tmp_path / "missing.zip"), size=None
        )
    assert not SampleSet.objects.exists()


def test_folder_tar_and_npz_give_what_a_zip_gives(researcher, tmp_path):
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    folder = tmp_path / "images" / "nested"
    folder.mkdir(parents=True)
    for number, array in enumerate(pixels):
        Image.fromarray(array).save(folder / f"{number}.png")
    with tarfile.open(tmp_path / "images.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "images", arcname="images")
    np.savez(tmp_path / "images.npz", pixels)
    hashes = set()
    for source in ("images", "images.tar.gz", "images.npz"):
        sample_set = SampleSet(name=source, owner=researcher, origin="real")
        imports.import_directly(
            sample_set=sample_set, source=str(tmp_path / source), size=None
        )
        sample_set.refresh_from_db()
        assert sample_set.n_samples == 3
        hashes.add(sample_set.content_hash)
    assert len(hashes) == 1


def test_npz_of_another_layout_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", np.zeros((2, 3, 8, 8), dtype=np.float32))
    with pytest.raises(DomainError, match=r"shape \(N, H, W, 3\) and type uint8"):
        archives.open_archive(str(tmp_path / "bad.npz"))


def test_npz_with_pickled_objects_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", np.array([{"a": 1}], dtype=object))
    with pytest.raises(DomainError, match=r"got .* of object"):
        archives.open_archive(str(tmp_path / "bad.npz"))


def test_a_used_set_cannot_be_deleted(study):
    with pytest.raises(ConflictError, match="used by a study"):
        imports.delete_sample_set(study.real_set)


def test_an_unused_set_can_be_deleted(researcher, tmp_path):
    sample_set = make_sample_set(researcher, "free", folder=tmp_path, origin="real")
    imports.delete_sample_set(sample_set)
    assert not SampleSet.objects.exists()


def test_freezing_keeps_the_first_date(study):
    first = study.real_set.frozen_at
    samples.freeze([study.real_set], now=NOW.replace(year=2030))
    study.real_set.refresh_from_db()
    assert study.real_set.frozen_at == first


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (2, 2), 128), (128, 128, 128)),
        (Image.new("RGBA", (2, 2), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("LA", (2, 2), (0, 0)), (255, 255, 255)),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 255)), (0, 0, 0)),
        (Image.fromarray(np.full((2, 2), 65535, np.uint16)), (255, 255, 255)),
        (Image.fromarray(np.full((2, 2), 32896, np.uint16)), (128, 128, 128)),
    ],
)
def test_decode_brings_every_mode_to_rgb(image, expected):
    buffer = io.BytesIO()
    image.save(buffer, "TIFF")
    decoded = images.decode(buffer.getvalue())
    assert decoded.mode == "RGB"
    assert decoded.getpixel((0, 0)) == expected


def test_decode_turns_an_image_upright():
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (4, 2)).save(buffer, "PNG", exif=exif)
    assert images.decode(buffer.getvalue()).size == (2, 4)


def test_decode_refuses_an_animation():
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(images.UnusableImageError, match="is animated"):
        images.decode(buffer.getvalue())


def test_decode_refuses_too_many_pixels_before_reading_them(settings):
    settings.MAX_IMAGE_PIXELS = 3
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    sentence = r"more than the 3 pixels allowed \(2 x 2\)"
    with pytest.raises(images.UnusableImageError, match=sentence):
        images.decode(buffer.getvalue())


def test_a_damaged_member_of_a_zip_is_skipped(researcher):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png_bytes(rng))
        archive.writestr("b.png", png_bytes(rng))
    data = bytearray(buffer.getvalue())
    start = data.index(b"b.png") + len(b"b.png")
    data[start : start + 40] = bytes(40)
    sample_set = import_bytes(researcher, bytes(data))
    assert sample_set.n_samples == 1
    assert "damaged" in sample_set.skipped_files.get().reason


def test_names_no_database_takes_are_made_storable(researcher, tmp_path):
    good = png_bytes(np.random.default_rng(0))
    path = tmp_path / "names.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        for name in ("café.png", "é" * 90 + ".txt"):
            info = tarfile.TarInfo(name)
            info.size = len(good)
            tar.addfile(info, io.BytesIO(good))
    sample_set = import_bytes(researcher, path.read_bytes(), suffix=".tar")
    assert sample_set.n_samples == 1
    assert sample_set.samples.get().source_name == "caf?.png"


def test_a_half_written_file_is_written_again(researcher):
    data = images_zip(1, seed=0)
    first = import_bytes(researcher, data, name="first").samples.get()
    whole = samples.read_png(first)
    path = default_storage.path(first.storage_key)
    with open(path, "r+b") as file:  # noqa: PTH123
        file.truncate(20)
    second = import_bytes(researcher, data, name="second").samples.get()
    assert second.content_hash == first.content_hash
    assert samples.read_png(second) == whole


def array_file(tmp_path, array, *, suffix=".npy"):
    path = tmp_path / f"array{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, array)
    return path


def test_an_npy_file_cut_short_keeps_what_is_whole(researcher, tmp_path):
    path = array_file(tmp_path, np.zeros((3, 8, 8, 3), np.uint8))
    data = path.read_bytes()[:-10]
    sample_set = import_bytes(researcher, data, suffix=".npy")
    assert sample_set.n_samples == 2
    assert sample_set.skipped_files.count() == 1


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fort", "no plain array"),
        ("a.npy", b"not numpy at all", "no plain array"),
        ("a.npz", zip_bytes({"a.txt": b"x"}), "holds no array"),
        ("a.npz", b"not a zip", "cannot be read"),
    ],
)
def test_a_damaged_array_file_is_a_sentence(tmp_path, name, data, sentence):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DomainError, match=sentence):
        archives.open_archive(str(tmp_path / name))


@pytest.mark.parametrize("shape", [(2, 0, 4, 3), (0, 4, 4, 3), (4, 4, 3), (2, 4, 4, 1)])
def test_an_array_of_another_shape_is_a_sentence(tmp_path, shape):
    path = array_file(tmp_path, np.zeros(shape, np.uint8))
    with pytest.raises(DomainError, match="must hold an array of shape"):
        archives.open_archive(str(path))


def test_a_header_that_promises_too_much_takes_no_memory(researcher):
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False}
    np.lib.format.write_array_header_1_0(
        buffer, {**header, "shape": (10**9, 1000, 1000, 3)}
    )
    sample_set = import_bytes(researcher, buffer.getvalue(), suffix=".npy")
    assert "holds no usable image" in sample_set.job.error


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"truncation": -1.0}, "truncation"),
        ({"step": -1}, "step"),
        ({"sampling_seed": 10**30}, "sampling_seed"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_a_field_out_of_range_is_a_sentence(researcher, fields, sentence):
    sample_set = SampleSet(
        **{"name": "x", "owner": researcher, "origin": "generated", **fields}
    )
    with pytest.raises(DomainError, match=f"The {sentence} cannot be used"):
        samples.create_sample_set(sample_set)
    assert not SampleSet.objects.exists()


def test_images_come_in_order_and_are_what_is_stored(researcher):
    names = [f"{i:03d}.png" for i in range(70)]
    files = {name: png_bytes(np.random.default_rng(i)) for i, name in enumerate(names)}
    sample_set = import_bytes(
        researcher, zip_bytes({**files, "035.txt": b"no image"}), name="set"
    )
    kept = sample_set.samples.order_by("position")
    assert [sample.source_name for sample in kept] == names
    assert [skipped.name for skipped in sample_set.skipped_files.all()] == ["035.txt"]
    for sample in kept:
        data = samples.read_png(sample)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (
            sample.content_hash,
            sample.size_bytes,
        )
