import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from metrics.demo.archives import (
    DATA,
    MAX_LEVEL,
    REAL,
    Digits,
    read_archive,
    sha256_of,
    split_real,
    to_grey,
    to_levels,
    write_archive,
)
from metrics.demo.make_archives import read_published_digits
from metrics.demo.manifest import MANIFEST, Entry, read_manifest
from metrics.demo.train_classifier import accuracy
from metrics.digits import load_digits_network

ENTRIES = read_manifest()
LEVELS = np.arange(MAX_LEVEL + 1, dtype=np.uint8)


def by_file(entry: Entry) -> str:
    return entry.file


def test_to_grey_spans_bytes_and_is_undone_by_to_levels():
    grey = to_grey(LEVELS)
    assert (grey[0], grey[8], grey[-1]) == (0, 128, 255)
    assert np.array_equal(to_levels(grey), LEVELS)


def test_write_archive_gives_the_same_bytes_and_reads_back(tmp_path):
    rng = np.random.default_rng(0)
    levels = rng.integers(0, MAX_LEVEL, (12, 8, 8), np.uint8, endpoint=True)
    digits = Digits(levels, rng.integers(0, 10, 12))
    for name in ("first.zip", "second.zip"):
        write_archive(tmp_path / name, digits)
    assert sha256_of(tmp_path / "first.zip") == sha256_of(tmp_path / "second.zip")
    read = read_archive(tmp_path / "first.zip")
    assert np.array_equal(read.levels, digits.levels)
    assert np.array_equal(read.labels, digits.labels)


def test_split_real_parts_the_digits_for_good():
    training, test = split_real(Digits(np.zeros((1797, 8, 8)), np.arange(1797)))
    assert len(training.labels) == 1297
    assert sorted([*training.labels, *test.labels]) == list(range(1797))
    assert test.labels[:5].tolist() == [958, 1355, 1466, 109, 366]


def test_real_archive_equals_the_published_digits():
    digits = read_archive(REAL)
    published = load_digits()
    assert np.array_equal(digits.levels, published.images)
    assert np.array_equal(digits.labels, published.target)


def test_real_archive_is_rebuilt_to_the_byte(tmp_path):
    write_archive(tmp_path / "real.zip", read_published_digits())
    assert (tmp_path / "real.zip").read_bytes() == REAL.read_bytes()


def test_manifest_lists_every_archive_once():
    assert [entry.file for entry in ENTRIES] == [
        "real.zip",
        "early.zip",
        "late.zip",
        "late_truncated.zip",
    ]
    assert {path.name for path in DATA.iterdir()} == {
        MANIFEST.name,
        *(entry.file for entry in ENTRIES),
    }


def test_manifest_tells_the_arms_apart():
    real, early, late, truncated = ENTRIES
    assert (real.origin, real.step, real.sampling_seed) == ("real", None, None)
    assert {e.origin for e in ENTRIES[1:]} == {"generated"}
    assert (early.truncation, late.truncation, truncated.truncation) == (
        None,
        None,
        0.5,
    )
    assert early.step < late.step == truncated.step


@pytest.mark.parametrize("entry", ENTRIES, ids=by_file)
def test_archive_matches_the_manifest(entry):
    digits = read_archive(DATA / entry.file)
    assert sha256_of(DATA / entry.file) == entry.sha256
    assert digits.levels.shape == (entry.n_samples, 8, 8)
    assert entry.n_samples == 1797


@pytest.mark.parametrize("entry", ENTRIES, ids=by_file)
def test_archive_holds_grey_images_of_the_17_levels(entry):
    with zipfile.ZipFile(DATA / entry.file) as archive:
        assert archive.testzip() is None
        images = [
            Image.open(BytesIO(archive.read(name))) for name in archive.namelist()
        ]
        assert {(i.format, i.mode, i.size) for i in images} == {("PNG", "L", (8, 8))}
        assert {value for image in images for _, value in image.getcolors()} == set(
            to_grey(LEVELS).tolist()
        )


@pytest.mark.parametrize("entry", ENTRIES, ids=by_file)
def test_archive_has_the_classes_of_the_real_digits(entry):
    labels = read_archive(DATA / entry.file).labels
    assert np.array_equal(np.bincount(labels), np.bincount(load_digits().target))


def test_late_samples_show_the_digits_asked_for_more_often_than_early_ones():
    network = load_digits_network()
    early, late = (
        accuracy(network, read_archive(DATA / name))
        for name in ("early.zip", "late.zip")
    )
    assert early < late
    assert late > 0.98


def test_demo_content_stays_small():
    total = sum(path.stat().st_size for path in DATA.iterdir())
    assert total < 3 * 2**20
