"""Train the generator, write its samples: ``python -m metrics.demo.train_generator``.

One to two minutes on one core. Same seed, same machine: the same bytes; another
processor may round a few pixels to the neighbouring level.
"""

import copy
import math
import sys

import numpy as np
import torch
from torch import Tensor

from metrics.demo.archives import (
    DATA,
    MAX_LEVEL,
    REAL,
    Digits,
    read_archive,
    sha256_of,
    split_real,
    write_archive,
)
from metrics.demo.generator import N_PIXELS, VelocityNetwork, draw_latents, generate
from metrics.demo.manifest import Entry, write_manifest

MODEL = "rectified-flow-mlp"
SEED = 1
SAMPLING_SEED = 7
EARLY_STEP = 150
LATE_STEP = 4000
TRUNCATION = 0.5
BATCH_SIZE = 256
LEARNING_RATE = 2e-3
FINAL_LEARNING_RATE = 1e-5
N_WARMUP_STEPS = 200
WEIGHT_DECAY = 1e-2
MAX_GRADIENT_NORM = 1.0
MAX_AVERAGING = 0.999
SPREAD = 0.2  # levels; what is left up to 0.5 forgives errors before rounding


def train(
    digits: Digits, *, checkpoints: tuple[int, ...], n_steps: int, seed: int
) -> dict[int, VelocityNetwork]:
    """Return the network as it stood at each checkpoint, in eval mode.

    Parameters
    ----------
    digits : Digits
        What to learn from.
    checkpoints : tuple of int
        Steps, 1 to n_steps, at which to keep the averaged weights.
    n_steps : int
        Length of the training and of its learning-rate schedule.
    seed : int
        Fixes initial weights, batches, noise and dropout; torch's global generator is
        left as it was.

    Returns
    -------
    dict[int, VelocityNetwork]
        Step to network, weights averaged exponentially over the steps before.

    Notes
    -----
    Levels are spread uniformly by up to `SPREAD` either way before training: the flow
    has a density to learn instead of 17 spikes. Times are logistic-normal, which puts
    the effort where noise and image are hardest to tell apart [1]_.

    References
    ----------
    .. [1] Esser et al., "Scaling rectified flow transformers for high-resolution image
       synthesis", ICML 2024, arXiv:2403.03206.
    """
    images = torch.from_numpy(digits.levels.astype(np.float32)).view(-1, N_PIXELS)
    labels = torch.from_numpy(digits.labels)
    kept: dict[int, VelocityNetwork] = {}
    with torch.random.fork_rng(devices=[]):
        rng = torch.manual_seed(seed)
        network = VelocityNetwork()
        averaged = copy.deepcopy(network).requires_grad_(requires_grad=False).eval()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
        for step in range(1, n_steps + 1):
            batch = torch.randint(len(labels), (BATCH_SIZE,), generator=rng)
            loss = flow_loss(network, images[batch], labels[batch], rng)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, n_steps)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT_NORM)
            optimizer.step()
            average(averaged, network, min(MAX_AVERAGING, (1 + step) / (10 + step)))
            if step in checkpoints:
                kept[step] = copy.deepcopy(averaged)
    return kept


def flow_loss(
    network: VelocityNetwork, levels: Tensor, labels: Tensor, rng: torch.Generator
) -> Tensor:
    """Return the mean squared error of the velocity at random points of the paths.

    Parameters
    ----------
    network : VelocityNetwork
        In training mode.
    levels : Tensor of shape (n, 64), float32
        Images, ink in 0..16.
    labels : Tensor of shape (n,), int64
        Their digits.
    rng : torch.Generator
        Source of noise, times and spread.

    Returns
    -------
    Tensor of shape (), float32
        The loss, in squared units of images in [-1, 1].
    """
    spread = SPREAD * (2 * torch.rand(levels.shape, generator=rng) - 1)
    images = (levels + spread) / (MAX_LEVEL / 2) - 1
    noise = torch.randn(levels.shape, generator=rng)
    times = torch.sigmoid(torch.randn(len(levels), generator=rng))
    points = times[:, None] * images + (1 - times[:, None]) * noise
    error: Tensor = network(points, times, labels) - (images - noise)
    return error.square().mean()


def learning_rate(step: int, n_steps: int) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine.

    Parameters
    ----------
    step : int
        1 to n_steps.
    n_steps : int
        Length of the training.

    Returns
    -------
    float
        At most `LEARNING_RATE` and the final rate together.
    """
    rise = min(1.0, step / N_WARMUP_STEPS)
    fall = (1 + math.cos(math.pi * step / n_steps)) / 2
    return LEARNING_RATE * rise * fall + FINAL_LEARNING_RATE


def average(averaged: VelocityNetwork, network: VelocityNetwork, weight: float) -> None:
    """Move the averaged weights towards the current ones.

    Parameters
    ----------
    averaged : VelocityNetwork
        Changed in place.
    network : VelocityNetwork
        The one in training.
    weight : float
        Share of the old average that stays, in 0..1.
    """
    with torch.no_grad():
        pairs = zip(averaged.parameters(), network.parameters(), strict=True)
        for old, new in pairs:
            old.lerp_(new, 1 - weight)


def write_samples(
    name: str,
    network: VelocityNetwork,
    *,
    step: int,
    truncation: float | None,
    real: Digits,
) -> Entry:
    """Write one archive of samples, as many of each digit as there are real ones.

    Parameters
    ----------
    name : str
        Name of the archive, without the ending.
    network : VelocityNetwork
        The checkpoint.
    step : int
        Its training steps.
    truncation : float or None
        Limit of the latents' components.
    real : Digits
        Gives the labels.

    Returns
    -------
    Entry
        The archive's row of the manifest.
    """
    rng = torch.Generator().manual_seed(SAMPLING_SEED)
    latents = draw_latents(n=len(real.labels), truncation=truncation, rng=rng)
    path = DATA / f"{name}.zip"
    write_archive(path, generate(network, latents=latents, labels=real.labels))
    return Entry(
        file=path.name,
        origin="generated",
        model=MODEL,
        step=step,
        truncation=truncation,
        sampling_seed=SAMPLING_SEED,
        n_samples=len(real.labels),
        sha256=sha256_of(path),
    )


def main() -> None:
    """Train, write the three archives of samples and the manifest of all four."""
    torch.set_num_threads(1)  # the order of sums depends on the number of threads
    real = read_archive(REAL)
    training, _ = split_real(real)
    checkpoints = (EARLY_STEP, LATE_STEP)
    kept = train(training, checkpoints=checkpoints, n_steps=LATE_STEP, seed=SEED)
    entries = [
        Entry(
            file=REAL.name,
            origin="real",
            model="UCI optical digits, test part",
            step=None,
            truncation=None,
            sampling_seed=None,
            n_samples=len(real.labels),
            sha256=sha256_of(REAL),
        )
    ]
    for name, step, truncation in (
        ("early", EARLY_STEP, None),
        ("late", LATE_STEP, None),
        ("late_truncated", LATE_STEP, TRUNCATION),
    ):
        entries.append(
            write_samples(name, kept[step], step=step, truncation=truncation, real=real)
        )
        sys.stdout.write(f"{entries[-1]}\n")
    write_manifest(entries)


if __name__ == "__main__":
    main()
