from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.demo.archives import REAL, read_archive, split_real
from metrics.demo.train_classifier import accuracy, to_rgb
from metrics.digits import N_FEATURES, WEIGHTS_FILE, WEIGHTS_SHA256, load_digits_network


@pytest.fixture(scope="module")
def network():
    return load_digits_network()


@pytest.fixture(scope="module")
def images():
    return to_rgb(read_archive(REAL)).contiguous()[:20]


def test_load_digits_network_gives_a_frozen_network_in_eval_mode(network):
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_load_digits_network_leaves_the_random_generator_alone():
    before = torch.get_rng_state()
    load_digits_network()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_under_a_megabyte_and_not_pickled():
    assert WEIGHTS_FILE.stat().st_size < 2**20
    with np.load(WEIGHTS_FILE, allow_pickle=False) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype("float32")}


def test_load_digits_network_rejects_damaged_weights(tmp_path: Path):
    damaged = tmp_path / "digits.npz"
    content = bytearray(WEIGHTS_FILE.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    expected = (
        rf"^digits.npz must have sha256 {WEIGHTS_SHA256}, got [0-9a-f]{{64}}: "
        r"restore the file from the repository$"
    )
    with pytest.raises(ValueError, match=expected):
        load_digits_network(damaged)


def test_network_reaches_its_stated_accuracy(network):
    _, test = split_real(read_archive(REAL))
    assert accuracy(network, test) == pytest.approx(0.998, abs=1e-9)


def test_forward_gives_features_and_logits(network, images):
    features, logits = network(images)
    assert features.shape == (20, N_FEATURES)
    assert logits.shape == (20, 10)
    assert features.dtype == logits.dtype == torch.float32


def test_forward_takes_floats_in_the_unit_interval(network, images):
    from_bytes, _ = network(images)
    from_floats, _ = network(images.float() / 255)
    assert torch.equal(from_bytes, from_floats)


@pytest.mark.parametrize("factor", [2, 5, 16])
def test_forward_is_the_same_for_repeated_pixels(network, images, factor):
    enlarged = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    # 5e-5 of features up to 20: float32 sums of up to 256 pixels, three layers deep.
    torch.testing.assert_close(
        network(enlarged)[0], network(images)[0], rtol=0, atol=1e-3
    )


def test_forward_does_not_depend_on_the_batch(network, images):
    together, _ = network(images)
    apart = torch.cat([network(image)[0] for image in images.split(1)])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-4)


def test_forward_takes_images_that_are_not_square_and_empty_batches(network, images):
    assert network(images[:, :, :, :5])[1].shape == (20, 10)
    assert network(images[:0])[0].shape == (0, N_FEATURES)


def test_forward_weighs_colours_by_luminance(network):
    colours = torch.eye(3).view(3, 3, 1, 1).expand(3, 3, 8, 8)
    grey = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1, 1).expand(3, 3, 8, 8)
    torch.testing.assert_close(network(colours)[0], network(grey)[0])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 8, 8), r"must have shape \(n, 3, height, width\), got \(2,"),
        (torch.zeros(3, 8, 8), r"must have shape \(n, 3, height, width\), got \(3,"),
        (torch.full((1, 3, 8, 8), 255.0), r"must lie in \[0, 1\], got values from 255"),
        (torch.full((1, 3, 8, 8), torch.nan), r"must lie in \[0, 1\], got values"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.int64), "uint8 or floating, got torch.in"),
    ],
)
def test_forward_rejects_what_is_no_image(network, images, message):
    with pytest.raises(ValueError, match=message):
        network(images)
