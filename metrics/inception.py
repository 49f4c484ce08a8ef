"""The Inception v3 network for inference: folded, fused, all layers in one pass.

Batch normalisation is folded into the convolutions, the ReLU is part of them, and the
average pool of a pool branch comes after its 1x1 convolution, with which it commutes,
on an eighth of the channels. The numbers stay those of the published network up to
rounding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from metrics.errors import MetricsError

BATCH_NORM_EPSILON = 1e-3
SPATIAL_CHANNELS = 7

_BLOCKS_A = ("Mixed_5b", "Mixed_5c", "Mixed_5d")
_BLOCKS_C = ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
_BLOCKS_E = ("Mixed_7b", "Mixed_7c")
_STRIDED = frozenset(
    {"Conv2d_1a_3x3", "Mixed_6a.branch3x3", "Mixed_6a.branch3x3dbl_3"}
    | {"Mixed_7a.branch3x3_2", "Mixed_7a.branch7x7x3_4"}
)
_HAS_FUSED_RELU = hasattr(torch.ops.mkldnn, "_convolution_pointwise")
_UNPADDED = _STRIDED | {"Conv2d_2a_3x3", "Conv2d_4a_3x3"}


@dataclass(frozen=True)
class InceptionVariant:
    """What tells one published Inception v3 from another.

    Attributes
    ----------
    n_classes : int
        Rows of the last layer.
    pool_counts_padding : bool
        Whether average pooling divides by nine at the border as well.
    last_pool : {"max", "average"}
        The pool branch of the last mixed block.
    """

    n_classes: int
    pool_counts_padding: bool
    last_pool: Literal["max", "average"]


FID_INCEPTION = InceptionVariant(
    n_classes=1008, pool_counts_padding=False, last_pool="max"
)
IMAGENET_INCEPTION = InceptionVariant(
    n_classes=1000, pool_counts_padding=True, last_pool="average"
)


@dataclass(frozen=True)
class _Convolution:
    weight: Tensor
    bias: Tensor
    stride: int
    padding: tuple[int, int]

    def __call__(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and _can_fuse(x.dtype):
            # The same convolution, whose ReLU costs no second pass over memory.
            fused: Tensor = torch.ops.mkldnn._convolution_pointwise(  # noqa: SLF001
                x,
                self.weight,
                self.bias,
                self.padding,
                (self.stride, self.stride),
                (1, 1),
                1,
                "relu",
                [],
                "",
            )
            return fused
        y = functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return y.relu_()


def _can_fuse(dtype: torch.dtype) -> bool:
    """Return whether oneDNN runs the fused convolution: not bfloat16 everywhere."""
    if not _HAS_FUSED_RELU:
        return False
    if dtype != torch.bfloat16:
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001


class InceptionV3:
    """Inception v3 in inference, from a state dict.

    Parameters
    ----------
    state : mapping of str to Tensor
        The published tensors, float32.
    variant : InceptionVariant
        Which network they belong to.
    device : torch.device
        Where to run.
    dtype : torch.dtype
        ``float32`` or ``bfloat16``.

    Raises
    ------
    MetricsError
        If a tensor is missing or has another shape.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        variant: InceptionVariant,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.variant = variant
        self._device, self._dtype = device, dtype
        check_state(state, variant)
        folded = fold_batch_norms(state)
        # Logits without bias: the score compares classes by their weights alone.
        self._final = state["fc.weight"].float().to(device)
        self._convolutions = {
            name: _Convolution(
                self._weight(weight),
                bias.to(device, dtype),
                2 if name in _STRIDED else 1,
                (0, 0) if name in _UNPADDED else _same_padding(weight),
            )
            for name, (weight, bias) in folded.items()
        }

    def layers(self, x: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
        """Return the wanted layers of a batch in one pass.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 299, 299)
            Images as the network was trained on them.
        wanted : frozenset of str
            Of ``64``, ``192``, ``768``, ``2048``, ``logits`` (without bias) and
            ``spatial`` (the first seven channels of mixed_6/conv, 2023 values).

        Returns
        -------
        dict of str to Tensor
            Per layer an (n, d) tensor, float32. 64, 192 and 768 are means over space.
        """
        found: dict[str, Tensor] = {}
        x = x.to(self._dtype).contiguous(memory_format=torch.channels_last)
        for name in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"):
            x = self._convolutions[name](x)
        x = functional.max_pool2d(x, 3, 2)
        found["64"] = _mean(x)
        x = self._convolutions["Conv2d_3b_1x1"](x)
        x = self._convolutions["Conv2d_4a_3x3"](x)
        x = functional.max_pool2d(x, 3, 2)
        found["192"] = _mean(x)
        for block in _BLOCKS_A:
            x = self._block_a(x, block)
        x = self._block_b(x)
        for block in _BLOCKS_C:
            x, first = self._block_c(x, block)
            if block == "Mixed_6d":
                found["spatial"] = first[:, :SPATIAL_CHANNELS].flatten(1).float()
        found["768"] = _mean(x)
        if wanted & {"2048", "logits"}:
            x = self._block_d(x)
            for block in _BLOCKS_E:
                x = self._block_e(x, block)
            found["2048"] = _mean(x)
            found["logits"] = functional.linear(found["2048"], self._final)
        return {name: found[name] for name in found if name in wanted}

    def _block_a(self, x: Tensor, block: str) -> Tensor:
        return torch.cat(
            [
                self._chain(x, block, "branch1x1"),
                self._chain(x, block, "branch5x5_1", "branch5x5_2"),
                self._chain(x, block, *(f"branch3x3dbl_{i}" for i in (1, 2, 3))),
                self._averaged(x, block),
            ],
            dim=1,
        )

    def _block_b(self, x: Tensor) -> Tensor:
        return torch.cat(
            [
                self._chain(x, "Mixed_6a", "branch3x3"),
                self._chain(x, "Mixed_6a", *(f"branch3x3dbl_{i}" for i in (1, 2, 3))),
                functional.max_pool2d(x, 3, 2),
            ],
            dim=1,
        )

    def _block_c(self, x: Tensor, block: str) -> tuple[Tensor, Tensor]:
        first = self._chain(x, block, "branch1x1")
        single = self._chain(x, block, *(f"branch7x7_{i}" for i in (1, 2, 3)))
        double = self._chain(x, block, *(f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5)))
        return torch.cat(
            [first, single, double, self._averaged(x, block)], dim=1
        ), first

    def _block_d(self, x: Tensor) -> Tensor:
        return torch.cat(
            [
                self._chain(x, "Mixed_7a", "branch3x3_1", "branch3x3_2"),
                self._chain(x, "Mixed_7a", *(f"branch7x7x3_{i}" for i in (1, 2, 3, 4))),
                functional.max_pool2d(x, 3, 2),
            ],
            dim=1,
        )

    def _block_e(self, x: Tensor, block: str) -> Tensor:
        three = self._chain(x, block, "branch3x3_1")
        double = self._chain(x, block, "branch3x3dbl_1", "branch3x3dbl_2")
        if block == _BLOCKS_E[-1] and self.variant.last_pool == "max":
            pooled = functional.max_pool2d(x, 3, 1, 1)
            pooled = self._chain(pooled, block, "branch_pool")
        else:
            pooled = self._averaged(x, block)
        return torch.cat(
            [
                self._chain(x, block, "branch1x1"),
                self._chain(three, block, "branch3x3_2a"),
                self._chain(three, block, "branch3x3_2b"),
                self._chain(double, block, "branch3x3dbl_3a"),
                self._chain(double, block, "branch3x3dbl_3b"),
                pooled,
            ],
            dim=1,
        )

    def _chain(self, x: Tensor, block: str, *names: str) -> Tensor:
        for name in names:
            x = self._convolutions[f"{block}.{name}"](x)
        return x

    def _averaged(self, x: Tensor, block: str) -> Tensor:
        """Return the pool branch: convolution, then average, then bias and ReLU."""
        convolution = self._convolutions[f"{block}.branch_pool"]
        pooled = functional.avg_pool2d(
            functional.conv2d(x, convolution.weight),
            3,
            1,
            1,
            count_include_pad=self.variant.pool_counts_padding,
        )
        return pooled.add_(convolution.bias.view(1, -1, 1, 1)).relu_()

    def _weight(self, weight: Tensor) -> Tensor:
        weight = weight.to(self._device, self._dtype)
        return weight.contiguous(memory_format=torch.channels_last)


