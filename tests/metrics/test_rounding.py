import dataclasses

import pytest

from metrics.evaluation import evaluate, extract_side
from metrics.extractors import LOGITS, Setup, load_extractor
from metrics.features import Reading, extract_features
from metrics.images import ArraySource
from metrics.options import Options
from metrics.rounding import check_rounding, rounding_shift


def digits_times(*, precision="bf16", features=1.0, logits=1.0):
    """Return the digits network with outputs that some rounding moved."""
    network = load_extractor("digits", Setup())
    seen = []

    def run(images, wanted):
        seen.append(len(images))
        return {
            key: (logits if key == LOGITS else features) * rows
            for key, rows in network.run(images, wanted).items()
        }

    moved = dataclasses.replace(network, settings=f"area {precision}", run=run)
    return moved, seen


@pytest.fixture
def source(make_images):
    return ArraySource("images", make_images(40))


@pytest.fixture
def rounded(monkeypatch):
    """Load a network whose bfloat16 moves features and logits by so much."""
    runs = []

    def use(**factors):
        def load(_name, setup):
            moved = factors if setup.precision == "bf16" else {}
            network, seen = digits_times(precision=setup.precision, **moved)
            runs.append(seen)
            return network

        monkeypatch.setattr("metrics.evaluation.load_extractor", load)
        return runs

    return use


OPTIONS = Options(extractor="digits", precision="bf16", metrics=("fid",), replicates=0)


def test_rounding_shift_is_relative_and_tries_few_images(source):
    (moved, _), (exact, seen) = digits_times(features=1.02), digits_times()
    reading = Reading(batch_size=32)
    features = extract_features(
        source, moved, frozenset({"64", LOGITS}), reading=reading
    )

    shift = rounding_shift(source, features, exact, reading=reading)

    assert shift == pytest.approx({"64": 0.02, LOGITS: 0}, rel=1e-4)
    assert seen == [16]


def test_check_rounding_always_speaks_where_something_is_rounded():
    (found,) = check_rounding({"digits:64": 0.0012}, device="cpu")

    assert found.code == "bfloat16"
    assert "digits:64 by 0.12%" in found.message
    assert check_rounding({}, device="cpu") == []


@pytest.mark.parametrize(("units", "is_slow"), [((), True), (("amx_bf16",), False)])
def test_check_rounding_tells_where_bfloat16_is_slow(monkeypatch, units, is_slow):
    monkeypatch.setattr("metrics.rounding.bfloat16_units", lambda _device: units)

    (found,) = check_rounding({"digits:64": 0.0012}, device="cpu")

    assert found.message.endswith("The cpu here is faster in fp32.") == is_slow


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({"features": 1.001}, {"digits:64": 0.001, "digits:logits": 0}),
        ({"logits": 1.02}, {"digits:64": 0, "digits:logits": 0.02}),
    ],
)
def test_evaluate_warns_once_of_what_bfloat16_really_moves(
    source, rounded, factors, expected
):
    rounded(**factors)

    found = evaluate(source, source, OPTIONS)

    codes = [finding.code for finding in found.warnings]
    assert codes.count("bfloat16") == 1
    assert found.provenance["rounding_shift"] == pytest.approx(expected, rel=1e-3)


def test_evaluate_of_rounded_cached_features_runs_no_network(source, rounded, tmp_path):
    runs = rounded(features=1.01)
    options = dataclasses.replace(OPTIONS, cache=tmp_path / "cache")
    first = evaluate(source, source, options)
    runs.clear()

    again = evaluate(source, source, options)

    assert runs == [[]]
    assert again.provenance["rounding_shift"] == first.provenance["rounding_shift"]
    assert again.warnings == first.warnings


def test_a_network_that_knows_no_bfloat16_is_not_rounded(source):
    options = Options(extractor="digits", precision="bf16")

    _, provenance = extract_side(source, options)

    assert provenance["precision"] == "fp32"
