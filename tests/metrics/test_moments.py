import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.moments import RunningMoments, column_moments, moments

# One pass in float64 rounds differently from numpy's two passes, by a few units.
ROUNDING = 1e-12


def features_of(n_images, n_columns, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(3, 2, size=(n_images, n_columns)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_are_those_of_numpy(dtype):
    features = features_of(50, 7, dtype)

    found = moments(features)

    wide = features.astype(np.float64)
    assert found.count == 50
    assert found.mean.dtype == found.cov.dtype == np.float64
    np.testing.assert_allclose(found.mean, wide.mean(axis=0), rtol=ROUNDING)
    np.testing.assert_allclose(
        found.cov, np.cov(wide, rowvar=False), rtol=ROUNDING, atol=ROUNDING
    )


def test_moments_keep_digits_far_from_zero():
    # A sum of raw squares would leave four digits of the variance.
    features = features_of(5000, 3) + 1e6

    found = moments(features)

    np.testing.assert_allclose(
        found.cov, np.cov(features, rowvar=False), rtol=1e-9, atol=1e-9
    )


@given(cuts=st.lists(st.integers(0, 40), max_size=4), merged=st.booleans())
def test_moments_do_not_depend_on_batches_or_shards(cuts, merged):
    features = features_of(40, 3)
    running = RunningMoments(3)
    for part in np.split(features, sorted(cuts)):
        if not len(part):
            continue
        if merged:
            shard = RunningMoments(3)
            shard.add(part)
            running.merge(shard)
        else:
            running.add(part)

    found, whole = running.result(), moments(features)

    assert found.count == 40
    np.testing.assert_allclose(found.mean, whole.mean, rtol=ROUNDING)
    np.testing.assert_allclose(found.cov, whole.cov, rtol=1e-10, atol=ROUNDING)


def test_a_batch_may_be_overwritten_after_it_was_added():
    batch, running = features_of(10, 3), RunningMoments(3)
    expected = moments(batch.copy())

    running.add(batch)
    batch[:] = 0

    np.testing.assert_array_equal(running.result().mean, expected.mean)


def test_merging_leaves_the_other_as_it_was():
    shard, running = RunningMoments(3), RunningMoments(3)
    shard.add(features_of(10, 3))
    before = shard.result()

    running.merge(shard)
    running.add(features_of(10, 3, seed=1))

    assert shard.result().count == before.count
    np.testing.assert_array_equal(shard.result().cov, before.cov)


def test_column_moments_are_the_diagonal():
    features = features_of(5000, 4, np.float32)
    whole = moments(features)

    mean, std = column_moments(features)

    np.testing.assert_allclose(mean, whole.mean, rtol=ROUNDING)
    np.testing.assert_allclose(std, np.sqrt(np.diag(whole.cov)), rtol=ROUNDING)


def test_moments_say_what_is_wrong():
    running = RunningMoments(3)

    with pytest.raises(ValueError, match=r"^features must have 3 columns, got 2$"):
        running.add(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"^moments must have 3 columns, got 2$"):
        running.merge(RunningMoments(2))
    with pytest.raises(ValueError, match=r"at least 2 rows for a covariance, got 0$"):
        running.result()
    with pytest.raises(ValueError, match=r"at least 2 rows, got 1$"):
        moments(np.ones((1, 3)))
