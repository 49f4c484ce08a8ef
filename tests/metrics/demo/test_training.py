import numpy as np
import pytest
import torch

from metrics.demo import train_classifier, train_generator
from metrics.demo.archives import REAL, read_archive, split_real
from metrics.demo.generator import draw_latents, generate


@pytest.fixture(autouse=True, scope="module")
def one_thread():  # as the scripts do; several only wait for each other at this size
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def few():
    return read_archive(REAL).select(np.arange(128))


def assert_same(first, second):
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def weights(network):
    return torch.cat([p.flatten() for p in network.parameters()])


def test_classifier_training_repeats_for_a_seed(few):
    first, second, other = (
        train_classifier.train(few, n_epochs=1, seed=seed) for seed in (3, 3, 4)
    )
    assert_same(first, second)
    assert not torch.equal(weights(first), weights(other))


def test_generator_training_repeats_for_a_seed(few):
    first, second, other = (
        train_generator.train(few, checkpoints=(1, 3), n_steps=3, seed=seed)
        for seed in (3, 3, 4)
    )
    assert list(first) == [1, 3]
    assert_same(first[3], second[3])
    assert not torch.equal(weights(first[3]), weights(other[3]))
    assert not torch.equal(weights(first[1]), weights(first[3]))


def test_training_leaves_the_random_generator_alone(few):
    before = torch.get_rng_state()
    train_generator.train(few, checkpoints=(), n_steps=1, seed=3)
    train_classifier.train(few, n_epochs=1, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_learning_rate_rises_then_falls():
    rates = [train_generator.learning_rate(step, 6000) for step in (1, 200, 3000, 6000)]
    # Worked by hand: 2e-3 * rise * (1 + cos(pi * step / 6000)) / 2 + 1e-5.
    assert rates == pytest.approx([2.0e-5, 2.00452e-3, 1.01e-3, 1.0e-5], rel=1e-5)


def test_draw_latents_is_normal_or_within_the_truncation():
    whole = draw_latents(n=500, truncation=None, rng=torch.Generator().manual_seed(1))
    cut = draw_latents(n=500, truncation=0.5, rng=torch.Generator().manual_seed(1))
    assert whole.shape == cut.shape == (500, 64)
    # 32,000 draws: a standard error of 0.004 for the normal, 0.001 for the truncated.
    assert whole.std().item() == pytest.approx(1, abs=0.02)
    assert cut.abs().max() <= 0.5
    assert cut.std().item() == pytest.approx(0.2840, abs=0.005)
    inside = whole.abs() <= 0.5
    assert torch.equal(cut[inside], whole[inside])  # only what is outside is redrawn


@pytest.mark.parametrize("truncation", [0.0, -1.0, float("nan")])
def test_draw_latents_rejects_a_truncation_that_is_not_positive(truncation):
    with pytest.raises(ValueError, match=r"truncation must be positive, got"):
        draw_latents(n=1, truncation=truncation, rng=torch.Generator())


def test_generate_gives_levels_of_the_real_digits(few):
    network = train_generator.train(few, checkpoints=(2,), n_steps=2, seed=3)[2]
    latents = draw_latents(n=9, truncation=None, rng=torch.Generator().manual_seed(1))
    digits = generate(network, latents=latents, labels=np.arange(9))
    assert digits.levels.shape == (9, 8, 8)
    assert digits.levels.dtype == np.uint8
    assert digits.levels.max() <= 16
    assert digits.labels.tolist() == list(range(9))


@pytest.mark.slow
def test_classifier_learns_within_a_few_epochs():
    training, test = split_real(read_archive(REAL))
    network = train_classifier.train(training, n_epochs=8, seed=1)
    assert train_classifier.accuracy(network, test) > 0.95
