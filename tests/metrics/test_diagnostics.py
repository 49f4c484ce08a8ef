import numpy as np
import pytest

from metrics.diagnostics import (
    duplicates,
    few_images,
    frechet_bias,
    gamed_inception_score,
    outside_domain,
    overlap,
    unequal_counts,
)
from metrics.extrapolation import Extrapolation


def features_of(n_images, seed=0):
    return np.random.default_rng(seed).normal(size=(n_images, 12))


def codes(findings):
    return [finding.code for finding in findings]


def test_few_images_are_those_that_leave_the_covariance_singular():
    assert codes(few_images(2048, 5000, n_columns=2048)) == ["too-few-images"]
    assert few_images(2049, 5000, n_columns=2048) == []
    (finding,) = few_images(5000, 100, n_columns=2048)
    assert finding.message.startswith("A side has 100 images for 2048 features")


def test_unequal_counts_are_told():
    (finding,) = unequal_counts(5, 7)

    assert finding.code == "unequal-counts"
    assert finding.message.startswith("There are 5 real and 7 generated images")
    assert unequal_counts(5, 5) == []


def test_frechet_bias_is_told_from_a_twentieth_on():
    def extrapolation(value):
        points = np.array([10, 20])
        return Extrapolation(value=value, slope=1.0, sizes=points, scores=points / 1.0)

    (finding,) = frechet_bias(10.0, extrapolation(8.0))

    assert finding.code == "fid-bias"
    assert finding.message.startswith("Of the FID of 10, about 2 is the bias of 20 ")
    assert "FID_infinity is 8" in finding.message
    assert frechet_bias(10.0, extrapolation(9.6)) == []
    assert frechet_bias(10.0, extrapolation(11.0)) == []
    assert frechet_bias(0.0, extrapolation(-1.0)) == []


def test_a_classifier_unsure_of_real_images_is_outside_its_domain():
    (finding,) = outside_domain(np.zeros((5, 10)))

    assert finding.code == "inception-score-domain"
    assert "2.30 of at most 2.30 nats" in finding.message
    assert outside_domain(9 * np.eye(10)) == []


def test_one_sure_image_of_each_class_repeated_games_the_score():
    logits = 9 * np.eye(10)[np.arange(60) % 10]
    real = features_of(60)
    repeated = features_of(10, 1)[np.arange(60) % 10] + 1e-4 * features_of(60, 2)

    (finding,) = gamed_inception_score(
        real=real, fake=repeated, real_logits=logits / 3, fake_logits=logits
    )

    assert finding.code == "inception-score-gamed"
    assert "100% of the samples are near-duplicates" in finding.message
    assert not gamed_inception_score(
        real=real, fake=features_of(60, 1), real_logits=logits / 3, fake_logits=logits
    )
    assert not gamed_inception_score(
        real=real, fake=repeated, real_logits=logits, fake_logits=logits / 3
    )


def test_copies_within_a_set_are_counted():
    features = features_of(20)
    features[3] = features[7] + 1e-6
    features[11] = features[7]

    (finding,) = duplicates(features, name="real.zip")

    assert finding.code == "duplicates"
    assert finding.message.startswith("3 of the 20 images of real.zip have a copy")
    assert duplicates(features_of(20), name="real.zip") == []
    assert codes(duplicates(np.ones((4, 3)), name="real.zip")) == ["duplicates"]


def test_copies_across_sets_are_counted():
    real, fake = features_of(20), features_of(15, 1)
    fake[:4] = real[10:14]

    (finding,) = overlap(real, fake)

    assert finding.code == "overlap"
    assert finding.message.startswith("4 of the 15 generated images are also among")
    assert overlap(real, features_of(15, 1)) == []


def test_diagnostics_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"^features must have at least 2 rows, got 1"):
        duplicates(np.ones((1, 3)), name="real.zip")
    with pytest.raises(ValueError, match=r"^real_logits must be finite"):
        outside_domain(np.full((2, 3), np.nan))
