import dataclasses

import pytest

from metrics.evaluation import evaluate, extract_side
from metrics.extractors import Setup, load_extractor
from metrics.features import Reading
from metrics.images import ArraySource
from metrics.options import Options
from metrics.rounding import check_rounding, rounding_shift


def digits_times(factor, *, precision="bf16"):
    """Return the digits network with features that some rounding moved."""
    network = load_extractor("digits", Setup())
    seen = []

    def run(images, wanted):
        seen.append(len(images))
        return {key: factor * rows for key, rows in network.run(images, wanted).items()}

    moved = dataclasses.replace(network, settings=f"area {precision}", run=run)
    return moved, seen


@pytest.fixture
def source(make_images):
    return ArraySource("images", make_images(40))


def test_rounding_shift_is_relative_and_tries_few_images(source):
    (moved, seen), (exact, _) = digits_times(1.02), digits_times(1)

    shift = rounding_shift(
        source, moved, exact, layer="64", reading=Reading(batch_size=32)
    )

    assert shift == pytest.approx(0.02, rel=1e-4)
    assert seen == [16]


def test_check_rounding_speaks_above_half_a_per_cent():
    (found,) = check_rounding(0.012)

    assert found.code == "bfloat16"
    assert "by 1.2%" in found.message
    assert check_rounding(0.004) == []


@pytest.mark.parametrize(("factor", "expected"), [(1.02, 1), (1.001, 0)])
def test_evaluate_warns_once_of_what_bfloat16_really_moves(
    source, monkeypatch, factor, expected
):
    def load(_name, setup):
        scale = factor if setup.precision == "bf16" else 1
        return digits_times(scale, precision=setup.precision)[0]

    monkeypatch.setattr("metrics.evaluation.load_extractor", load)
    options = Options(
        extractor="digits", precision="bf16", metrics=("fid",), replicates=0
    )

    found = evaluate(source, source, options)

    codes = [finding.code for finding in found.warnings]
    assert codes.count("bfloat16") == expected
    assert found.provenance["rounding_shift"] == pytest.approx(factor - 1, rel=1e-3)


def test_a_network_that_knows_no_bfloat16_is_not_rounded(source):
    options = Options(extractor="digits", precision="bf16")

    _, provenance = extract_side(source, options)

    assert provenance["precision"] == "fp32"
