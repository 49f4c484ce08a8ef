import numpy as np
import pytest

from metrics.frechet import frechet_distance_of_features
from metrics.influence import Influence, frechet_influence


def features_of(n_images, n_columns, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=(n_images, n_columns)) + scale


@pytest.mark.parametrize(
    ("count1", "count2", "n_columns"), [(100, 120, 4), (12, 15, 20), (12, 60, 20)]
)
def test_influence_is_the_change_when_an_image_is_left_out(count1, count2, n_columns):
    features1 = features_of(count1, n_columns, 1)
    features2 = features_of(count2, n_columns, 2, 1.2)
    whole = frechet_distance_of_features(features1, features2)

    found = frechet_influence(features1, features2)

    changes1 = [
        (count1 - 1)
        * (whole - frechet_distance_of_features(np.delete(features1, i, 0), features2))
        for i in range(count1)
    ]
    changes2 = [
        (count2 - 1)
        * (whole - frechet_distance_of_features(features1, np.delete(features2, i, 0)))
        for i in range(count2)
    ]
    # To first order; of a dozen images, one left out is no small change.
    least = 0.99 if min(count1, count2) > 20 else 0.6
    assert np.corrcoef(found.on1, changes1)[0, 1] > least
    assert np.corrcoef(found.on2, changes2)[0, 1] > least
    assert np.std(found.on2) == pytest.approx(np.std(changes2), rel=0.5)


def test_influences_sum_to_zero():
    found = frechet_influence(features_of(50, 4, 1), features_of(40, 4, 2))

    assert found.on1.shape == (50,)
    assert found.on2.shape == (40,)
    assert abs(found.on1.sum()) < 1e-10
    assert abs(found.on2.sum()) < 1e-10


def test_influence_on_identical_images_has_no_transport():
    varied, same = features_of(30, 4, 1), np.ones((30, 4))
    mean = varied.mean(axis=0)
    away = ((varied - mean) ** 2).sum(axis=1) + 2 * (varied - mean) @ (mean - 1)

    first, second = frechet_influence(varied, same), frechet_influence(same, varied)

    for on_varied, on_same in ((first.on1, first.on2), (second.on2, second.on1)):
        np.testing.assert_allclose(on_varied, away - away.mean(), atol=1e-12)
        np.testing.assert_array_equal(on_same, np.zeros(30))
    np.testing.assert_array_equal(frechet_influence(same, same).on1, np.zeros(30))


def test_standard_error_adds_both_sides():
    influence = Influence(on1=np.array([1.0, -1.0]), on2=np.array([2.0, 0.0, -2.0]))

    assert influence.standard_error() == pytest.approx(np.sqrt(2 / 2 + 4 / 3))
    weights = np.array([0.5, 0.25, 0.25])
    assert influence.standard_error(weights2=weights) == pytest.approx(
        np.sqrt(2 / 2 + 4 * 0.375)
    )


def test_influence_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"equally many columns, got 2 and 3$"):
        frechet_influence(np.ones((4, 2)), np.ones((4, 3)))
