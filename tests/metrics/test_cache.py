import dataclasses
import errno
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from metrics.cache import FeatureCache, default_cache_folder
from metrics.errors import MetricsError
from metrics.extractors import Setup, load_extractor
from metrics.features import FeatureSet, Reading, extract_features
from metrics.images import ArraySource

LAYERS = frozenset({"64", "logits"})


@pytest.fixture(scope="module")
def digits():
    return load_extractor("digits", Setup())


@pytest.fixture
def source(make_images):
    return ArraySource("a", make_images(6))


@pytest.fixture
def features(digits, source):
    return extract_features(source, digits, LAYERS, reading=Reading())


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


def store(cache, digits, features, source):
    return cache.store(
        digits,
        features,
        content_hash=source.content_hash(),
        image_hashes=source.image_hashes(),
    )


def load(cache, digits, source, layers=LAYERS):
    return cache.load(
        digits,
        layers,
        content_hash=source.content_hash(),
        image_hashes=source.image_hashes(),
    )


def assert_same(found, expected):
    assert found.facts == expected.facts
    for layer in LAYERS:
        np.testing.assert_array_equal(found.layers[layer], expected.layers[layer])


def test_load_returns_what_was_stored(cache, digits, features, source):
    assert load(cache, digits, source) is None

    assert store(cache, digits, features, source) is None

    assert_same(load(cache, digits, source), features)


def test_load_returns_the_order_asked_for(cache, digits, features, source, make_images):
    store(cache, digits, features, source)
    backwards = ArraySource("b", make_images(6)[::-1])

    found = load(cache, digits, backwards)

    np.testing.assert_array_equal(found.layers["64"], features.layers["64"][::-1])
    assert found.facts == features.facts[::-1]


def test_load_misses_another_layer(cache, digits, features, source):
    store(cache, digits, features, source)

    assert load(cache, digits, source, LAYERS | {"192"}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "legacy fp32"},
        {"weights_sha256": "1" * 64},
        {"name": "other"},
    ],
)
def test_load_misses_what_depends_on_other_things(
    cache, digits, features, source, change
):
    store(cache, digits, features, source)

    assert load(cache, dataclasses.replace(digits, **change), source) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "packed", "locked"])
def test_load_deletes_damaged_files(cache, digits, features, source, damage):
    store(cache, digits, features, source)
    (path,) = cache.folder.iterdir()
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 3] ^= 255
    entry = data.index(b"PK\x01\x02")  # of the first array in the zip's directory
    if damage == "packed":
        data[entry + 10] ^= 255  # in a way that nobody knows
    if damage == "locked":
        data[entry + 8] ^= 1  # with a password
    path.write_bytes({"cut": data[:-100], "empty": b""}.get(damage, data))

    assert load(cache, digits, source) is None
    assert list(cache.folder.iterdir()) == []


def test_load_passes_over_damage_in_a_folder_that_is_not_ours(
    cache, digits, features, source, monkeypatch
):
    store(cache, digits, features, source)
    (path,) = cache.folder.iterdir()
    path.write_bytes(b"damaged")

    def refuse(*_args, **_named):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)

    assert load(cache, digits, source) is None


def test_load_leaves_alone_what_it_cannot_open(
    cache, digits, features, source, monkeypatch
):
    store(cache, digits, features, source)

    def refuse(*_args, **_named):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        assert load(cache, digits, source) is None

    assert_same(load(cache, digits, source), features)


def test_store_lets_others_read_as_the_umask_does(cache, digits, features, source):
    store(cache, digits, features, source)
    (cache.folder / "usual").touch()

    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()}

    assert modes == {stat.S_IMODE((cache.folder / "usual").stat().st_mode)}


def test_store_keeps_no_set_with_skipped_images(cache, digits, features, source):
    partial = FeatureSet(features.layers, features.facts, ("a is broken",))

    assert store(cache, digits, partial, source) is None

    assert load(cache, digits, source) is None


def test_store_tells_when_the_disk_is_full(
    cache, digits, features, source, monkeypatch
):
    def savez(*_args, **_arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", savez)

    trouble = store(cache, digits, features, source)

    assert trouble.startswith(f"the cache {cache.folder} is full (No space left")
    assert list(cache.folder.iterdir()) == []


def test_concurrent_writers_leave_one_good_file(cache, digits, features, source):
    writers = [
        threading.Thread(target=store, args=(cache, digits, features, source))
        for _ in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(list(cache.folder.iterdir())) == 1
    assert_same(load(cache, digits, source), features)


def test_cache_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(MetricsError, match="must be a folder, got a file"):
        FeatureCache(tmp_path / "file")


def test_default_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HYPEWEB_FEATURES", str(tmp_path))
    assert default_cache_folder() == tmp_path

    monkeypatch.delenv("HYPEWEB_FEATURES")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(default_cache_folder()) == "/x/hypeweb/features"
