import importlib.metadata
from pathlib import Path

import pytest

from metrics import doctor as doctor_module
from metrics.doctor import doctor, doctor_text
from metrics.weights import PUBLISHED, weights_folders


def test_doctor_text_has_a_line_for_each_finding():
    assert len(doctor_text().splitlines()) == len(doctor())


def test_doctor_finds_weights_and_tells_of_damage():
    folder = weights_folders()[0]
    folder.mkdir(parents=True)
    (folder / PUBLISHED["vgg16-fc2"].file_name).write_bytes(b"damaged")

    found = dict(doctor())

    assert "must have sha256 397923af" in found["weights vgg16-fc2"]
    assert found["weights inception-v3-fid"].startswith(
        "not here; would come from http"
    )
    assert found["weights digits"] == "bundled"


def test_doctor_tells_what_is_not_installed(monkeypatch):
    def missing(_package):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", missing)

    assert dict(doctor())["torch"] == "not installed"


def test_doctor_names_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(doctor_module, "bfloat16_units", lambda _device: ())

    assert dict(doctor())["device"] == "cuda: GPU 0, GPU 1"


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (("avx512_bf16",), "fast here (avx512_bf16): --precision bf16"),
        ((), "slow here (no instructions for it): leave --precision at fp32"),
    ],
)
def test_doctor_says_whether_bfloat16_is_fast(monkeypatch, units, text):
    monkeypatch.setattr(doctor_module, "bfloat16_units", lambda _device: units)

    assert dict(doctor())["bfloat16"].startswith(text)


def test_doctor_counts_cached_sets(tmp_path):
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "a.npz").write_bytes(b"1234")

    assert dict(doctor())["cache"] == f"{folder} (1 sets, 0.00 GiB)"


def test_free_memory_is_known_without_proc(monkeypatch):
    def missing(*_args, **_options):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)

    assert float(dict(doctor_module.doctor())["free memory"].split()[0]) > 0


@pytest.mark.parametrize("name", ["python", "threads", "weights folder"])
def test_doctor_always_tells(name):
    assert dict(doctor())[name]
