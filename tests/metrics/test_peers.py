"""The other libraries' numbers on given images: an oracle from outside."""

import json
from pathlib import Path

import numpy as np
import pytest

from metrics.errors import MetricsError
from metrics.evaluation import Options, evaluate
from metrics.images import ArraySource, SubsetSource, open_source
from metrics.inception_score import inception_score
from metrics.metric_names import NEIGHBOUR_METRICS
from metrics.peers import PEERS, conventions_of

ORACLE = json.loads(Path(__file__).with_name("peers.json").read_text())
METRICS = ("fid", "kid", "inception_score", *sorted(NEIGHBOUR_METRICS))
# torch-fidelity takes roots of a singular product's eigenvalues by a general solver;
# the exact solver on its own features gives our number to 1e-7.
TOLERANCES = {"fid_768": 5e-5, "fid_2048": 5e-5}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.mark.slow
@pytest.mark.parametrize("name", ORACLE["cases"])
def test_evaluate_agrees_with_the_peers(name, shared, inception_weights, cache):
    real, fake = (
        SubsetSource(
            open_source(shared / "data" / "cifar10" / f"{side}.zip"),
            range(ORACLE["images"]),
        )
        for side in ("real_a", name)
    )
    expected = ORACLE["cases"][name]
    found = {}
    for layer in ("64", "192", "768", "2048"):
        options = Options(
            metrics=METRICS if layer == "2048" else ("fid",),
            extractor=f"inception-v3-fid:{layer}",
            weights=inception_weights,
            cache=cache,  # one pass gives every layer
            replicates=0,
        )
        metrics = evaluate(real, fake, options).metrics
        found |= {f"fid_{layer}": metrics.pop("fid")} | metrics

    assert set(expected) <= set(found)
    for key, value in expected.items():
        tolerance = TOLERANCES.get(key, 2e-5)
        assert found[key] == pytest.approx(value, rel=tolerance), key


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
