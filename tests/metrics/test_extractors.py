import pytest
import torch

from metrics.errors import MetricsError
from metrics.extractors import (
    EXTRACTORS,
    Setup,
    choose_layer,
    load_extractor,
    load_state,
    parse_name,
)


def test_parse_name_splits_off_the_layer():
    assert parse_name("inception-v3-fid:768") == ("inception-v3-fid", "768")
    assert parse_name("digits") == ("digits", None)
    assert parse_name("torchscript:a:b.pt") == ("torchscript:a:b.pt", None)
    with pytest.raises(MetricsError, match=r"must be one of inception-v3-fid, .*got x"):
        parse_name("x")


def test_choose_layer_takes_the_default_or_a_known_one():
    digits = load_extractor("digits", Setup())

    assert choose_layer(digits, None) == "64"
    assert choose_layer(digits, "logits") == "logits"
    with pytest.raises(MetricsError, match="digits has the layers 64, logits; got 1"):
        choose_layer(digits, "1")


def test_digits_extractor_gives_features_and_logits():
    digits = load_extractor("digits", Setup())
    images = torch.zeros(3, 3, 16, 16, dtype=torch.uint8)

    found = digits.run(digits.prepare(images), frozenset({"64", "logits"}))

    assert {name: tuple(rows.shape) for name, rows in found.items()} == {
        "64": (3, 64),
        "logits": (3, 10),
    }


@pytest.mark.slow
@pytest.mark.parametrize("pixel_range", ["tensorflow", "unit"])
def test_inception_extractor_gives_every_layer(inception_weights, pixel_range):
    setup = Setup(weights=inception_weights, pixel_range=pixel_range)
    extractor = load_extractor("inception-v3-fid", setup)
    images = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)

    inputs = extractor.prepare(images)
    with torch.inference_mode():
        found = extractor.run(inputs, frozenset({*extractor.layers, "logits"}))

    highest = 127 / 128 if pixel_range == "tensorflow" else 1.0
    # float32 weights of a row sum to 1 within a few units in the last place
    torch.testing.assert_close(inputs, torch.full_like(inputs, highest))
    assert inputs.shape == (1, 3, 299, 299)
    assert not extractor.weights_are_published
    assert {name: rows.shape[1] for name, rows in found.items()} == {
        "64": 64,
        "192": 192,
        "768": 768,
        "2048": 2048,
        "spatial": 2023,
        "logits": 1008,
    }


@pytest.mark.parametrize("name", [name for name in EXTRACTORS if name != "digits"])
def test_published_networks_refuse_other_weights(name, tmp_path):
    file = tmp_path / "a.pth"
    torch.save({"x": torch.zeros(1)}, file)

    with pytest.raises(MetricsError, match="the weights are not those of"):
        load_extractor(name, Setup(weights=file))


@pytest.mark.parametrize("content", [b"junk", b""])
def test_load_state_refuses_other_files(tmp_path, content):
    file = tmp_path / "a.pth"
    file.write_bytes(content)

    with pytest.raises(MetricsError, match=r"a\.pth is not a state dict saved by"):
        load_state(file)


def test_load_state_refuses_other_objects(tmp_path):
    torch.save([1, 2], tmp_path / "a.pth")

    with pytest.raises(MetricsError, match="must hold a state dict, got list"):
        load_state(tmp_path / "a.pth")
