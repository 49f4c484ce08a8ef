import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from metrics.inception_score import (
    inception_score,
    inception_score_two_samples,
    label_probabilities,
    split_edges,
)


def naive_scores(logits, n_splits):
    scores = []
    for index in range(n_splits):
        start, stop = (len(logits) * i // n_splits for i in (index, index + 1))
        probabilities = softmax(logits[start:stop].astype(np.float64), axis=1)
        marginal = probabilities.mean(axis=0)
        divergence = (probabilities * np.log(probabilities / marginal)).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return np.array(scores)


def logits_of(n_images, n_classes=10, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, size=(n_images, n_classes)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_splits", [1, 3, 10])
def test_score_is_the_naive_one(n_splits, dtype):
    logits = logits_of(97, dtype=dtype)

    found = inception_score(logits, n_splits=n_splits)

    scores = naive_scores(logits, n_splits)
    # The order of summation differs, nothing else.
    assert found.mean == pytest.approx(scores.mean(), rel=1e-13)
    assert found.std == pytest.approx(scores.std(), rel=1e-10, abs=1e-13)


def test_sure_and_diverse_images_score_the_number_of_classes():
    # Each class once, with logits 1,000 apart.
    found = inception_score(1000 * np.eye(7), n_splits=1)

    assert found.mean == pytest.approx(7, rel=1e-14)
    assert found.std == 0
    assert found.label_entropy_marginal == pytest.approx(np.log(7), rel=1e-14)
    assert found.label_entropy_conditional == 0
    np.testing.assert_allclose(found.label_distribution, np.full(7, 1 / 7))


def test_equal_or_unsure_images_score_one():
    same = np.tile(logits_of(1), (20, 1))

    assert inception_score(same, n_splits=2).mean == pytest.approx(1, abs=1e-14)
    unsure = inception_score(np.zeros((20, 5)), n_splits=2)
    assert unsure.mean == pytest.approx(1, abs=1e-14)


def test_parts_make_up_the_score_of_one_split():
    found = inception_score(logits_of(5000), n_splits=1)

    gain = found.label_entropy_marginal - found.label_entropy_conditional
    assert found.mean == pytest.approx(np.exp(gain), rel=1e-13)
    assert found.label_distribution.sum() == pytest.approx(1, rel=1e-13)


def test_order_selects_and_arranges():
    logits = logits_of(60)
    order = np.random.default_rng(1).permutation(60)[:40]

    found = inception_score(logits, n_splits=4, order=order)

    assert found.mean == inception_score(logits[order], n_splits=4).mean


def test_split_size_leaves_a_short_last_split():
    logits = logits_of(91)

    found = inception_score(logits, split_size=10, ddof=1)

    scores = [naive_scores(logits[i : i + 10], 1)[0] for i in range(0, 91, 10)]
    assert scores[-1] == 1
    assert found.mean == pytest.approx(np.mean(scores), rel=1e-13)
    assert found.std == pytest.approx(np.std(scores, ddof=1), rel=1e-10)


@given(seed=st.integers(0, 1000), n_classes=st.integers(1, 8))
def test_score_stays_in_range_and_ignores_offsets(seed, n_classes):
    logits = logits_of(12, n_classes, seed=seed)
    offsets = np.random.default_rng(seed).normal(0, 100, size=(12, 1))

    found = inception_score(logits, n_splits=1)

    assert 1 - 1e-12 <= found.mean <= n_classes + 1e-12
    # Offsets of 100 cost two digits of the logits.
    shifted = inception_score(logits + offsets, n_splits=1)
    assert shifted.mean == pytest.approx(found.mean, rel=1e-11)
    reordered = inception_score(logits[::-1], n_splits=1)
    assert reordered.mean == pytest.approx(found.mean, rel=1e-13)


def test_probabilities_survive_huge_logits():
    probabilities, entropies = label_probabilities(np.array([[1e4, 0.0], [-1e4, -1e4]]))

    np.testing.assert_array_equal(probabilities, [[1, 0], [0.5, 0.5]])
    np.testing.assert_allclose(entropies, [0, np.log(2)])


def test_two_samples_divide_by_the_others_marginal():
    logits, others = logits_of(30), logits_of(50, seed=1)
    probabilities = softmax(logits, axis=1)
    marginal = softmax(others, axis=1).mean(axis=0)
    divergence = (probabilities * np.log(probabilities / marginal)).sum(axis=1).mean()

    found = inception_score_two_samples(logits, others)

    assert found == pytest.approx(np.exp(divergence), rel=1e-13)
    own = inception_score(logits, n_splits=1).mean
    assert inception_score_two_samples(logits, logits) == pytest.approx(own, rel=1e-13)
    assert found >= own


def test_two_samples_are_infinitely_apart_where_a_class_is_missing():
    assert inception_score_two_samples(1e4 * np.eye(2), 1e4 * np.eye(2)[:1]) == np.inf


def test_edges_follow_the_published_splits():
    assert split_edges(23, n_splits=4, split_size=None) == [0, 5, 11, 17, 23]
    assert split_edges(23, n_splits=4, split_size=10) == [0, 10, 20, 23]
    assert split_edges(20, n_splits=4, split_size=10) == [0, 10, 20]


def test_score_says_what_is_wrong():
    logits = logits_of(5)

    with pytest.raises(ValueError, match=r"from 1 to the number of images, 5, got 10$"):
        inception_score(logits)
    with pytest.raises(ValueError, match=r"^split_size must be 1 or more, got 0$"):
        inception_score(logits, split_size=0)
    with pytest.raises(ValueError, match=r"below the number of splits, 1, got 1$"):
        inception_score(logits, n_splits=1, ddof=1)
    with pytest.raises(
        ValueError, match=r"^logits must be finite, got NaN or infinity"
    ):
        inception_score(logits * np.nan)
    with pytest.raises(
        ValueError, match=r"^logits and marginal_logits must have equal"
    ):
        inception_score_two_samples(logits, logits_of(5, 3))
