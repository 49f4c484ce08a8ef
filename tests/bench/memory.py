"""How much memory one piece of work takes beyond what was there before it."""

import gc
from collections.abc import Callable
from pathlib import Path

_RESET_PEAK = "5"  # of proc(5): the peak becomes what is resident now


def peak_bytes_of(work: Callable[[], object]) -> int:
    """Return by how much work raises this process's resident memory at its peak."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before = _status_bytes("VmRSS")
    work()
    return _status_bytes("VmHWM") - before


def _status_bytes(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")