def _mean(x: Tensor) -> Tensor:
    return x.float().mean(dim=(2, 3))


def _same_padding(weight: Tensor) -> tuple[int, int]:
    return weight.shape[2] // 2, weight.shape[3] // 2


def check_state(state: Mapping[str, Tensor], variant: InceptionVariant) -> None:
    """Raise unless the tensors are those of an Inception v3 of this variant.

    Parameters
    ----------
    state : mapping of str to Tensor
        A state dict.
    variant : InceptionVariant
        Whose class count the last layer must have.

    Raises
    ------
    MetricsError
        If a tensor is missing, the class count differs or a value is not finite.
    """
    final = state.get("fc.weight")
    if final is None or "Mixed_7c.branch_pool.conv.weight" not in state:
        raise MetricsError("the weights are not those of an Inception v3")
    if len(final) != variant.n_classes:
        raise MetricsError(
            f"the weights must have {variant.n_classes} classes, got {len(final)}: "
            "the FID network has 1008, torchvision's 1000"
        )
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise MetricsError(f"the weights' tensor {name} is not finite; load anew")


def fold_batch_norms(state: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return weight and bias of every convolution with its normalisation folded in.

    Parameters
    ----------
    state : mapping of str to Tensor
        Tensors named ``<name>.conv.weight`` and ``<name>.bn.*``.

    Returns
    -------
    dict of str to (Tensor, Tensor)
        Per convolution its weight (out, in, height, width) and bias (out,), float32,
        computed in float64.

    Raises
    ------
    MetricsError
        If a normalisation lacks a tensor.
    """
    folded = {}
    for key, weight in state.items():
        if not key.endswith(".conv.weight") or key.startswith("AuxLogits."):
            continue
        name = key.removesuffix(".conv.weight")
        try:
            scale, shift, mean, variance = (
                state[f"{name}.bn.{part}"].double()
                for part in ("weight", "bias", "running_mean", "running_var")
            )
        except KeyError as error:
            raise MetricsError(f"the weights lack the tensor {error}") from None
        factor = scale / (variance + BATCH_NORM_EPSILON).sqrt()
        folded[name] = (
            (weight.double() * factor[:, None, None, None]).float(),
            (shift - mean * factor).float(),
        )
    return folded
