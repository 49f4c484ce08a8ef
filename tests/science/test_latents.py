import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hypeweb.science.latents import (
    class_labels,
    draw_latents,
    kept_share,
    truncated_deviation,
    uniform_counts,
)


def draw(*, seed=3, start=0, n=4, shape=(6,), truncation=None):
    return draw_latents(seed=seed, start=start, n=n, shape=shape, truncation=truncation)


@given(
    cut=st.integers(0, 9),
    truncation=st.sampled_from([None, 0.05, 0.5, 2.0]),
    seed=st.integers(0, 2**62),
)
def test_a_sample_depends_on_seed_and_index_alone(cut, truncation, seed):
    whole = draw(seed=seed, n=9, truncation=truncation)
    first = draw(seed=seed, n=cut, truncation=truncation)
    rest = draw(seed=seed, start=cut, n=9 - cut, truncation=truncation)
    assert np.array_equal(np.concatenate([first, rest]), whole)


def test_seeds_and_samples_differ():
    latents = np.concatenate([draw(seed=1), draw(seed=2)])
    assert np.unique(latents).size == latents.size


def test_the_latents_of_a_seed_never_change():
    """Sets made years apart must match; a change here breaks what was published."""
    first = draw(seed=7, n=1, shape=(3,), truncation=1.0)[0]
    assert first.tolist() == pytest.approx([0.1580425, 0.7415457, -0.3872522], rel=1e-6)


def test_the_shape_is_that_of_the_input():
    assert draw(n=2, shape=(4, 1, 1)).shape == (2, 4, 1, 1)
    assert draw().dtype == np.float32


@pytest.mark.parametrize("truncation", [0.02, 0.5, 1.0, 2.0])
def test_truncated_components_follow_the_truncated_normal(truncation):
    values = draw(n=20, shape=(500,), truncation=truncation).ravel().astype(float)
    assert np.abs(values).max() <= np.float32(truncation)
    reference = stats.truncnorm(-truncation, truncation)
    # One fixed seed: a wrong distribution, such as a clipped one, gives p near 0.
    assert stats.kstest(values, reference.cdf).pvalue > 0.01
    assert values.std() == pytest.approx(truncated_deviation(truncation), rel=0.03)
    assert truncated_deviation(truncation) == pytest.approx(reference.std(), rel=1e-9)
    assert kept_share(truncation) == pytest.approx(
        stats.norm.cdf(truncation) - stats.norm.cdf(-truncation), rel=1e-9
    )


def test_without_truncation_components_are_standard_normal():
    values = draw(n=20, shape=(500,)).ravel()
    assert stats.kstest(values, stats.norm.cdf).pvalue > 0.01
    assert truncated_deviation(None) == 1.0


def test_sets_of_one_seed_differ_only_where_the_truncation_bites():
    whole, truncated = draw(n=50), draw(n=50, truncation=1.0)
    within = np.abs(whole) <= 1.0
    assert np.array_equal(truncated[within], whole[within])
    assert not (truncated[~within] == whole[~within]).any()


@pytest.mark.parametrize("truncation", [0.0, -1.0, 0.009, float("nan")])
def test_a_truncation_that_leaves_nothing_is_refused(truncation):
    with pytest.raises(ValueError, match=r"truncation must be at least 0\.01, got"):
        draw(truncation=truncation)


def test_classes_come_one_after_the_other_in_any_batches():
    counts = [2, 0, 3]
    assert class_labels(counts, start=0, n=5).tolist() == [0, 0, 2, 2, 2]
    assert class_labels(counts, start=3, n=4).tolist() == [2, 2, 0, 0]


@pytest.mark.parametrize("counts", [[], [0, 0], [2, -1]])
def test_counts_of_nothing_are_refused(counts):
    with pytest.raises(ValueError, match="counts must not be negative nor all 0"):
        class_labels(counts, start=0, n=1)


def test_uniform_counts_differ_by_at_most_one():
    assert uniform_counts(11, n_classes=4) == [3, 3, 3, 2]
    assert uniform_counts(2, n_classes=4) == [1, 1, 0, 0]
