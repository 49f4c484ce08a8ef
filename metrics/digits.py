"""The `digits` network: a tiny classifier of handwritten digits, bundled and offline.

It stands where Inception stands for photographs: a network that knows the domain.
Trained by ``python -m metrics.demo.train_classifier`` on 1,297 of the 1,797 digits of
the demo; accuracy on the other 500, never seen in training: 99.8 % (499 of 500). The
same recipe on another random split of the same sizes gives 99.6 %, and 98.8 % when the
last 500 in published order are the test.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS_FILE = Path(__file__).with_name("digits.npz")
WEIGHTS_SHA256 = "c4c4cf965b80dee45d889564ef9a4afee0388e7b43601a4995c2fbee60e51d0c"
INPUT_SIZE = 8
N_FEATURES = 64
N_CLASSES = 10

# Weights of red, green and blue in luminance, ITU-R BT.601; they sum to 1, so a grey
# image stored as RGB keeps its values.
LUMINANCE = (0.299, 0.587, 0.114)
N_COLOURS = len(LUMINANCE)


class DigitsNetwork(nn.Module):
    """A convolutional classifier of 8x8 grey digits.

    Three convolutions of 3x3 with two halvings in between, one layer of features, one
    of logits: 73,000 parameters. Dropout acts in training only.
    """

    def __init__(self) -> None:
        """Make the layers, with torch's default initial weights."""
        super().__init__()
        self.convolution1 = nn.Conv2d(1, 32, 3, padding=1)
        self.convolution2 = nn.Conv2d(32, 64, 3, padding=1)
        self.convolution3 = nn.Conv2d(64, 64, 3, padding=1)
        self.dropout = nn.Dropout(0.3)
        self.to_features = nn.Linear(64 * 2 * 2, N_FEATURES)
        self.to_logits = nn.Linear(N_FEATURES, N_CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features and the class logits of RGB images of any size.

        Parameters
        ----------
        images : Tensor of shape (n, 3, height, width), uint8 or floating
            RGB; uint8 in 0..255, floating in [0, 1] (uint8 divided by 255).

        Returns
        -------
        features : Tensor of shape (n, 64), the network's dtype
            Activations of the last layer before the logits, after SiLU.
        logits : Tensor of shape (n, 10), the network's dtype
            Unnormalised log probabilities of the digits 0 to 9.

        Raises
        ------
        ValueError
            If the shape is not (n, 3, height, width) or a float lies outside [0, 1].

        Notes
        -----
        Luminance by ITU-R BT.601, then the mean over areas to 8x8 where the size
        differs: an 8x8 digit enlarged by pixel repetition to any multiple of 8 gives
        the same features as the digit itself.
        """
        grey = _to_grey(images).to(self.to_logits.weight.dtype)
        if grey.shape[-2:] != (INPUT_SIZE, INPUT_SIZE):
            grey = functional.interpolate(grey, size=INPUT_SIZE, mode="area")
        hidden = functional.silu(self.convolution1(grey))
        hidden = functional.max_pool2d(functional.silu(self.convolution2(hidden)), 2)
        hidden = functional.max_pool2d(functional.silu(self.convolution3(hidden)), 2)
        hidden = self.dropout(hidden.flatten(1))
        features = functional.silu(self.to_features(hidden))
        logits = self.to_logits(self.dropout(features))
        return features, logits


def load_digits_network(weights_file: Path = WEIGHTS_FILE) -> DigitsNetwork:
    """Return the trained network on the CPU, in eval mode, without gradients.

    Parameters
    ----------
    weights_file : Path
        The packaged npz; its bytes must have the pinned SHA-256.

    Returns
    -------
    DigitsNetwork
        Parameters in float32; `forward` gives (features, logits).

    Raises
    ------
    ValueError
        If the file's hash is not the pinned one.
    OSError
        If the file cannot be read.
    """
    content = weights_file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ValueError(
            f"{weights_file.name} must have sha256 {WEIGHTS_SHA256}, got {found}: "
            "restore the file from the repository"
        )
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    with torch.device("meta"):  # no random initial weights, so no generator is advanced
        network = DigitsNetwork()
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(requires_grad=False).eval()


def _to_grey(images: Tensor) -> Tensor:
    """Return the luminance of RGB images.

    Parameters
    ----------
    images : Tensor of shape (n, 3, height, width), uint8 or floating
        In 0..255 or [0, 1].

    Returns
    -------
    Tensor of shape (n, 1, height, width), floating
        Luminance in [0, 1].

    Raises
    ------
    ValueError
        If shape, dtype or range is another.
    """
    if images.ndim != 4 or images.shape[1] != N_COLOURS:  # noqa: PLR2004
        raise ValueError(
            f"images must have shape (n, 3, height, width), got {tuple(images.shape)}"
        )
    if images.dtype == torch.uint8:
        scaled = images.to(torch.float32) / 255
    elif images.is_floating_point():
        scaled = images
        if images.numel() and not (images.min() >= 0 and images.max() <= 1):
            raise ValueError(
                "floating images must lie in [0, 1], got values from "
                f"{images.min().item():g} to {images.max().item():g}"
            )
    else:
        raise ValueError(f"images must be uint8 or floating, got {images.dtype}")
    weights = scaled.new_tensor(LUMINANCE).view(1, N_COLOURS, 1, 1)
    return (scaled * weights).sum(dim=1, keepdim=True)
