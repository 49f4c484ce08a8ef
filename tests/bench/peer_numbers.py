"""What the published implementations make of two image sets, as an oracle for tests.

Run in the environment that `deploy/bench` makes, it wrote tests/metrics/peers.json:

    PYTHONPATH=. .cache/bench-venv/bin/python -m tests.bench.peer_numbers \
        --weights FILE --images 100 REAL FAKE ... >tests/metrics/peers.json
"""

import argparse
import contextlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from metrics.images import open_source
from metrics.torchvision_ops import declare_missing_operators

LAYERS = ("64", "192", "768", "2048", "logits_unbiased")
BATCH = 25


def peer_features(weights, images):
    """Return torch-fidelity's features of uint8 images (n, height, width, 3)."""
    from torch_fidelity.feature_extractor_inceptionv3 import (  # noqa: PLC0415
        FeatureExtractorInceptionV3,
    )

    network = FeatureExtractorInceptionV3(
        "peer", list(LAYERS), feature_extractor_weights_path=str(weights)
    )
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.no_grad():
        parts = [network(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
    return {
        layer: torch.cat([part[index] for part in parts])
        for index, layer in enumerate(LAYERS)
    }


def peer_numbers(real, fake):
    """Return torch-fidelity's and prdc's numbers of two sets of features.

    KID is torch-fidelity's over all images, computed in float64: its own float32 sums
    are off by up to 6e-4. Splits of the Inception Score follow the order of the images.
    """
    from prdc import compute_prdc  # noqa: PLC0415
    from torch_fidelity import metric_fid, metric_kid  # noqa: PLC0415
    from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: PLC0415
    from torch_fidelity.metric_prc import (  # noqa: PLC0415
        calculate_precision_recall_full,
    )

    found = {}
    for layer in LAYERS[:4]:
        sides = [metric_fid.fid_features_to_statistics(s[layer]) for s in (fake, real)]
        metric = metric_fid.fid_statistics_to_metric(*sides, verbose=False)
        found[f"fid_{layer}"] = float(next(iter(metric.values())))
    rows = [side["2048"].numpy() for side in (fake, real)]
    wide = [side.astype(np.float64) for side in rows]
    found["kid_mean"] = float(metric_kid.kernel_mmd(*wide, kid_subset_size=len(rows)))
    found |= isc_features_to_metric(fake["logits_unbiased"], 10, shuffle=False)
    found["precision"], found["recall"] = calculate_precision_recall_full(
        fake["2048"], real["2048"], 3
    )
    with contextlib.redirect_stdout(None):  # it prints its counts
        prdc = compute_prdc(rows[1], rows[0], nearest_k=5)
    return found | {name: float(prdc[name]) for name in ("density", "coverage")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="the first of each")
    parser.add_argument("real", type=Path)
    parser.add_argument("fakes", type=Path, nargs="+")
    given = parser.parse_args()
    declare_missing_operators()

    def features(path):
        source = open_source(path)
        images = np.stack([source.read(index) for index in range(given.images)])
        return peer_features(given.weights, images)

    real = features(given.real)
    found = {fake.stem: peer_numbers(real, features(fake)) for fake in given.fakes}
    json.dump({"images": given.images, "cases": found}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
