import zipfile

import numpy as np
import pytest

from metrics import array_files
from metrics.array_files import find_images, load_arrays
from metrics.errors import MetricsError


def test_load_arrays_refuses_pickles(tmp_path):
    np.savez(tmp_path / "a.npz", np.array([{}], dtype=object))

    with pytest.raises(MetricsError, match="holds Python objects"):
        load_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_load_arrays_refuses_damage(tmp_path, name):
    (tmp_path / name).write_bytes(b"junk")

    with pytest.raises(MetricsError, match="is damaged or holds"):
        load_arrays(tmp_path / name)


def test_load_arrays_refuses_a_damaged_stream(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, np.random.default_rng(0).integers(0, 9, 5000))
    raw = bytearray(path.read_bytes())
    raw[60:400] = bytes(255 - value for value in raw[60:400])
    path.write_bytes(bytes(raw))

    with pytest.raises(MetricsError, match="is damaged or holds"):
        load_arrays(path)


def test_load_arrays_refuses_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "_BOMB_BYTES", 1 << 20)
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", bytes(4 << 20))

    with pytest.raises(MetricsError, match=r"would unpack arr_0\.npy from"):
        load_arrays(path)


def test_load_arrays_tells_when_memory_is_short(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", np.zeros(3))

    def load(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr(np, "load", load)

    with pytest.raises(MetricsError, match="does not fit into memory"):
        load_arrays(tmp_path / "a.npz")


def test_find_images_takes_the_only_array_or_a_known_name():
    one, two = np.zeros(1), np.zeros(2)

    assert find_images({"x": one}, name="a") is one
    assert find_images({"labels": one, "arr_0": two}, name="a") is two
    with pytest.raises(MetricsError, match="must hold its images as arr_0, got x, y"):
        find_images({"y": one, "x": two}, name="a")
