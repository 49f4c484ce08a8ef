"""Fixtures of the metrics: shared data, stand-in weights, small image sets."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
STAND_IN = ROOT / ".cache" / "reference-inception.pth"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """Keep tests away from the weights and features of whoever runs them."""
    monkeypatch.setenv("HYPEWEB_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HYPEWEB_FEATURES", str(tmp_path / "features"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(scope="session")
def shared():
    """The folder of reference data and tools; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"NOT RUN: the reference data {SHARED} is not there")
    return SHARED


@pytest.fixture(scope="session")
def inception_shapes(shared):
    """Name and shape of every tensor of the published FID network."""
    path = shared / "reference" / "inception_2015_state_dict.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def inception_weights(shared, inception_shapes):
    """A file of stand-in weights in the published layout."""
    path = shared / "tools" / "reference_weights.py"
    spec = importlib.util.spec_from_file_location("reference_weights", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not STAND_IN.exists():
        STAND_IN.parent.mkdir(exist_ok=True)
        state = {
            name: module.tensor(name, shape) for name, shape in inception_shapes.items()
        }
        torch.save(state, STAND_IN)
    return STAND_IN


@pytest.fixture
def make_images():
    """Return a function that makes uint8 images (n, height, width, 3)."""

    def make(n, *, seed=0, size=(8, 8), low=0, high=256):
        rng = np.random.default_rng(seed)
        return rng.integers(low, high, (n, *size, 3), dtype=np.uint8)

    return make
