"""Write random weights in the published layout of the FID network.

    python -m tests.bench.stand_in_weights OUT.pth

They say nothing about images; two programs that load them must agree all the same.
"""

import sys
import warnings
from pathlib import Path

import torch

from metrics.torchvision_ops import declare_missing_operators


def main():
    (out,) = sys.argv[1:]
    declare_missing_operators()
    from torchvision.models import inception_v3  # noqa: PLC0415 - after its operators

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = inception_v3(
            weights=None, num_classes=1008, aux_logits=False, init_weights=False
        )
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), out)


if __name__ == "__main__":
    main()
