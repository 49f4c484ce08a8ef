"""What this machine can do: device, versions, weights, memory, threads."""

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from metrics.cache import default_cache_folder
from metrics.errors import MetricsError
from metrics.options import choose_device
from metrics.processor import bfloat16_units
from metrics.weights import PUBLISHED, cached_weights, weights_folders

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pillow", "matplotlib")
_OPTIONAL = ("onnxruntime",)
_GIB = 1 << 30


def doctor() -> tuple[tuple[str, str], ...]:
    """Return what there is, as pairs of a name and a finding.

    Returns
    -------
    tuple of (str, str)
        Python, packages, device, bfloat16, threads, memory, weights and cache, in that
        order.
    """
    return (
        ("python", platform.python_version()),
        *((name, _version(name)) for name in (*_PACKAGES, *_OPTIONAL)),
        ("device", _device()),
        ("bfloat16", _bfloat16()),
        ("threads", f"{torch.get_num_threads()} of {os.cpu_count()} cores"),
        ("free memory", f"{_free_memory() / _GIB:.1f} GiB"),
        *((f"weights {name}", _weights(name)) for name in PUBLISHED),
        ("weights digits", "bundled"),
        ("weights folder", str(weights_folders()[0])),
        ("cache", _folder(default_cache_folder())),
    )


def doctor_text() -> str:
    """Return the findings as lines for a terminal.

    Returns
    -------
    str
        One line per finding, each ending in a newline.
    """
    return "".join(f"{name:<30} {finding}\n" for name, finding in doctor())


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _device() -> str:
    if not torch.cuda.is_available():
        return "cpu"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"cuda: {', '.join(names)}"


def _bfloat16() -> str:
    units = bfloat16_units(choose_device("auto"))
    if units:
        return f"fast here ({', '.join(units)}): --precision bf16 is worth a try"
    return "slow here (no instructions for it): leave --precision at fp32"


def _free_memory() -> int:
    """Return the bytes that can be had without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _weights(extractor: str) -> str:
    published = PUBLISHED[extractor]
    try:
        found = cached_weights(published)
    except MetricsError as error:
        return str(error)
    if found is None:
        return f"not here; would come from {published.url}"
    return f"{found.path} (sha256 {found.sha256[:8]}...)"


def _folder(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} (empty)"
    sizes = [path.stat().st_size for path in folder.glob("*.npz")]
    return f"{folder} ({len(sizes)} sets, {sum(sizes) / _GIB:.2f} GiB)"
