import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics.kernel_distance
from metrics.kernel_distance import (
    cmmd,
    cmmd_replicates,
    draw_subsets,
    kernel_distance_of_subsets,
    kernel_inception_distance,
    rbf_kernel_distance,
    resample_counts,
)


def polynomial(rows1, rows2):
    return (rows1 @ rows2.T / rows1.shape[1] + 1) ** 3


def gaussian(rows1, rows2, sigma):
    gaps = rows1[:, np.newaxis] - rows2
    return np.exp(-(gaps**2).sum(axis=2) / (2 * sigma**2))


def unbiased(kernel, rows1, rows2):
    rows1, rows2 = rows1.astype(np.float64), rows2.astype(np.float64)
    within = 0.0
    for rows in (rows1, rows2):
        values = kernel(rows, rows)
        within += (values.sum() - np.trace(values)) / (len(rows) * (len(rows) - 1))
    return within - 2 * kernel(rows1, rows2).mean()


def features_of(n_images, n_columns=16, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return np.abs(rng.normal(seed / 10, 1, size=(n_images, n_columns))).astype(dtype)


def rng():
    return np.random.default_rng(5)


# Products of float32 features are rounded to 1e-7, of which averages keep little.
@pytest.mark.parametrize(("dtype", "rel"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_all_pairs_give_the_naive_estimate(dtype, rel):
    features1, features2 = features_of(60, dtype=dtype), features_of(45, 16, 1, dtype)

    found = kernel_inception_distance(
        features1, features2, n_subsets=2, subset_size=10, rng=rng()
    )

    expected = unbiased(polynomial, features1, features2)
    assert found.unbiased == pytest.approx(expected, rel=rel)


def test_subsets_give_the_naive_estimates():
    features1, features2 = features_of(60), features_of(45, seed=1)
    source = rng()
    subsets1 = draw_subsets(60, n_subsets=7, subset_size=20, rng=source)
    subsets2 = draw_subsets(45, n_subsets=7, subset_size=20, rng=source)
    expected = [
        unbiased(polynomial, features1[chosen1], features2[chosen2])
        for chosen1, chosen2 in zip(subsets1, subsets2, strict=True)
    ]

    found = kernel_inception_distance(
        features1, features2, n_subsets=7, subset_size=20, rng=rng(), ddof=1
    )

    assert found.mean == pytest.approx(np.mean(expected), rel=1e-10)
    assert found.std == pytest.approx(np.std(expected, ddof=1), rel=1e-10)
    # Seven subsets have more pairs than there are, two of them have fewer.
    for n in (7, 2):
        alone = kernel_distance_of_subsets(
            features1, features2, subsets1[:n], subsets2[:n]
        )
        np.testing.assert_allclose(alone, expected[:n], rtol=1e-9)


def test_one_subset_of_all_images_is_the_estimate_of_all_pairs():
    found = kernel_inception_distance(
        features_of(30), features_of(30, seed=1), n_subsets=3, subset_size=30, rng=rng()
    )

    assert found.mean == pytest.approx(found.unbiased, rel=1e-10)
    assert found.std == pytest.approx(0, abs=1e-10 * abs(found.unbiased))


def test_replicates_weigh_pairs_of_different_images():
    features1, features2 = features_of(12), features_of(9, seed=1)

    found = kernel_inception_distance(
        features1, features2, n_subsets=2, subset_size=5, rng=rng(), n_replicates=4
    )

    source = rng()
    for n_images in (12, 9):
        draw_subsets(n_images, n_subsets=2, subset_size=5, rng=source)
    counts1 = resample_counts(12, 4, rng=source)
    counts2 = resample_counts(9, 4, rng=source)
    for index, replicate in enumerate(found.replicates):
        weights1, weights2 = counts1[:, index], counts2[:, index]
        expected = -2 * np.average(
            polynomial(features1, features2), weights=np.outer(weights1, weights2)
        )
        for rows, weights in ((features1, weights1), (features2, weights2)):
            pairs = np.outer(weights, weights)
            np.fill_diagonal(pairs, 0)
            expected += np.average(polynomial(rows, rows), weights=pairs)
        assert replicate == pytest.approx(expected, rel=1e-9)


def test_replicates_do_not_change_the_subsets():
    arguments = features_of(30), features_of(30, seed=1)

    plain = kernel_inception_distance(*arguments, n_subsets=5, subset_size=9, rng=rng())
    more = kernel_inception_distance(
        *arguments, n_subsets=5, subset_size=9, rng=rng(), n_replicates=3
    )

    # The width of the products may change the order of summation.
    assert (more.mean, more.std) == pytest.approx((plain.mean, plain.std), rel=1e-12)


def test_blocks_do_not_change_the_result(monkeypatch):
    arguments = features_of(50, dtype=np.float32), features_of(40, 16, 1, np.float32)
    whole = kernel_inception_distance(
        *arguments, n_subsets=4, subset_size=20, rng=rng()
    )

    monkeypatch.setattr(metrics.kernel_distance, "BLOCK_ROWS", 7)
    parts = kernel_inception_distance(
        *arguments, n_subsets=4, subset_size=20, rng=rng()
    )

    # Shapes decide how float32 products are rounded.
    assert parts.unbiased == pytest.approx(whole.unbiased, rel=1e-6)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-6)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), counts=st.tuples(*2 * [st.integers(2, 20)]))
