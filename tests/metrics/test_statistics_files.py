import numpy as np
import pytest

from metrics.errors import MetricsError
from metrics.images import ArraySource
from metrics.moments import Moments
from metrics.statistics_files import (
    StoredFeatures,
    StoredStatistics,
    open_input,
    save_statistics,
)

MOMENTS = Moments(7, np.array([1.0, 2.0]), np.array([[2.0, 0.5], [0.5, 1.0]]))
GIVEN = {"mu": np.zeros(2), "sigma": np.eye(2)}


def test_save_statistics_can_be_read_back(tmp_path):
    save_statistics(tmp_path / "a.npz", MOMENTS, {"extractor": "digits"})

    found = open_input(tmp_path / "a.npz")

    assert isinstance(found, StoredStatistics)
    assert found.provenance == {"extractor": "digits"}
    assert found.moments.count == 7
    np.testing.assert_array_equal(found.moments.mean, MOMENTS.mean)
    np.testing.assert_array_equal(found.moments.cov, MOMENTS.cov)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_save_statistics_lets_others_read_as_the_umask_does(tmp_path):
    save_statistics(tmp_path / "a.npz", MOMENTS, {})
    (tmp_path / "usual").touch()

    modes = {path.stat().st_mode for path in tmp_path.iterdir()}

    assert len(modes) == 1


def test_open_input_reads_other_libraries_statistics(tmp_path):
    np.savez(tmp_path / "a.npz", mu=np.zeros((1, 3)), sigma=np.eye(3))

    found = open_input(tmp_path / "a.npz")

    assert found.moments.mean.shape == (3,)
    assert (found.moments.count, found.provenance) == (0, {})


def test_open_input_accepts_the_rounding_of_a_singular_covariance(tmp_path):
    rows = np.random.default_rng(0).normal(size=(5, 20)).astype(np.float32)
    cov = np.cov(rows, rowvar=False).astype(np.float16)
    np.savez(tmp_path / "a.npz", mu=rows.mean(axis=0), sigma=cov)

    assert open_input(tmp_path / "a.npz").moments.cov.shape == (20, 20)


def test_open_input_reads_features(tmp_path):
    rows = np.ones((4, 2), np.float32)
    np.savez(tmp_path / "a.npz", features=rows, logits=rows[:, :1])
    np.save(tmp_path / "b.npy", rows)

    both, bare = open_input(tmp_path / "a.npz"), open_input(tmp_path / "b.npy")

    assert isinstance(both, StoredFeatures)
    assert isinstance(bare, StoredFeatures)
    assert both.logits.shape == (4, 1)
    assert bare.logits is None


def test_open_input_reads_images(tmp_path):
    np.savez(tmp_path / "a.npz", np.zeros((2, 3, 3, 3), np.uint8))

    assert isinstance(open_input(tmp_path / "a.npz"), ArraySource)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3), "sigma": np.eye(2)}, r"mu of shape \(d,\) and sigma of"),
        ({"mu": np.full(2, np.nan), "sigma": np.eye(2)}, "not finite; compute it anew"),
        (
            {"mu": np.array(["a", "b"]), "sigma": np.eye(2)},
            "mu as real numbers, got <U1",
        ),
        ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, r"mu of shape \(d,\)"),
        ({"mu": np.zeros(2), "sigma": -np.eye(2)}, "sigma with negative variances"),
        (
            {"mu": np.zeros(2), "sigma": np.array([[1.0, 2.0], [2.0, 1.0]])},
            "sigma with negative variances",
        ),
        (
            {"mu": np.zeros(2), "sigma": np.array([[1.0, 0.5], [0.0, 1.0]])},
            "sigma that is not symmetric",
        ),
        ({**GIVEN, "count": np.arange(2)}, "count as one whole number of images"),
        ({**GIVEN, "count": np.array(np.nan)}, "count as one whole number of images"),
        ({**GIVEN, "provenance": np.array("{")}, "provenance as the text of one JSON"),
        ({**GIVEN, "provenance": np.array("[1]")}, "provenance as the text of one"),
        ({"features": np.zeros((2, 2), int)}, "features as floating numbers"),
        ({"features": np.full((2, 2), np.inf)}, "holds features that are not finite"),
        (
            {"features": np.zeros((2, 2)), "logits": np.zeros((3, 2))},
            "2 rows of features and 3 of logits",
        ),
    ],
)
def test_open_input_refuses_arrays_that_do_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)

    with pytest.raises(MetricsError, match=message):
        open_input(tmp_path / "a.npz")


def test_save_statistics_names_a_place_it_cannot_write(tmp_path):
    with pytest.raises(MetricsError, match="cannot be written"):
        save_statistics(tmp_path / "none" / "a.npz", MOMENTS, {})
