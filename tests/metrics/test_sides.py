import numpy as np
import pytest

from metrics.moments import moments
from metrics.sides import side_of_features, side_of_statistics
from metrics.statistics_files import StoredFeatures, StoredStatistics


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


def features_hash(rows, logits=None):
    return side_of_features(StoredFeatures("a", rows, logits)).content_hash


def test_the_hash_of_features_does_not_depend_on_how_they_are_stored(rows):
    found = features_hash(rows)

    assert found.startswith("features:")
    assert features_hash(rows.astype(np.float64)) == found
    assert features_hash(rows.astype(">f4")) == found
    assert features_hash(np.asfortranarray(rows)) == found
    assert features_hash(rows, rows) == found
    assert features_hash(rows + 1) != found


def test_the_hash_of_statistics_is_that_of_the_images_where_it_is_known(rows):
    def hash_of(provenance):
        stored = StoredStatistics("a", moments(rows), provenance)
        return side_of_statistics(stored).content_hash

    assert hash_of({}).startswith("statistics:")
    assert hash_of({"content_hash": "5" * 64}) == "5" * 64
