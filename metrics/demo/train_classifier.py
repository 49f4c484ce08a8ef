"""Train the `digits` network: ``python -m metrics.demo.train_classifier``.

Half a minute on one core. Same seed, same machine: the same bytes. Put the printed
hash into `metrics.digits.WEIGHTS_SHA256`.
"""

import sys

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from metrics.demo.archives import (
    REAL,
    Digits,
    read_archive,
    sha256_of,
    split_real,
    to_grey,
)
from metrics.digits import WEIGHTS_FILE, DigitsNetwork

SEED = 1
N_EPOCHS = 120
BATCH_SIZE = 64
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
MAX_SHIFT = 1.0  # pixels of 8, either direction
MAX_SHEAR = 0.15
MAX_SCALE = 0.1


def to_rgb(digits: Digits) -> Tensor:
    """Return digits as the RGB images that the network takes.

    Parameters
    ----------
    digits : Digits
        The images.

    Returns
    -------
    Tensor of shape (n, 3, 8, 8), uint8
        The grey value in all three channels, in 0..255.
    """
    grey = torch.from_numpy(to_grey(digits.levels))
    return grey.unsqueeze(1).expand(-1, 3, -1, -1)


def jitter(images: Tensor, rng: torch.Generator) -> Tensor:
    """Return images moved, slanted and scaled a little, each its own way.

    Parameters
    ----------
    images : Tensor of shape (n, c, h, w), floating
        Images on a black ground.
    rng : torch.Generator
        Source of the randomness.

    Returns
    -------
    Tensor of shape (n, c, h, w), floating
        Bilinear samples; what moves in from outside is black.
    """
    n, _, height, _ = images.shape
    uniform = torch.rand(n, 2, 3, generator=rng) * 2 - 1
    spread = torch.full((2, 3), MAX_SHEAR)
    spread[:, :2].fill_diagonal_(MAX_SCALE)
    spread[:, 2] = 2 * MAX_SHIFT / height  # the grid runs from -1 to 1
    transform = torch.eye(2, 3) + uniform * spread
    grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False).clamp(0, 1)


def train(digits: Digits, *, n_epochs: int, seed: int) -> DigitsNetwork:
    """Return a network trained on `digits`, in eval mode.

    Plain cross-entropy, without label smoothing: smoothed classes would hold the
    Inception Score of the real digits at 7 instead of close to 10.

    Parameters
    ----------
    digits : Digits
        The training part.
    n_epochs : int
        Passes over it.
    seed : int
        Fixes initial weights, order, jitter and dropout; torch's global generator is
        left as it was.

    Returns
    -------
    DigitsNetwork
        Parameters in float32, on the CPU.
    """
    images = to_rgb(digits).float() / 255
    labels = torch.from_numpy(digits.labels)
    with torch.random.fork_rng(devices=[]):
        rng = torch.manual_seed(seed)
        network = DigitsNetwork()
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        n_batches = len(labels) // BATCH_SIZE
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, total_steps=n_epochs * n_batches
        )
        for _ in range(n_epochs):
            order = torch.randperm(len(labels), generator=rng)
            for batch in torch.split(order[: n_batches * BATCH_SIZE], BATCH_SIZE):
                _, logits = network(jitter(images[batch], rng))
                loss = functional.cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
    return network.eval()


def accuracy(network: nn.Module, digits: Digits) -> float:
    """Return the share of digits that the network names rightly.

    Parameters
    ----------
    network : nn.Module
        Gives (features, logits), in eval mode.
    digits : Digits
        Images with their true labels.

    Returns
    -------
    float
        In 0..1.
    """
    with torch.inference_mode():
        _, logits = network(to_rgb(digits))
    return float(np.mean(logits.argmax(1).numpy() == digits.labels))


def main() -> None:
    """Train, write the weights, print accuracy and hash."""
    torch.set_num_threads(1)  # the order of sums depends on the number of threads
    training, test = split_real(read_archive(REAL))
    network = train(training, n_epochs=N_EPOCHS, seed=SEED)
    np.savez(WEIGHTS_FILE, **{k: v.numpy() for k, v in network.state_dict().items()})
    sys.stdout.write(
        f"accuracy on {len(test.labels)} test digits: {accuracy(network, test):.1%}\n"
        f"accuracy on training digits: {accuracy(network, training):.1%}\n"
        f"{WEIGHTS_FILE.stat().st_size:,} bytes  sha256 {sha256_of(WEIGHTS_FILE)}\n"
    )


if __name__ == "__main__":
    main()
