"""VGG16 up to its second fully connected layer, for precision and recall."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from metrics.errors import MetricsError

N_FEATURES = 4096

# Positions of the convolutions in torchvision's `features`; a pool follows the last of
# each group.
_GROUPS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))


class Vgg16:
    """VGG16 in inference, from torchvision's state dict.

    Parameters
    ----------
    state : mapping of str to Tensor
        The published tensors, float32; the last layer is not needed.
    device : torch.device
        Where to run.
    dtype : torch.dtype
        ``float32`` or ``bfloat16``.

    Raises
    ------
    MetricsError
        If a tensor is missing.
    """

    def __init__(
        self, state: Mapping[str, Tensor], *, device: torch.device, dtype: torch.dtype
    ) -> None:
        names = [f"features.{i}" for group in _GROUPS for i in group]
        names += ["classifier.0", "classifier.3"]
        self._dtype = dtype
        self._layers: dict[str, tuple[Tensor, Tensor]] = {}
        for name in names:
            try:
                weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
            except KeyError as error:
                raise MetricsError(
                    f"the weights are not those of VGG16: {error} is missing"
                ) from None
            weight = weight.to(device, dtype)
            if name.startswith("features"):
                weight = weight.contiguous(memory_format=torch.channels_last)
            self._layers[name] = (weight, bias.to(device, dtype))

    def fc2(self, x: Tensor) -> Tensor:
        """Return the second fully connected layer after its ReLU.

        Parameters
        ----------
        x : Tensor of shape (n, 3, 224, 224)
            Images normalised by ImageNet's mean and deviation.

        Returns
        -------
        Tensor of shape (n, 4096), float32
            Features, at least 0.
        """
        x = x.to(self._dtype).contiguous(memory_format=torch.channels_last)
        for group in _GROUPS:
            for position in group:
                weight, bias = self._layers[f"features.{position}"]
                x = functional.conv2d(x, weight, bias, padding=1).relu_()
            x = functional.max_pool2d(x, 2, 2)
        x = x.contiguous().flatten(1)  # channels first, as the linear layer expects
        for name in ("classifier.0", "classifier.3"):
            x = functional.linear(x, *self._layers[name]).relu_()
        return x.float()
