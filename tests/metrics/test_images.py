import io
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from metrics.errors import BrokenImageError, MetricsError
from metrics.images import (
    ArraySource,
    DetailedSource,
    SubsetSource,
    natural_key,
    open_source,
)


def png(value):
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def first_values(source):
    return [int(source.read(index)[0, 0, 0]) for index in range(len(source))]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    (path / "deep").mkdir(parents=True)
    (path / "10.png").write_bytes(png(10))
    (path / "2.png").write_bytes(png(2))
    (path / "deep" / "1.png").write_bytes(png(77))
    (path / "notes.txt").write_text("not an image")
    (path / ".hidden.png").write_bytes(b"")
    return path


def test_open_source_reads_folders_in_natural_order(folder):
    source = open_source(folder)

    assert first_values(source) == [2, 10, 77]
    assert isinstance(source, DetailedSource)
    assert source.image_name(0) == f"{folder}/2.png"


def test_open_source_gives_archives_the_folders_order_and_hash(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("deep/1.png", "10.png", "2.png"):
            archive.writestr(name, (folder / name).read_bytes())
        archive.writestr("__MACOSX/2.png", b"junk")
    for suffix in ("tar", "tar.gz", "tar.bz2", "tar.xz"):
        mode = "w:" + suffix[4:]
        with tarfile.open(tmp_path / f"a.{suffix}", mode) as archive:
            archive.add(folder, arcname=".")

    for name in ("a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"):
        source = open_source(tmp_path / name)
        assert first_values(source) == [2, 10, 77], name
        assert source.content_hash() == open_source(folder).content_hash()


def test_content_hash_counts_duplicates(folder):
    before = open_source(folder).content_hash()
    (folder / "twice.png").write_bytes(png(2))

    assert open_source(folder).content_hash() != before


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_open_source_reads_arrays(tmp_path, save):
    images = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    path = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(path, images)

    source = open_source(path)

    np.testing.assert_array_equal(source.read(1), images[1])
    assert source.image_name(1) == f"{path}[1]"


def test_array_source_repeats_gray():
    source = ArraySource("a", np.full((1, 2, 2, 1), 9, dtype=np.uint8))

    assert source.read(0).tolist() == [[[9] * 3] * 2] * 2


def test_array_hash_ignores_order():
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)

    hashes = {ArraySource("a", rows).content_hash() for rows in (images, images[::-1])}

    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 3)), "got float64 of shape .*: save values from 0 to 255"),
        (np.zeros((2, 4, 4, 5), np.uint8), "keep three colours"),
        (np.zeros((2, 3, 4, 4), np.uint8), "move the channels last"),
        (np.zeros((2, 4, 4), np.uint8), r"of shape \(2, 4, 4\): give it four axes"),
        (np.zeros((2, 0, 4, 3), np.uint8), "images without pixels"),
    ],
)
def test_array_source_refuses_other_layouts(images, message):
    with pytest.raises(MetricsError, match=message):
        ArraySource("a.npz", images)


def test_open_source_refuses_missing_files(tmp_path):
    with pytest.raises(MetricsError, match="does not exist"):
        open_source(tmp_path / "none")


def test_open_source_refuses_unknown_files(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"x")

    with pytest.raises(MetricsError, match=r"must be a folder, \.zip, \.tar"):
        open_source(tmp_path / "a.rar")


def test_open_source_refuses_empty_sources(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 4, 4, 3), np.uint8))
    (tmp_path / "empty").mkdir()

    for name in ("a.npy", "empty"):
        with pytest.raises(MetricsError, match="holds no images"):
            open_source(tmp_path / name)


def test_file_source_names_unreadable_files(folder):
    source = open_source(folder)
    (folder / "2.png").unlink()

    with pytest.raises(BrokenImageError, match=r"2\.png cannot be read: No such file"):
        source.read(0)


def test_subset_source_keeps_names_and_hashes(folder):
    source = open_source(folder)

    subset = SubsetSource(source, [2, 0])

    assert first_values(subset) == [77, 2]
    assert subset.image_name(1) == source.image_name(0)
    assert subset.image_hashes() == (
        source.image_hashes()[2],
        source.image_hashes()[0],
    )
    assert subset.decode(0).encoding == "PNG"


class Plain:
    """A source with the four required members only."""

    name = "plain"

    def __len__(self):
        return 3

    def read(self, index):
        return np.full((2, 2, 3), index, dtype=np.uint8)

    def content_hash(self):
        return "hash"


def test_subset_source_takes_plain_sources():
    subset = SubsetSource(Plain(), [2])

    assert subset.image_name(0) == "plain[2]"
    assert subset.decode(0).encoding == "RAW"
    assert subset.content_hash() == SubsetSource(Plain(), [2]).content_hash()


def test_natural_key_compares_numbers_as_numbers():
    names = ["b1", "a10", "a2", "a02", "10", "9", "a"]

    assert sorted(names, key=natural_key) == ["9", "10", "a", "a02", "a2", "a10", "b1"]