def test_estimate_is_symmetric_and_ignores_order(seed, counts):
    features1, features2 = features_of(counts[0]), features_of(counts[1], seed=seed % 9)
    order = np.random.default_rng(seed).permutation(counts[0])

    def estimate(rows1, rows2):
        return kernel_inception_distance(
            rows1, rows2, n_subsets=1, subset_size=2, rng=rng()
        ).unbiased

    value = estimate(features1, features2)
    same = pytest.approx(value, rel=1e-9, abs=1e-10)
    assert estimate(features2, features1) == same
    assert estimate(features1[order], features2) == same


def test_equal_distributions_are_expected_at_zero():
    found = [
        kernel_inception_distance(
            features_of(40, 4, seed)[:20],
            features_of(40, 4, seed)[20:],
            n_subsets=1,
            subset_size=2,
            rng=rng(),
        ).unbiased
        for seed in range(1, 200)
    ]

    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))


def test_counts_of_replicates_sum_to_the_images():
    counts = resample_counts(13, 50, rng=rng())

    np.testing.assert_array_equal(counts.sum(axis=0), np.full(50, 13))


@pytest.mark.parametrize("sigma", [0.5, 10.0])
def test_gaussian_kernel_gives_the_naive_estimates(sigma):
    features1, features2 = features_of(20, 4), features_of(15, 4, 3)

    def kernel(rows1, rows2):
        return gaussian(rows1, rows2, sigma)

    found = rbf_kernel_distance(features1, features2, sigma=sigma)

    expected = unbiased(kernel, features1, features2)
    assert found == pytest.approx(expected, rel=1e-10)
    biased = (
        kernel(features1, features1).mean()
        + kernel(features2, features2).mean()
        - 2 * kernel(features1, features2).mean()
    )
    assert rbf_kernel_distance(
        features1, features2, sigma=sigma, estimator="biased"
    ) == pytest.approx(biased, rel=1e-9)


def test_cmmd_scales_rows_and_result():
    embeddings1, embeddings2 = features_of(20, 4), features_of(15, 4, 3)
    units1, units2 = (
        e / np.linalg.norm(e, axis=1, keepdims=True) for e in (embeddings1, embeddings2)
    )

    found = cmmd(5 * embeddings1, embeddings2)

    expected = rbf_kernel_distance(units1, units2, sigma=10, estimator="biased")
    assert found == pytest.approx(1000 * expected, rel=1e-9)
    # A kernel so wide sees little but the means: 1000 |m1 - m2|² / 100.
    gap = units1.mean(axis=0) - units2.mean(axis=0)
    assert found == pytest.approx(10 * gap @ gap, rel=0.02)
    assert cmmd(embeddings1, embeddings1) == pytest.approx(0, abs=1e-12)


def test_cmmd_replicates_spread_around_it():
    embeddings1, embeddings2 = features_of(200, 4), features_of(200, 4, 3)

    found = cmmd_replicates(embeddings1, embeddings2, n_replicates=200, rng=rng())

    assert found.shape == (200,)
    assert abs(found.mean() - cmmd(embeddings1, embeddings2)) < 3 * found.std()


def test_distance_says_what_is_wrong():
    few, many = features_of(9), features_of(20)

    with pytest.raises(ValueError, match=r"from 2 to the number of images, 9, got 10$"):
        kernel_inception_distance(many, few, subset_size=10, rng=rng())
    with pytest.raises(ValueError, match=r"^n_subsets must be above ddof, 1, got 1$"):
        kernel_inception_distance(many, few, n_subsets=1, ddof=1, rng=rng())
    with pytest.raises(ValueError, match=r"equally many subsets, got 1 and 2$"):
        kernel_distance_of_subsets(
            few, few, np.arange(4).reshape(1, 4), np.arange(4).reshape(2, 2)
        )
    with pytest.raises(ValueError, match=r"^sigma must be positive, got 0$"):
        rbf_kernel_distance(few, few, sigma=0)
    with pytest.raises(ValueError, match=r"must have no zero row, got 1 of 9$"):
        cmmd(few * (np.arange(9) > 0)[:, np.newaxis], few)
    with pytest.raises(ValueError, match=r"^features2 must be finite, got NaN"):
        cmmd(few, few * np.nan)
