"""A domain's own network, as TorchScript or ONNX, with a description beside it.

Beside ``NET.pt`` or ``NET.onnx`` stands ``NET.pt.json`` or ``NET.onnx.json``::

    {"input_size": [224, 224], "mean": [0.5, 0.5, 0.5], "deviation": [0.25, 0.25, 0.25],
     "outputs": ["features", "logits"]}

Pixels come in as (value / 255 - mean) / deviation, of shape (n, 3, height, width).
``outputs`` names what the network returns, in order; ``features`` must be among them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metrics.errors import MetricsError
from metrics.extractors import LOGITS, Extractor, Setup
from metrics.memory import is_out_of_memory
from metrics.resize import resize_images
from metrics.torchvision_ops import declare_missing_operators
from metrics.weights import sha256_of

FEATURES = "features"

_KEYS = frozenset({"input_size", "mean", "deviation", "outputs"})
_OUTPUTS = (FEATURES, LOGITS)
_N_COLOURS = 3
_MAX_SIDE = 4096

Network = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class Description:
    """What a network expects and returns.

    Attributes
    ----------
    input_size : tuple of int
        (height, width) in pixels.
    mean, deviation : tuple of float
        Per colour, for values from 0 to 1.
    outputs : tuple of str
        ``features``, and ``logits`` where the network has them.
    """

    input_size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    outputs: tuple[str, ...]


def load_custom(kind: str, file: Path, setup: Setup) -> Extractor:
    """Return a network of the caller's own.

    Parameters
    ----------
    kind : {"torchscript", "onnx"}
        Its format.
    file : Path
        The network; its description stands beside it.
    setup : Setup
        How it is to run; always in float32.

    Returns
    -------
    Extractor
        The network, tried out on one gray image.

    Raises
    ------
    MetricsError
        If file or description are missing or wrong, or the network does not return
        what the description says.
    """
    if not file.is_file():
        raise MetricsError(f"the network {file} does not exist")
    if setup.precision != "fp32":
        raise MetricsError(f"{file} runs in fp32 only; leave out --precision")
    about = read_description(file)
    network = _LOADERS[kind](file, setup.device)
    mean = torch.tensor(about.mean, device=setup.device).view(1, -1, 1, 1)
    deviation = torch.tensor(about.deviation, device=setup.device).view(1, -1, 1, 1)

    def prepare(images: Tensor) -> Tensor:
        x = resize_images(images, size=about.input_size, method=setup.resize)
        return x.div_(255).sub_(mean).div_(deviation).contiguous()

    def run(x: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        found = _outputs(network, x, about, file)
        return {name: found[name].float() for name in wanted}

    gray = torch.full((2, 3, *about.input_size), 128, dtype=torch.uint8)
    with torch.inference_mode():
        tried = _outputs(network, prepare(gray.to(setup.device)), about, file)
    sizes = {name: int(values.shape[1]) for name, values in tried.items()}
    return Extractor(
        name=f"{kind}:{file.name}",
        layers={FEATURES: sizes[FEATURES]},
        n_classes=sizes.get(LOGITS),
        default_layer=FEATURES,
        weights_sha256=sha256_of(file),
        weights_are_published=True,  # nobody publishes another version of it
        settings=f"{setup.resize} fp32 {json.dumps(about.__dict__)}",
        input_size=about.input_size,
        device=setup.device,
        prepare=prepare,
        run=run,
    )


def read_description(file: Path) -> Description:
    """Return the description that stands beside a network.

    Parameters
    ----------
    file : Path
        The network.

    Returns
    -------
    Description
        Checked.

    Raises
    ------
    MetricsError
        If it is missing or an entry is out of range.
    """
    beside = file.with_name(f"{file.name}.json")
    example = (
        '{"input_size": [224, 224], "mean": [0.5, 0.5, 0.5], '
        '"deviation": [0.5, 0.5, 0.5], "outputs": ["features", "logits"]}'
    )
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MetricsError(f"describe the network in {beside}: {example}") from None
    except ValueError:
        raise MetricsError(f"{beside} is not JSON; write {example}") from None
    if not isinstance(found, dict) or set(found) != _KEYS:
        raise MetricsError(f"{beside} must have the entries of {example}")
    return _checked(found, beside, example)


def _checked(found: dict[str, Any], beside: Path, example: str) -> Description:
    size, outputs = found["input_size"], found["outputs"]
    sizes_fit = (
        isinstance(size, list)
        and len(size) == 2  # noqa: PLR2004 - height and width
        and all(isinstance(side, int) and 0 < side <= _MAX_SIDE for side in size)
    )
    colours_fit = all(
        isinstance(found[key], list)
        and len(found[key]) == _N_COLOURS
        and all(isinstance(value, int | float) for value in found[key])
        for key in ("mean", "deviation")
    )
    outputs_fit = (
        isinstance(outputs, list)
        and FEATURES in outputs
        and set(outputs) <= {*_OUTPUTS}
    )
    if not (sizes_fit and colours_fit and outputs_fit and all(found["deviation"])):
        raise MetricsError(f"{beside} has an entry out of range; compare {example}")
    return Description(
        (size[0], size[1]),
        tuple(found["mean"]),
        tuple(found["deviation"]),
        tuple(outputs),
    )


def _outputs(
    network: Network, inputs: Tensor, about: Description, file: Path
) -> dict[str, Tensor]:
    """Return the named outputs of a stranger's network once their shapes fit."""
    try:
        outputs = list(network(inputs))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        last = str(error).strip().splitlines()[-1:]
        raise MetricsError(
            f"{file} fails on images of shape {tuple(inputs.shape)}: "
            f"{' '.join(last) or type(error).__name__}"
        ) from None
    shapes = [tuple(output.shape) for output in outputs]
    fits = len(outputs) == len(about.outputs) and all(
        len(shape) == 2 and shape[0] == len(inputs)  # noqa: PLR2004 - images, values
        for shape in shapes
    )
    if not fits:
        raise MetricsError(
            f"{file} must return {' and '.join(about.outputs)} of shape (n, d) each, "
            f"got {shapes} for n = {len(inputs)}"
        )
    return dict(zip(about.outputs, outputs, strict=True))


