"""What an evaluation is asked to do."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import torch

from metrics.conventions import PUBLISHED, Conventions
from metrics.errors import MetricsError
from metrics.extractors import Precision
from metrics.resize import Resize

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Options:
    """What to evaluate and how; the defaults are the published conventions.

    Attributes
    ----------
    metrics : tuple of str or "all"
        Names of metrics.
    extractor : str
        The network, with a layer where another than its default is wanted.
    weights : Path, mapping of str to Path, or None
        A file for the main network, or files by network; None for published weights.
    resize : str or None
        How images come to the network's size; None for that of `conventions`.
    device : {"auto", "cpu", "cuda"}
        Where networks run; ``auto`` takes a GPU if there is one.
    precision : {"fp32", "bf16"}
        Arithmetic of the networks.
    batch_size : int
        Images a step.
    limit : int or None
        Images a side at most, drawn at random by `seed`.
    seed : int
        Seed of every draw.
    cache : Path or None
        Folder of features; None keeps nothing.
    workers : int
        Threads that decode.
    skip_broken : bool
        Leave out images that cannot be used, and list them.
    conventions : Conventions
        The settings on which libraries differ.
    replicates : int
        Resamples behind an interval; 0 for no intervals.
    """

    metrics: tuple[str, ...] | Literal["all"] = "all"
    extractor: str = "inception-v3-fid"
    weights: Path | Mapping[str, Path] | None = None
    resize: Resize | None = None
    device: Device | str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 32
    limit: int | None = None
    seed: int = 0
    cache: Path | None = None
    workers: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    skip_broken: bool = False
    conventions: Conventions = PUBLISHED
    replicates: int = 200


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is.

    Attributes
    ----------
    stage : str
        What is being done: ``real images``, ``generated images``, or a metric.
    done, total : int
        Steps of this stage.
    """

    stage: str
    done: int
    total: int


def choose_device(device: str) -> str:
    """Return the device that networks run on.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns
    -------
    str
        ``cpu`` or a ``cuda`` device.

    Raises
    ------
    MetricsError
        If a GPU is asked for and torch sees none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    named = re.fullmatch(r"cuda(?::(\d+))?", device)
    if named is None:
        raise MetricsError(
            f"the device must be auto, cpu, cuda or cuda:N, got {device}"
        )
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(named[1] or 0) >= n_devices:
        raise MetricsError(
            f"torch sees {n_devices or 'no'} CUDA devices, so there is no {device}; "
            "use --device cpu"
        )
    return device


def check_options(options: Options) -> None:
    """Raise unless every option is in its range.

    Parameters
    ----------
    options : Options
        As given by the caller.

    Raises
    ------
    MetricsError
        Which option must be what, and what came.
    """
    if options.precision not in get_args(Precision):
        known = " or ".join(get_args(Precision))
        raise MetricsError(f"the precision must be {known}, got {options.precision}")
    for name, least in (
        ("batch_size", 1),
        ("workers", 1),
        ("seed", 0),
        ("replicates", 0),
    ):
        value = getattr(options, name)
        if value < least:
            raise MetricsError(f"{name} must be {least} or more, got {value}")
    if options.limit is not None and options.limit < 2:  # noqa: PLR2004
        raise MetricsError(f"the limit must be 2 or more images, got {options.limit}")
