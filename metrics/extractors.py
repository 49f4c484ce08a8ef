"""The networks that turn images into features, by name.

An extractor takes batches of 8-bit images of one size and gives any of its layers in
one pass. Names may carry a layer: ``inception-v3-fid:768``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from metrics.digits import N_FEATURES as N_DIGITS_FEATURES
from metrics.digits import WEIGHTS_SHA256 as DIGITS_SHA256
from metrics.digits import load_digits_network
from metrics.errors import MetricsError
from metrics.inception import (
    FID_INCEPTION,
    IMAGENET_INCEPTION,
    InceptionV3,
    InceptionVariant,
)
from metrics.resize import Resize, resize_images
from metrics.vgg import N_FEATURES as N_VGG_FEATURES
from metrics.vgg import Vgg16
from metrics.weights import WeightsFile, find_weights

Precision = Literal["fp32", "bf16"]
PixelRange = Literal["tensorflow", "unit"]

LOGITS = "logits"

_INCEPTION_LAYERS = {
    **{name: int(name) for name in ("64", "192", "768", "2048")},
    "spatial": 2023,
}
_INCEPTION_SIZE = (299, 299)
_VGG_SIZE = (224, 224)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Setup:
    """How an extractor is to run.

    Attributes
    ----------
    weights : Path or None
        The caller's file of weights; None for the published ones.
    resize : {"legacy", "clean", "pytorch", "antialias"}
        How images come to the network's size; see `metrics.resize`.
    device : str
        Where to run, as torch names it: ``cpu``, ``cuda``, ``cuda:1``.
    precision : {"fp32", "bf16"}
        Arithmetic of the network.
    pixel_range : {"tensorflow", "unit"}
        Inception's input: (x - 128) / 128, or 2 x / 255 - 1 as pytorch-fid has it.
    """

    weights: Path | None = None
    resize: Resize = "legacy"
    device: str = "cpu"
    precision: Precision = "fp32"
    pixel_range: PixelRange = "tensorflow"


@dataclass(frozen=True)
class Extractor:
    """A network ready to run.

    Attributes
    ----------
    name : str
        Its name without a layer.
    layers : mapping of str to int
        Dimension of each layer of features.
    n_classes : int or None
        Columns of its logits; None where it has none.
    default_layer : str
        The layer that a name without one means.
    weights_sha256 : str
        The hash of its weights.
    weights_are_published : bool
        Whether that hash is the pinned one.
    settings : str
        Everything else that features depend on, for the cache and the provenance.
    input_size : tuple of int or None
        The (height, width) images are resized to; None where the network takes any.
    device : str
        Where it runs.
    prepare : callable
        From uint8 images (n, 3, height, width) of one size on the device to the
        network's input, resized and normalised.
    run : callable
        ``run(inputs, wanted)``: prepared images and the wanted layers; returns a
        float32 tensor (n, d) per layer.
    """

    name: str
    layers: Mapping[str, int]
    n_classes: int | None
    default_layer: str
    weights_sha256: str
    weights_are_published: bool
    settings: str
    input_size: tuple[int, int] | None
    device: str
    prepare: Callable[[Tensor], Tensor]
    run: Callable[[Tensor, frozenset[str]], dict[str, Tensor]]


def parse_name(name: str) -> tuple[str, str | None]:
    """Return an extractor's name and the layer it asks for.

    Parameters
    ----------
    name : str
        ``inception-v3-fid``, ``inception-v3-fid:768``, ``torchscript:FILE``.

    Returns
    -------
    tuple of (str, str or None)
        The name without the layer; None where no layer is asked for.

    Raises
    ------
    MetricsError
        If there is no such extractor.
    """
    if name.startswith(("torchscript:", "onnx:")):
        return name, None
    base, _, layer = name.partition(":")
    if base not in _LOADERS:
        known = ", ".join((*_LOADERS, "torchscript:FILE", "onnx:FILE"))
        raise MetricsError(f"the extractor must be one of {known}; got {name}")
    return base, layer or None


def load_extractor(name: str, setup: Setup) -> Extractor:
    """Return a network ready to run.

    Parameters
    ----------
    name : str
        As in `parse_name`; the layer is not looked at.
    setup : Setup
        How it is to run.

    Returns
    -------
    Extractor
        The network with its weights.

    Raises
    ------
    MetricsError
        If the name is unknown or the weights are missing or of another network.
    """
    base, _ = parse_name(name)
    kind, _, file = base.partition(":")
    if file:
        from metrics.custom_networks import load_custom  # noqa: PLC0415 - one of many

        return load_custom(kind, Path(file), setup)
    return _LOADERS[base](setup)


def choose_layer(extractor: Extractor, layer: str | None) -> str:
    """Return the layer of features to use.

    Parameters
    ----------
    extractor : Extractor
        The network.
    layer : str or None
        The wanted layer; None for the default.

    Returns
    -------
    str
        A key of the extractor's layers, or ``logits``.

    Raises
    ------
    MetricsError
        If the network has no such layer.
    """
    if layer is None:
        return extractor.default_layer
    known = [*extractor.layers, *([LOGITS] if extractor.n_classes else [])]
    if layer not in known:
        raise MetricsError(
            f"{extractor.name} has the layers {', '.join(known)}; got {layer}"
        )
    return layer


def load_state(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a weights file; no code in it is run.

    Parameters
    ----------
    path : Path
        A state dict saved by torch.

    Returns
    -------
    mapping of str to Tensor
        Tensors on the CPU.

    Raises
    ------
    MetricsError
        If the file is not a state dict.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises many kinds on bad files
        reason = type(error).__name__
        raise MetricsError(
            f"{path} is not a state dict saved by torch ({reason}); load it anew"
        ) from None
    if not isinstance(state, Mapping):
        raise MetricsError(f"{path} must hold a state dict, got {type(state).__name__}")
    return state


def _inception(name: str, variant: InceptionVariant, setup: Setup) -> Extractor:
    file = find_weights(name, setup.weights)
    dtype = _DTYPES[setup.precision]
    network = InceptionV3(
        load_state(file.path), variant, device=torch.device(setup.device), dtype=dtype
    )

    def prepare(images: Tensor) -> Tensor:
        x = resize_images(images, size=_INCEPTION_SIZE, method=setup.resize)
        if setup.pixel_range == "tensorflow":
            return x.sub_(128).div_(128)
        return x.mul_(2 / 255).sub_(1)

    return _published(
        name,
        setup,
        file,
        layers=_INCEPTION_LAYERS,
        n_classes=variant.n_classes,
        input_size=_INCEPTION_SIZE,
        prepare=prepare,
        run=network.layers,
    )


def _published(  # noqa: PLR0913 - the parts of one record
    name: str,
    setup: Setup,
    file: WeightsFile,
    *,
    layers: Mapping[str, int],
    n_classes: int | None,
    input_size: tuple[int, int],
    prepare: Callable[[Tensor], Tensor],
    run: Callable[[Tensor, frozenset[str]], dict[str, Tensor]],
) -> Extractor:
    return Extractor(
        name=name,
        layers=layers,
        n_classes=n_classes,
        default_layer="2048" if "2048" in layers else next(iter(layers)),
        weights_sha256=file.sha256,
        weights_are_published=file.is_published,
        settings=f"{setup.resize} {setup.precision} {setup.pixel_range}",
        input_size=input_size,
        device=setup.device,
        prepare=prepare,
        run=run,
    )


def _load_fid_inception(setup: Setup) -> Extractor:
    return _inception("inception-v3-fid", FID_INCEPTION, setup)


def _load_imagenet_inception(setup: Setup) -> Extractor:
    # torchvision's pretrained weights are TensorFlow's: they expect -1..1 as well.
    return _inception("inception-v3-imagenet", IMAGENET_INCEPTION, setup)


def _load_vgg16(setup: Setup) -> Extractor:
    file = find_weights("vgg16-fc2", setup.weights)
    dtype = _DTYPES[setup.precision]
    device = torch.device(setup.device)
    network = Vgg16(load_state(file.path), device=device, dtype=dtype)
    mean = torch.tensor(_IMAGENET_MEAN, device=setup.device).view(1, 3, 1, 1)
    deviation = torch.tensor(_IMAGENET_DEVIATION, device=setup.device).view(1, 3, 1, 1)

    def prepare(images: Tensor) -> Tensor:
        x = resize_images(images, size=_VGG_SIZE, method=setup.resize)
        return x.div_(255).sub_(mean).div_(deviation)

    def run(x: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        return {name: network.fc2(x) for name in wanted}

    return _published(
        "vgg16-fc2",
        setup,
        file,
        layers={"fc2": N_VGG_FEATURES},
        n_classes=None,
        input_size=_VGG_SIZE,
        prepare=prepare,
        run=run,
    )


def _load_digits(setup: Setup) -> Extractor:
    network = load_digits_network().to(setup.device)

    def run(images: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        features, logits = network(images)
        found = {str(N_DIGITS_FEATURES): features, LOGITS: logits}
        return {name: found[name].float() for name in wanted}

    return Extractor(
        name="digits",
        layers={str(N_DIGITS_FEATURES): N_DIGITS_FEATURES},
        n_classes=network.to_logits.out_features,
        default_layer=str(N_DIGITS_FEATURES),
        weights_sha256=DIGITS_SHA256,
        weights_are_published=True,
        settings="area fp32",  # it resizes by itself, and is tiny
        input_size=None,
        device=setup.device,
        prepare=lambda images: images,
        run=run,
    )


_LOADERS: dict[str, Callable[[Setup], Extractor]] = {
    "inception-v3-fid": _load_fid_inception,
    "inception-v3-imagenet": _load_imagenet_inception,
    "vgg16-fc2": _load_vgg16,
    "digits": _load_digits,
}
EXTRACTORS = tuple(_LOADERS)
