"""The metrics beside the published implementations, as ratios of one run.

Run by `deploy/bench` in an environment of its own that has the peers installed:

    python tests/bench/metrics_peers.py --weights FILE [--only NAME] [--threads N]

Each case runs the product and its peers in alternation and reports the ratio of the
medians, of wall time and of processor time. Other work on the machine moves the first;
threads that spin while they wait for one another move the second: with `--threads 1`
there are none, and the second ratio hardly moves at all.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from scipy.linalg import sqrtm
from threadpoolctl import threadpool_limits

from metrics.conventions import Conventions
from metrics.evaluation import Options, evaluate
from metrics.extractors import Setup, load_extractor
from metrics.extrapolation import frechet_distance_infinity, subset_sizes
from metrics.frechet import frechet_distance, frechet_distance_of_features
from metrics.images import ArraySource
from metrics.kernel_distance import kernel_inception_distance
from metrics.moments import moments
from metrics.precision_recall import precision_recall_density_coverage
from metrics.torchvision_ops import declare_missing_operators
from tests.bench.memory import peak_bytes_of
from tests.bench.peer_numbers import LAYERS, peer_features, peer_numbers

ROOT = Path(__file__).resolve().parents[2]
DIMENSION = 2048
BATCH = 32

Work = Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """Seconds on the wall, and of all processors together."""

    wall_s: float
    cpu_s: float

    def __mul__(self, factor):
        return Cost(self.wall_s * factor, self.cpu_s * factor)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    case: str
    peer: str
    ours: Cost
    theirs: Cost
    note: str = ""

    def text(self):
        wall = self.theirs.wall_s / self.ours.wall_s
        cpu = self.theirs.cpu_s / self.ours.cpu_s
        return (
            f"| {self.case} | {self.ours.wall_s:.3g} s | {self.peer} "
            f"{self.theirs.wall_s:.3g} s | {wall:.2f} | {cpu:.2f} | {self.note} |"
        )


def alternate(works: dict[str, Work], *, rounds: int) -> dict[str, Cost]:
    """Return the median cost of each piece of work, run in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            started, cpu_started = time.perf_counter(), cpu_seconds()
            work()
            wall = time.perf_counter() - started
            costs[name].append(Cost(wall, cpu_seconds() - cpu_started))
    return {
        name: Cost(median(c.wall_s for c in found), median(c.cpu_s for c in found))
        for name, found in costs.items()
    }


def cpu_seconds() -> float:
    """Return the processor time of this process and of those it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def fake_features(n: int, *, seed: int) -> np.ndarray:
    """Return features like those of a network: correlated and non-negative."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(256, DIMENSION)) / np.arange(1, 257)[:, None] ** 0.5
    rows = rng.normal(size=(n, 256)) @ mixing + 0.3 * rng.normal(size=(n, DIMENSION))
    return np.maximum(rows + 0.2 * (seed % 2), 0).astype(np.float32)


def features_rows(weights: Path, rounds: int) -> list[Row]:
    """Compare features a second with torch-fidelity's network."""
    from torch_fidelity.feature_extractor_inceptionv3 import (  # noqa: PLC0415
        FeatureExtractorInceptionV3,
    )

    peer = FeatureExtractorInceptionV3(
        "peer", ["2048"], feature_extractor_weights_path=str(weights)
    )
    rng = np.random.default_rng(0)
    images = torch.from_numpy(
        rng.integers(0, 256, (BATCH, 32, 32, 3), dtype=np.uint8)
    ).permute(0, 3, 1, 2)
    wanted = frozenset({"2048"})
    ours = {
        precision: load_extractor(
            "inception-v3-fid", Setup(weights=weights, precision=precision)
        )
        for precision in ("fp32", "bf16")
    }

    def run(precision):
        network = ours[precision]
        with torch.inference_mode():
            return network.run(network.prepare(images), wanted)["2048"]

    def run_peer():
        with torch.no_grad():
            return peer(images)[0]

    expected = run_peer()
    rows = []
    works = {precision: lambda p=precision: run(p) for precision in ours}
    found = {precision: work() for precision, work in works.items()}
    times = alternate({**works, "torch-fidelity": run_peer}, rounds=rounds)
    for precision in ours:
        error = (found[precision] - expected).norm() / expected.norm()
        rows.append(
            Row(
                f"features, {precision}, {BATCH} images of 32 x 32",
                "torch-fidelity",
                times[precision],
                times["torch-fidelity"],
                f"{BATCH / times[precision].wall_s:.1f} images/s; "
                f"relative difference {error:.1e}",
            )
        )
    return rows


