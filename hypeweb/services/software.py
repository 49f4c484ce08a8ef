"""Which software computed a number."""

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hypeweb.science

PACKAGES = ("django", "numpy", "scipy", "matplotlib", "torch")


@cache
def versions() -> dict[str, str]:
    """Return the versions in this process, and the hash of the code of the scores."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # a web process has no torch
    return {**found, "hypeweb.science": _sources(Path(hypeweb.science.__path__[0]))}


def _sources(folder: Path) -> str:
    """Return the SHA-256 over a package's modules, by name."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(f"{path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