def _load_torchscript(file: Path, device: str) -> Network:
    declare_missing_operators()
    try:
        module = torch.jit.load(  # type: ignore[no-untyped-call]
            str(file), map_location=device
        ).eval()
    except (RuntimeError, ValueError, OSError):
        raise MetricsError(
            f"{file} is not a TorchScript network; save it with torch.jit.save"
        ) from None

    def network(x: Tensor) -> Sequence[Tensor]:
        found = module(x)
        return (found,) if isinstance(found, Tensor) else tuple(found)

    return network


def _load_onnx(file: Path, device: str) -> Network:
    try:
        import onnxruntime  # noqa: PLC0415 - optional, and heavy
    except ImportError:
        raise MetricsError(
            "ONNX networks need the package onnxruntime; install it, or export the "
            "network as TorchScript"
        ) from None
    providers = ["CPUExecutionProvider"]
    if device.startswith("cuda"):
        providers.insert(0, "CUDAExecutionProvider")
    try:
        session = onnxruntime.InferenceSession(str(file), providers=providers)
    except Exception:  # noqa: BLE001 - its errors share no base class
        raise MetricsError(f"{file} is not an ONNX network that can be run") from None
    name = session.get_inputs()[0].name

    def network(x: Tensor) -> Sequence[Tensor]:
        outputs = session.run(None, {name: x.cpu().numpy().astype(np.float32)})
        return tuple(torch.from_numpy(np.asarray(output)) for output in outputs)

    return network


_LOADERS: dict[str, Callable[[Path, str], Network]] = {
    "torchscript": _load_torchscript,
    "onnx": _load_onnx,
}
