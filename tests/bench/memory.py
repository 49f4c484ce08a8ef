"""How much memory one piece of work takes beyond what was there before it."""

import gc
import threading
from collections.abc import Callable
from pathlib import Path

_RESET_PEAK = "5"  # of proc(5): the peak becomes what is resident now
_LOOK_EVERY_S = 0.05


def peak_bytes_of(work: Callable[[], object]) -> int:
    """Return by how much work raises this process's resident memory at its peak."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    before = _status_bytes("VmRSS")
    work()
    return _status_bytes("VmHWM") - before


def peak_bytes_with_children(work: Callable[[], object]) -> int:
    """Return the most that this process and its children hold at once meanwhile.

    Pages that they share count for each of them.
    """
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_LOOK_EVERY_S):
            peak = max(peak, _family_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak


def _family_bytes() -> int:
    total = _status_bytes("VmRSS")
    for children in Path("/proc/self/task").glob("*/children"):
        try:
            pids = children.read_text().split()
            total += sum(_status_bytes("VmRSS", pid) for pid in pids)
        except OSError:  # ended meanwhile
            continue
    return total


def _status_bytes(name: str, pid: str = "self") -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/status has no {name}")
