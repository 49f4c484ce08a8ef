import numpy as np

from metrics.images import ArraySource
from metrics.limit import limit_input
from metrics.moments import Moments
from metrics.statistics_files import StoredFeatures, StoredStatistics


def test_limit_input_draws_rows_of_features_with_their_logits():
    rows = np.arange(20, dtype=np.float32)[:, None]
    stored = StoredFeatures("a.npz", rows, 2 * rows)

    found, findings = limit_input(stored, limit=7, rng=np.random.default_rng(0))
    other, _ = limit_input(stored, limit=7, rng=np.random.default_rng(1))

    assert findings == []
    assert len(found.features) == 7
    assert (np.diff(found.features[:, 0]) > 0).all()
    np.testing.assert_array_equal(found.logits, 2 * found.features)
    assert not np.array_equal(found.features, other.features)
    assert found.rows == tuple(found.features[:, 0].astype(int))


def test_limit_input_draws_the_same_images_in_any_order(make_images):
    images = make_images(30)
    rows = np.arange(30, dtype=np.float32)[:, None]

    def drawn(order):
        source, features = (
            limit_input(given, limit=9, rng=np.random.default_rng(3))[0]
            for given in (
                ArraySource("a", images[order]),
                StoredFeatures("a.npz", rows[order], None),
            )
        )
        return set(source.image_hashes()), set(features.features[:, 0])

    assert drawn(slice(None)) == drawn(np.random.default_rng(0).permutation(30))


def test_limit_input_draws_images(make_images):
    images = make_images(12)

    found, _ = limit_input(
        ArraySource("a", images), limit=5, rng=np.random.default_rng(0)
    )

    assert len(found) == 5
    np.testing.assert_array_equal(found.read(4), images[found.indices[4]])


def test_limit_input_leaves_small_sides_alone(make_images):
    source = ArraySource("a", make_images(5))
    stored = StoredFeatures("a.npy", np.zeros((5, 2), np.float32), None)

    assert limit_input(source, limit=5, rng=np.random.default_rng(0)) == (source, [])
    assert limit_input(stored, limit=5, rng=np.random.default_rng(0)) == (stored, [])
    assert limit_input(source, limit=None, rng=np.random.default_rng(0)) == (source, [])


def test_limit_input_says_that_statistics_cannot_be_limited():
    def findings_of(count):
        moments = Moments(count, np.zeros(2), np.eye(2))
        stored = StoredStatistics("a.npz", moments, {})
        given, findings = limit_input(stored, limit=50, rng=np.random.default_rng(0))
        assert given is stored
        return [(finding.code, finding.message[:44]) for finding in findings]

    assert findings_of(50) == []
    assert findings_of(51) == [
        ("limit-not-applied", "a.npz holds mean and covariance of 51 images")
    ]
    assert findings_of(0)[0][1] == "a.npz holds mean and covariance of an unknow"
