"""Resize images exactly as the published conventions do, as small matrix products.

Every convention here is linear and separable, so an image is resized by one matrix for
its rows and one for its columns. That makes TensorFlow's grid and Pillow's bicubic
filter one fast piece of code, on any device, that treats every batch alike.
"""

import math
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Resize = Literal["legacy", "clean", "pytorch", "antialias"]
RESIZES: tuple[Resize, ...] = get_args(Resize)

_BICUBIC_A = -0.5  # the constant of Pillow's bicubic filter
_CLIPPED = frozenset({"clean"})  # a bicubic filter overshoots; clean-fid clips


def resize_images(images: Tensor, *, size: tuple[int, int], method: Resize) -> Tensor:
    """Return images of one size resized by a named convention.

    Parameters
    ----------
    images : Tensor of shape (n, 3, height, width), uint8 or floating
        Values from 0 to 255.
    size : tuple of int
        Wanted (height, width).
    method : {"legacy", "clean", "pytorch", "antialias"}
        ``legacy``: TensorFlow 1 bilinear, source = destination x scale, no half-pixel
        centre, no antialias. ``clean``: Pillow's bicubic with antialias, clipped to
        0..255, not rounded. ``pytorch``: bilinear with half-pixel centres, no
        antialias. ``antialias``: the same with antialias.

    Returns
    -------
    Tensor of shape (n, 3, *size), float32
        Values from 0 to 255, not rounded; contiguous in channels-last order.

    Raises
    ------
    ValueError
        If the shape is not (n, 3, height, width).

    References
    ----------
    .. [1] Parmar, Zhang and Zhu, "On aliased resizing and surprising subtleties in GAN
       evaluation", CVPR (2022).
    """
    if images.ndim != 4:  # noqa: PLR2004
        raise ValueError(f"images must be (n, 3, height, width), got {images.shape}")
    height, width = images.shape[-2:]
    rows, row_weights = _on(images.device, height, size[0], method)
    columns, column_weights = _on(images.device, width, size[1], method)
    # Only the pixels that carry weight take part: 598 of a row's 1,024, say.
    used = images if rows is None else images.index_select(2, rows)
    used = used if columns is None else used.index_select(3, columns)
    planes = used.to(torch.float32).contiguous().flatten(0, 1)
    down = torch.matmul(row_weights, planes)
    resized = torch.matmul(down.flatten(0, 1), column_weights.T)
    resized = resized.view(*images.shape[:2], *size)
    if method in _CLIPPED:
        resized = resized.clamp_(0, 255)
    return resized.contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=64)
def resize_matrix(source: int, target: int, method: Resize) -> NDArray[np.float64]:
    """Return the weights that resize one axis.

    Parameters
    ----------
    source, target : int
        Numbers of pixels before and after, at least 1.
    method : {"legacy", "clean", "pytorch", "antialias"}
        As in `resize_images`.

    Returns
    -------
    NDArray of float64, shape (target, source)
        Rows that sum to 1.

    References
    ----------
    .. [1] Pillow, ``src/libImaging/Resample.c``: support, centre and normalisation of
       the filters; Keys, "Cubic convolution interpolation for digital image
       processing", IEEE TASSP 29 (1981), with a = -0.5.
    """
    if method == "legacy":
        return _bilinear(source, target, offset=0.0)
    if method == "pytorch":
        return _bilinear(source, target, offset=0.5)
    return _filtered(source, target, cubic=method == "clean")


@lru_cache(maxsize=64)
def _on(
    device: torch.device, source: int, target: int, method: Resize
) -> tuple[Tensor | None, Tensor]:
    """Return which pixels of an axis carry weight (None for all), and their weights."""
    matrix = resize_matrix(source, target, method)
    used = np.flatnonzero(matrix.any(axis=0))
    indices = None
    if len(used) < source:
        matrix = matrix[:, used]
        indices = torch.from_numpy(used).to(device)
    return indices, torch.from_numpy(matrix.astype(np.float32)).to(device)


def _bilinear(source: int, target: int, *, offset: float) -> NDArray[np.float64]:
    # TensorFlow and PyTorch place the grid in float32; so must we, for wide images.
    scale = np.float32(source) / np.float32(target)
    positions = np.arange(target, dtype=np.float32)
    shift = np.float32(offset)
    positions = np.maximum((positions + shift) * scale - shift, np.float32(0))
    low = np.minimum(np.floor(positions).astype(np.int64), source - 1)
    high = np.minimum(low + 1, source - 1)
    fraction = (positions - low).astype(np.float64)
    matrix = np.zeros((target, source))
    np.add.at(matrix, (np.arange(target), low), 1 - fraction)
    np.add.at(matrix, (np.arange(target), high), fraction)
    return matrix


def _filtered(source: int, target: int, *, cubic: bool) -> NDArray[np.float64]:
    scale = source / target
    filter_scale = max(scale, 1.0)
    support = (2.0 if cubic else 1.0) * filter_scale
    weight = _cubic_weight if cubic else _triangle_weight
    matrix = np.zeros((target, source))
    for row in range(target):
        centre = (row + 0.5) * scale
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), source)
        weights = [
            weight((column - centre + 0.5) / filter_scale)
            for column in range(first, last)
        ]
        matrix[row, first:last] = np.array(weights) / math.fsum(weights)
    return matrix


def _cubic_weight(x: float) -> float:
    x = abs(x)
    if x < 1:
        return ((_BICUBIC_A + 2) * x - (_BICUBIC_A + 3)) * x * x + 1
    if x < 2:  # noqa: PLR2004 - the filter's half width
        return (((x - 5) * x + 8) * x - 4) * _BICUBIC_A
    return 0.0


def _triangle_weight(x: float) -> float:
    return max(1.0 - abs(x), 0.0)
