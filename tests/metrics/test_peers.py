"""The other libraries' numbers on given images: an oracle from outside."""

import json

import numpy as np
import pytest

from metrics.errors import MetricsError
from metrics.evaluation import Options, evaluate
from metrics.images import ArraySource, SubsetSource, open_source
from metrics.inception_score import inception_score
from metrics.metric_names import NEIGHBOUR_METRICS
from metrics.peers import PEERS, conventions_of

CASES = ("real_b", "gaussian_full", "gaussian_rank64", "gaussian_rank64_truncated_1.0")
METRICS = ("fid", "kid", "inception_score", *sorted(NEIGHBOUR_METRICS))
LAYERS = {"fid_64": ":64", "fid_192": ":192", "fid_768": ":768", "fid": ""}

# torch-fidelity takes roots of a singular product's eigenvalues by a general solver,
# whose rounding adds 4e-4 to the trace at 500 images of 2048 features (the exact solver
# on its own features gives our number to 1e-7); its KID sums cubes in float32.
TOLERANCES = {"fid": 5e-4, "kid_mean": 1e-4}


@pytest.fixture(scope="module")
def oracle(shared):
    cases = json.loads((shared / "data/cifar10/peer_metrics.json").read_text())["cases"]
    return {case["fake"].removesuffix(".zip"): case["metrics"] for case in cases}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_evaluate_agrees_with_the_peers(name, shared, oracle, inception_weights, cache):
    real, fake = (
        open_source(shared / "data" / "cifar10" / f"{side}.zip")
        for side in ("real_a", name)
    )
    expected = oracle[name]
    found = {}
    # Every layer once: a network's pass over 1,000 images takes a while.
    layers = LAYERS if name == "gaussian_full" else {"fid": ""}
    for key, layer in layers.items():
        options = Options(
            metrics=METRICS if key == "fid" else ("fid",),
            extractor=f"inception-v3-fid{layer}",
            weights=inception_weights,
            cache=cache,
            replicates=0,
        )
        metrics = evaluate(real, fake, options).metrics
        found |= {key: metrics["fid"]} if key != "fid" else metrics

    for key, layer in layers.items():
        if layer:
            assert found[key] == pytest.approx(expected[key], rel=1e-4), key
    assert found["fid"] == pytest.approx(
        expected["fid"], rel=1e-4, abs=TOLERANCES["fid"]
    )
    assert found["kid_mean"] == pytest.approx(
        expected["kid_mean"], rel=6e-4, abs=TOLERANCES["kid_mean"]
    )
    for key in ("inception_score_mean", "inception_score_std"):
        assert found[key] == pytest.approx(expected[key], rel=1e-4), key
    for key in ("precision", "recall", "density", "coverage"):
        assert found[key] == pytest.approx(expected[key], abs=1e-3), key


@pytest.mark.parametrize("name", PEERS)
def test_every_convention_can_be_run(name, make_images):
    real, fake = (ArraySource("a", make_images(n, seed=n)) for n in (30, 31))
    conventions = conventions_of(name)
    options = Options(
        extractor="digits",
        metrics=("fid", "kid", "inception_score"),
        conventions=conventions,
        replicates=0,
    )

    found = evaluate(real, fake, options)

    assert found.provenance["conventions"]["name"] == name
    assert len(found.metrics) == 6


def test_torch_fidelity_shuffles_with_its_seed(make_images):
    images = make_images(40)
    source = ArraySource("a", images)
    options = Options(
        extractor="digits",
        metrics=("inception_score",),
        conventions=conventions_of("torch-fidelity"),
    )

    found = evaluate(source, source, options).metrics["inception_score_mean"]

    order = np.random.RandomState(2020).permutation(40)
    shuffled = SubsetSource(source, order.tolist())
    plain = Options(extractor="digits", metrics=("inception_score",))
    assert found == pytest.approx(
        evaluate(source, shuffled, plain).metrics["inception_score_mean"], rel=1e-6
    )


def test_torchmetrics_rounds_the_splits_up():
    logits = np.random.default_rng(0).normal(size=(81, 5))

    found = inception_score(logits, split_size=-(-81 // 10), ddof=1)

    # nine splits of nine images where ten were asked for
    nine = inception_score(logits, n_splits=9, ddof=1)
    assert (found.mean, found.std) == (nine.mean, nine.std)


def test_conventions_of_refuses_strangers():
    with pytest.raises(MetricsError, match="--as must be one of published, torch-"):
        conventions_of("nobody")
