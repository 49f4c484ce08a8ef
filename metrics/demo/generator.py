"""A small generator of 8x8 digits: a class-conditional rectified flow.

The network gives the velocity that carries Gaussian noise to an image along a path as
straight as it can be; sampling integrates it from t = 0 to t = 1.

References
----------
.. [1] Liu, Gong and Liu, "Flow straight and fast: learning to generate and transfer
   data with rectified flow", ICLR 2023, arXiv:2209.03003.
.. [2] Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural
   image synthesis", ICLR 2019, arXiv:1809.11096 (the truncation trick, section 3.1).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from metrics.demo.archives import MAX_LEVEL, SIZE, Digits

N_PIXELS = SIZE * SIZE
N_CLASSES = 10
WIDTH = 192
CONDITION_WIDTH = 64
N_BLOCKS = 4
N_FREQUENCIES = 16
MAX_FREQUENCY = 100.0
DROPOUT = 0.1
N_SAMPLING_STEPS = 32


class Block(nn.Module):
    """A residual block whose scale and shift come from time and class.

    Its last layer starts at zero, so an untrained block changes nothing.
    """

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.normalise = nn.LayerNorm(WIDTH)
        self.inner = nn.Linear(WIDTH, WIDTH)
        self.outer = nn.Linear(WIDTH, WIDTH)
        self.modulate = nn.Linear(CONDITION_WIDTH, 2 * WIDTH)
        self.dropout = nn.Dropout(DROPOUT)
        for layer in (self.outer, self.modulate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor, condition: Tensor) -> Tensor:
        """Return the block's output.

        Parameters
        ----------
        hidden : Tensor of shape (n, 192), float32
            Input.
        condition : Tensor of shape (n, 64), float32
            Embedding of time and class.

        Returns
        -------
        Tensor of shape (n, 192), float32
            Input plus what the block adds.
        """
        scale, shift = self.modulate(condition).chunk(2, dim=1)
        inner = self.inner(self.normalise(hidden) * (1 + scale) + shift)
        added: Tensor = self.outer(self.dropout(functional.silu(inner)))
        return hidden + added


class VelocityNetwork(nn.Module):
    """The velocity of a flow from noise to digits: 426,000 parameters."""

    def __init__(self) -> None:
        """Make the layers, with torch's default initial weights."""
        super().__init__()
        self.to_hidden = nn.Linear(N_PIXELS, WIDTH)
        self.embed_class = nn.Embedding(N_CLASSES, CONDITION_WIDTH)
        self.embed_time = nn.Linear(2 * N_FREQUENCIES, CONDITION_WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(N_BLOCKS))
        self.normalise = nn.LayerNorm(WIDTH)
        self.to_image = nn.Linear(WIDTH, N_PIXELS)
        exponents = torch.linspace(0, math.log(MAX_FREQUENCY), N_FREQUENCIES)
        self.frequencies: Tensor
        self.register_buffer("frequencies", torch.exp(exponents))

    def forward(self, points: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return the velocity at points of the paths.

        Parameters
        ----------
        points : Tensor of shape (n, 64), float32
            Images in [-1, 1] mixed with noise.
        times : Tensor of shape (n,), float32
            0 for noise to 1 for image.
        labels : Tensor of shape (n,), int64
            The digits to draw.

        Returns
        -------
        Tensor of shape (n, 64), float32
            Expected image minus noise.

        Notes
        -----
        The last layer gives the expected image, which lies near few shapes, not the
        velocity, which is as wide as the noise [1]_: pixels that are always empty stay
        so. Close to t = 1 the division stops at the length of a sampling step.

        References
        ----------
        .. [1] Li and He, "Back to basics: let denoising generative models denoise"
           (2025), arXiv:2511.13720.
        """
        angles = times[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], dim=1)
        condition = functional.silu(self.embed_class(labels) + self.embed_time(waves))
        hidden = self.to_hidden(points)
        for block in self.blocks:
            hidden = block(hidden, condition)
        images: Tensor = self.to_image(self.normalise(hidden))
        left = (1 - times[:, None]).clamp(min=1 / N_SAMPLING_STEPS)
        return (images - points) / left


def draw_latents(*, n: int, truncation: float | None, rng: torch.Generator) -> Tensor:
    """Return latents of the generator, truncated if asked.

    Parameters
    ----------
    n : int
        How many.
    truncation : float or None
        Components beyond this distance from 0 are drawn again until within it; None
        keeps the normal distribution whole.
    rng : torch.Generator
        Source of the randomness.

    Returns
    -------
    Tensor of shape (n, 64), float32
        Independent standard normal components, truncated.

    Raises
    ------
    ValueError
        If the truncation is not positive.
    """
    if truncation is not None and not truncation > 0:
        raise ValueError(f"truncation must be positive, got {truncation}")
    latents = torch.randn(n, N_PIXELS, generator=rng)
    if truncation is not None:
        while (outside := latents.abs() > truncation).any():
            latents[outside] = torch.randn(int(outside.sum()), generator=rng)
    return latents


def generate(
    network: VelocityNetwork, *, latents: Tensor, labels: NDArray[np.int64]
) -> Digits:
    """Return the digits that latents and labels stand for.

    Parameters
    ----------
    network : VelocityNetwork
        In eval mode.
    latents : Tensor of shape (n, 64), float32
        From `draw_latents`.
    labels : NDArray[np.int64] of shape (n,)
        The digits to draw.

    Returns
    -------
    Digits
        Rounded to the 17 levels of the real digits, so that no count of grey values
        tells them apart.

    Notes
    -----
    Heun's method, 32 equal steps; the last is Euler's, which ends on the image that
    the network expects.
    """
    classes = torch.from_numpy(labels)
    points = latents
    step = 1 / N_SAMPLING_STEPS
    with torch.inference_mode():
        for i in range(N_SAMPLING_STEPS):
            start = torch.full_like(points[:, 0], i * step)
            velocity = network(points, start, classes)
            if i < N_SAMPLING_STEPS - 1:
                end = network(points + step * velocity, start + step, classes)
                velocity = (velocity + end) / 2
            points = points + step * velocity
        levels = ((points + 1) * (MAX_LEVEL / 2)).round().clamp(0, MAX_LEVEL)
    return Digits(levels.to(torch.uint8).view(-1, SIZE, SIZE).numpy(), labels)
