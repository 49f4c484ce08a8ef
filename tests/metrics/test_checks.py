import dataclasses

import numpy as np
import pytest

from metrics.checks import check
from metrics.moments import Moments
from metrics.options import Options
from metrics.sides import side_of_features, side_of_statistics
from metrics.statistics_files import StoredFeatures, StoredStatistics
from metrics.step import Results, Task

FID = Results(metrics={"fid": 1.0})


def side(rows, logits=None, name="a"):
    return side_of_features(StoredFeatures(name, rows, logits))


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def codes(task, results=FID):
    return [finding.code for finding in check(task, results, input_size=None)]


def test_check_finds_nothing_wrong_with_plain_features(rows):
    assert codes(Task(side(rows), side(rows + 1), Options())) == []


def test_check_counts_images(rows):
    task = Task(side(rows[:4]), side(rows + 1), Options())

    assert codes(task) == ["unequal-counts", "too-few-images"]
    assert codes(task, Results(metrics={"recall": 1.0})) == ["unequal-counts"]


def test_check_finds_duplicates_and_overlap_in_features(rows):
    twice = np.concatenate([rows, rows[:5]])

    task = Task(side(twice), side(twice), Options())

    assert codes(task) == ["duplicates", "duplicates", "overlap"]


def test_check_asks_nothing_of_statistics(rows):
    moments = Moments(0, np.zeros(4), np.eye(4))
    stored = side_of_statistics(StoredStatistics("a", moments, {}))

    assert codes(Task(stored, side(rows), Options())) == []


def test_check_tells_the_bias_of_fid(rows):
    points = {"sizes": [20, 40], "scores": [3.0, 2.0], "value": 1.0, "slope": 40.0}
    results = Results(metrics={"fid": 2.0}, details={"fid_by_size": points})

    assert codes(Task(side(rows), side(rows + 1), Options()), results) == ["fid-bias"]


def test_check_looks_at_logits_where_a_score_is_wanted(rows):
    unsure = np.zeros((40, 10), np.float32)
    real = side(rows, unsure)
    task = Task(real, dataclasses.replace(real, features=rows + 1), Options())

    assert codes(task, Results(metrics={"inception_score_mean": 1.0})) == [
        "inception-score-domain"
    ]
    assert codes(task) == []