def frechet_rows(_weights: Path, rounds: int) -> list[Row]:
    """Compare the Fréchet solve with scipy's square root and with eigenvalues."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric  # noqa: PLC0415

    rows = []
    for n in (10_000, 1_000):
        features = [fake_features(n, seed=seed) for seed in (1, 2)]
        here, there = (moments(rows_) for rows_ in features)

        def peer(here=here, there=there):
            offset = ((here.mean - there.mean) ** 2).sum()
            root = np.trace(sqrtm(here.cov @ there.cov)).real
            return offset + np.trace(here.cov) + np.trace(there.cov) - 2 * root

        def fidelity(here=here, there=there):
            sides = [{"mu": m.mean, "sigma": m.cov} for m in (here, there)]
            return fid_statistics_to_metric(*sides, verbose=False)

        def ours(here=here, there=there, features=features, n=n):
            if n > DIMENSION:
                return frechet_distance(here.mean, here.cov, there.mean, there.cov)
            return frechet_distance_of_features(*features)

        works = {"ours": ours, "scipy sqrtm": peer, "torch-fidelity": fidelity}
        times = alternate(works, rounds=min(rounds, 2))
        difference = abs(peer() / ours() - 1)
        rows += [
            Row(
                f"Fréchet distance, d = {DIMENSION}, N = {n:,}",
                name,
                times["ours"],
                times[name],
                f"relative difference {difference:.1e}" if name[0] == "s" else "",
            )
            for name in ("scipy sqrtm", "torch-fidelity")
        ]
    return rows


def neighbour_rows(_weights: Path, rounds: int) -> list[Row]:
    """Compare precision, recall, density and coverage with prdc and torch-fidelity.

    prdc measures distances with eight threads, whatever `--threads` says.
    """
    from prdc import compute_prdc  # noqa: PLC0415
    from torch_fidelity.metric_prc import (  # noqa: PLC0415
        calculate_precision_recall_full,
    )

    n = 10_000
    real, fake = (fake_features(n, seed=seed) for seed in (1, 2))
    tensors = torch.from_numpy(fake), torch.from_numpy(real)

    def prdc():
        with contextlib.redirect_stdout(None):  # it prints its counts
            compute_prdc(real, fake, nearest_k=5)

    works = {
        "ours": lambda: precision_recall_density_coverage(real, fake),
        "prdc": prdc,
        "torch-fidelity": lambda: calculate_precision_recall_full(*tensors, 3),
    }
    times = alternate(works, rounds=min(rounds, 3))
    return [
        Row(f"P, R, density, coverage, N = {n:,}", name, times["ours"], times[name])
        for name in ("prdc", "torch-fidelity")
    ]


def large_rows(_weights: Path, _rounds: int) -> list[Row]:
    """Compare all four at 50,000 with torch-fidelity's low-memory mode."""
    from torch_fidelity.metric_prc import calc_cdist_part  # noqa: PLC0415

    n, n_rows = 50_000, 10_000
    real, fake = (fake_features(n, seed=seed) for seed in (1, 2))
    more = 0

    def ours():
        nonlocal more
        more = peak_bytes_of(lambda: precision_recall_density_coverage(real, fake))

    times = alternate({"ours": ours}, rounds=1)
    here, there = torch.from_numpy(fake), torch.from_numpy(real)
    batch = here[:n_rows]

    def peer():
        # The body of its two loops: radii of one batch of rows, and which of their
        # images lie in the balls of the other side.
        radii = calc_cdist_part(batch, here, n_rows).kthvalue(4).values
        across = calc_cdist_part(batch, there, n_rows)
        return (across <= radii.repeat(n // n_rows)).any(dim=1)

    times |= alternate({"peer": peer}, rounds=1)
    n_batches = 2 * n // n_rows
    return [
        Row(
            f"P, R, density, coverage, N = {n:,}",
            "torch-fidelity, low memory, P and R only,",
            times["ours"],
            times["peer"] * n_batches,
            f"{more / 2**30:.2f} GiB beyond the features; peer: one of its "
            f"{n_batches} batches measured",
        )
    ]


def kernel_rows(_weights: Path, rounds: int) -> list[Row]:
    """Compare the KID interval with recomputing the kernels for every replicate."""
    n, n_replicates = 5000, 1000
    real, fake = (fake_features(n, seed=seed) for seed in (1, 2))
    rng = np.random.default_rng(0)

    def ours():
        kernel_inception_distance(fake, real, rng=rng, n_replicates=n_replicates)

    def one_replicate():
        chosen = [rows[rng.integers(n, size=n)] for rows in (fake, real)]
        kernels = [
            (one @ two.T / DIMENSION + 1) ** 3
            for one, two in (
                (chosen[0], chosen[0]),
                (chosen[1], chosen[1]),
                (chosen[0], chosen[1]),
            )
        ]
        return [kernel.sum() for kernel in kernels]

    times = alternate({"ours": ours, "one": one_replicate}, rounds=min(rounds, 2))
    return [
        Row(
            f"KID with interval, N = {n:,}, {n_replicates:,} replicates",
            "recomputing,",
            times["ours"],
            times["one"] * n_replicates,
            "peer: one replicate measured, times 1,000",
        )
    ]


def infinity_rows(_weights: Path, _rounds: int) -> list[Row]:
    """Compare FID_infinity with np.cov and sqrtm at every size."""
    n = 10_000
    real, fake = (fake_features(n, seed=seed) for seed in (1, 2))
    here = moments(real)
    size = int(median(subset_sizes(n, n_points=15)))

    def ours():
        frechet_distance_infinity(real, fake, rng=np.random.default_rng(0))

    def one_point():
        return np.trace(sqrtm(here.cov @ np.cov(fake[:size], rowvar=False))).real

    times = alternate({"ours": ours, "one": one_point}, rounds=1)
    return [
        Row(
            f"FID_infinity, 15 points, N = {n:,}",
            "np.cov and sqrtm each,",
            times["ours"],
            times["one"] * 15,
            "peer: the middle size measured, times 15",
        )
    ]


def whole_rows(weights: Path, _rounds: int) -> list[Row]:
    """Compare FID, IS and KID from image files to numbers, each in a fresh process."""
    n = 128
    with tempfile.TemporaryDirectory() as folder:
        from PIL import Image  # noqa: PLC0415

        rng = np.random.default_rng(0)
        for side in ("real", "fake"):
            (Path(folder) / side).mkdir()
            for index in range(n):
                pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(Path(folder) / side / f"{index}.png")
        real, fake = (str(Path(folder) / side) for side in ("real", "fake"))
        ours = [sys.executable, "-W", "ignore", "-m", "metrics", real, fake]
        ours += ["--weights", str(weights), "--no-cache", "--quiet"]
        ours += ["--metrics", "fid,inception_score,kid,precision,recall"]
        peer = (
            "import torch_fidelity\n"
            "torch_fidelity.calculate_metrics("
            f"input1={fake!r}, input2={real!r}, cuda=False, isc=True, fid=True, "
            f"kid=True, kid_subset_size={n // 2}, verbose=False, "
            "save_cpu_ram=True, cache=False, "
            f"feature_extractor_weights_path={str(weights)!r})\n"
        )
        shim = (
            "from metrics.torchvision_ops import declare_missing_operators as declare\n"
            "declare()\n"
        )
        theirs = [sys.executable, "-W", "ignore", "-c", shim + peer]
        times = alternate(
            {
                "ours": lambda: subprocess.run(ours, check=True, cwd=ROOT),
                "peer": lambda: subprocess.run(theirs, check=True, cwd=ROOT),
            },
            rounds=2,
        )
    return [
        Row(
            f"FID, IS, KID from 2 x {n} PNG files of 64 x 64, wall time",
            "torch-fidelity",
            times["ours"],
            times["peer"],
            "ours with precision, recall and intervals as well",
        )
    ]


def bfloat_rows(weights: Path, _rounds: int) -> list[Row]:
    """Tell how far bfloat16 moves each metric."""
    n = 128
    rng = np.random.default_rng(0)
    sides = [
        ArraySource(name, rng.integers(low, 256, (n, 32, 32, 3), dtype=np.uint8))
        for name, low in (("real", 0), ("fake", 60))
    ]
    # Subsets of half the images, for with all of them there is no spread to compare.
    conventions = Conventions(kernel_subset_size=n // 2)
    found = {}

    def run(precision):
        options = Options(
            weights=weights,
            precision=precision,
            replicates=0,
            conventions=conventions,
        )
        found[precision] = evaluate(*sides, options).metrics

    times = alternate(
        {precision: lambda p=precision: run(p) for precision in ("fp32", "bf16")},
        rounds=1,
    )
    shifts = {
        name: abs(found["bf16"][name] / value - 1)
        for name, value in found["fp32"].items()
        if value
    }
    largest_first = sorted(shifts, key=shifts.__getitem__, reverse=True)
    told = ", ".join(f"{name} {shifts[name]:.2%}" for name in largest_first)
    return [
        Row(
            f"every metric of 2 x {n} images in bf16",
            "fp32",
            times["bf16"],
            times["fp32"],
            f"moved: {told}",
        )
    ]


def agreement_rows(weights: Path, _rounds: int) -> list[Row]:
    """Tell how far our numbers are from the peers' of the same images."""
    n = 128
    images = structured_images(n, seed=1), structured_images(n, seed=2)
    found = {}

    def ours():
        wanted = ("fid", "kid", "inception_score", "precision", "recall", "density")
        for layer in LAYERS[:4]:
            options = Options(
                metrics=(*wanted, "coverage") if layer == "2048" else ("fid",),
                extractor=f"inception-v3-fid:{layer}",
                weights=weights,
                cache=Path(folder),
                replicates=0,
            )
            sides = (ArraySource("a", rows) for rows in images)
            metrics = evaluate(*sides, options).metrics
            found.update({f"fid_{layer}": metrics.pop("fid")} | metrics)

    def peers():
        return peer_numbers(*(peer_features(weights, rows) for rows in images))

    with tempfile.TemporaryDirectory() as folder:
        times = alternate({"ours": ours}, rounds=1)
    expected = {}
    times |= alternate({"peers": lambda: expected.update(peers())}, rounds=1)
    told = ", ".join(
        f"{name} {abs(found[name] - value) / abs(value):.0e}"
        for name, value in expected.items()
    )
    return [
        Row(
            f"every common number of 2 x {n} images",
            "torch-fidelity and prdc",
            times["ours"],
            times["peers"],
            f"relative difference: {told}",
        )
    ]


def structured_images(n: int, *, seed: int) -> np.ndarray:
    """Return images of a few smooth waves, which differ in all that networks see."""
    rng = np.random.default_rng(seed)
    axis = np.arange(32) / 32
    images = np.empty((n, 32, 32, 3), np.uint8)
    for image in images:
        waves = rng.uniform(-4, 4, size=(3, 3, 2)) + 0.3 * seed
        angles = waves[..., :1, None] * axis[:, None] + waves[..., 1:, None] * axis
        phases = rng.uniform(0, 1, size=(3, 3, 1, 1))
        mixed = np.sin(2 * np.pi * (angles + phases)).mean(axis=1)
        image[:] = np.moveaxis(127.5 * (1 + mixed), 0, -1)
    return images


CASES = {
    "agreement": agreement_rows,
    "features": features_rows,
    "frechet": frechet_rows,
    "neighbours": neighbour_rows,
    "kid": kernel_rows,
    "infinity": infinity_rows,
    "whole": whole_rows,
    "bfloat": bfloat_rows,
}


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--only", choices=[*CASES, "large"], action="append")
    parser.add_argument("--large", action="store_true", help="also N = 50,000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of torch and of OpenBLAS")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
        threadpool_limits(given.threads)
    warnings.simplefilter("ignore")
    declare_missing_operators()
    cases = {**CASES, "large": large_rows}
    chosen = given.only or [*CASES, *(["large"] if given.large else [])]
    say("| case | ours | peer | ratio | of processor time | note |")
    say("|---|---|---|---|---|---|")
    for name in chosen:
        for row in cases[name](given.weights, given.rounds):
            say(row.text())
    say("")
    say(f"{torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
