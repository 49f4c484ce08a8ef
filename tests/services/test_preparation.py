import hashlib
import signal

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from hypeweb.models.samples import SAMPLE_KEY
from hypeweb.services import preparation
from hypeweb.services.entries import Entry
from hypeweb.services.errors import DomainError
from hypeweb.services.preparation import prepare
from hypeweb.services.processing import Kept, Skipped
from tests.factories import png_bytes

BUCKET = "tests.doubles.storage.Bucket"


class Deadly:
    """A source that ends the process which is asked to read it."""

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGKILL,)


def png(number, side=8):
    return png_bytes(np.random.default_rng(number), side=side)


@pytest.fixture
def entries(tmp_path):
    """Return a function: one entry of each kind of source, among many files."""
    path = tmp_path / "path.png"
    path.write_bytes(png(1000))

    def made():
        yield Entry("path.png", path)
        yield Entry("notes.txt", b"no image")
        yield Entry("array", Image.fromarray(np.full((8, 8, 3), 7, np.uint8)))
        yield Entry("fetched.png", lambda: png(1001))
        yield Entry("gone.png", lambda: None)
        yield Entry("damaged.png", png(1002)[:60])
        yield Entry("odd\ud800name.png", png(1003, side=4))
        for number in range(300):
            yield Entry(f"{number:03d}.png", png(number))

    return made


@pytest.mark.parametrize("storage", [None, BUCKET], ids=["folder", "bucket"])
def test_processes_prepare_what_this_one_would(entries, storage, settings, monkeypatch):
    monkeypatch.setattr(preparation, "FEW_IMAGES", 1000)
    here = list(prepare(entries(), size=None))
    kept = [outcome for outcome in here if isinstance(outcome, Kept)]
    for outcome in kept:
        default_storage.delete(SAMPLE_KEY.format(outcome.content_hash))
    if storage:
        settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": storage}}
    monkeypatch.setattr(preparation, "FEW_IMAGES", 0)
    monkeypatch.setattr(preparation, "BATCH_IMAGES", 40)
    assert list(prepare(entries(), size=None)) == here
    skipped = [outcome for outcome in here if isinstance(outcome, Skipped)]
    assert [outcome.name for outcome in skipped] == [
        "notes.txt",
        "gone.png",
        "damaged.png",
    ]
    for outcome in kept:
        with default_storage.open(SAMPLE_KEY.format(outcome.content_hash)) as file:
            data = file.read()
        assert hashlib.sha256(data).hexdigest() == outcome.content_hash
        assert len(data) == outcome.size_bytes


def test_processes_know_the_site_limit(settings, monkeypatch):
    monkeypatch.setattr(preparation, "FEW_IMAGES", 0)
    settings.MAX_IMAGE_PIXELS = 63
    (outcome,) = prepare([Entry("a.png", png(0))], size=None)
    assert isinstance(outcome, Skipped)
    assert outcome.reason == "has more than the 63 pixels allowed"


def test_a_process_that_dies_is_a_sentence(monkeypatch):
    monkeypatch.setattr(preparation, "FEW_IMAGES", 0)
    with pytest.raises(DomainError, match="died, most likely for want of memory"):
        list(prepare([Entry("a.png", Deadly())], size=None))
