"""An ONNX file that runs in a process of its own, under limits of time and memory."""

import json
import math
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypeweb.sandbox.spawning import pipe, spawned

MAX_HEADER_BYTES = 2**20
GIB = 2**30


class GeneratorFaultError(Exception):
    """What an ONNX file did wrong; the message is a sentence for its owner."""


@dataclass(frozen=True)
class Limits:
    """What a file may take."""

    memory_bytes: int
    seconds: int
    """For loading, and for each batch."""
    n_threads: int
    use_cuda: bool = False
    idle_seconds: int = 3600
    """After which a child whose parent asks for nothing ends."""


@dataclass(frozen=True)
class Port:
    """One input or output: None stands for a size that the file leaves open."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Model:
    """What is known of a file that could be loaded."""

    opset: int
    n_nodes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    runtime: str
    provider: str


class OnnxProcess:
    """A loaded file; `open_onnx` makes one and ends its process."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits) -> None:
        self._process = process
        self._limits = limits
        with self._time_limit("Loading it"):
            header = self._reply()
        self.model = Model(
            opset=int(header["opset"]),
            n_nodes=int(header["n_nodes"]),
            inputs=tuple(_port(entry) for entry in header["inputs"]),
            outputs=tuple(_port(entry) for entry in header["outputs"]),
            runtime=str(header["runtime"]),
            provider=str(header["provider"]),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(
        self, inputs: Mapping[str, NDArray[Any]], *, output: str
    ) -> NDArray[np.floating]:
        """Return one output for one batch of inputs, as floats."""
        arrays = {name: np.ascontiguousarray(a) for name, a in inputs.items()}
        header = {
            "output": output,
            "inputs": [
                {
                    "name": name,
                    "dtype": array.dtype.str,
                    "shape": array.shape,
                    "n_bytes": array.nbytes,
                }
                for name, array in arrays.items()
            ],
        }
        with self._time_limit("A batch"):
            self._send(json.dumps(header).encode() + b"\n")
            for array in arrays.values():
                self._send(array.tobytes())
            reply = self._reply()
            dtype, shape = (
                np.dtype(str(reply["dtype"])),
                tuple(map(int, reply["shape"])),
            )
            n_bytes = math.prod(shape) * dtype.itemsize
            if dtype.kind not in "fiu" or not 0 <= n_bytes <= self._limits.memory_bytes:
                raise GeneratorFaultError("Its output is larger than the limit.")
            data = self._read(n_bytes)
        values = np.frombuffer(data, dtype).reshape(shape)
        return values if dtype.kind == "f" else values.astype(np.float64)

    @contextmanager
    def _time_limit(self, what: str) -> Iterator[None]:
        """Kill the process where a step takes too long, and say so."""
        seconds, late = self._limits.seconds, threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, kill)
        timer.start()
        try:
            yield
        except (EOFError, OSError) as error:
            if late.is_set():
                raise GeneratorFaultError(
                    f"{what} took longer than {seconds} s, so it was stopped. Make the "
                    "network smaller, or see whether it loops without an end."
                ) from error
            raise GeneratorFaultError(self._death()) from error
        finally:
            timer.cancel()

    def _death(self) -> str:
        status = self._process.wait(timeout=10)
        if status == -9:  # noqa: PLR2004 - SIGKILL, by the system
            return _no_memory(self._limits)
        return (
            f"It ended the process that ran it (status {status}), most likely for want "
            f"of memory: {self._limits.memory_bytes / GIB:.1f} GiB are allowed."
        )

    def _send(self, data: bytes) -> None:
        pipe(self._process.stdin).write(data)
        pipe(self._process.stdin).flush()

    def _read(self, n_bytes: int) -> bytes:
        data = pipe(self._process.stdout).read(n_bytes)
        if len(data) < n_bytes:
            raise EOFError
        return data

    def _reply(self) -> dict[str, Any]:
        line = pipe(self._process.stdout).readline(MAX_HEADER_BYTES)
        if not line.endswith(b"\n"):
            raise EOFError
        header: dict[str, Any] = json.loads(line)
        if "fault" in header:
            raise GeneratorFaultError(
                _sentence(str(header["fault"]), str(header["detail"]), self._limits)
            )
        return header


@contextmanager
def open_onnx(path: Path, *, limits: Limits) -> Iterator[OnnxProcess]:
    """Lend a file, loaded in a process of its own."""
    options = {
        "memory_bytes": limits.memory_bytes,
        "seconds": limits.seconds,
        "idle_seconds": limits.idle_seconds,
        "n_threads": limits.n_threads,
        "use_cuda": limits.use_cuda,
    }
    with spawned(
        "hypeweb.sandbox.child",
        *(str(path.resolve()), json.dumps(options)),
        env={"MALLOC_ARENA_MAX": "2"},
        stderr=subprocess.DEVNULL,
    ) as process:
        yield OnnxProcess(process, limits)


def _port(entry: dict[str, Any]) -> Port:
    return Port(str(entry["name"]), str(entry["type"]), tuple(entry["shape"]))


def _no_memory(limits: Limits) -> str:
    return (
        f"It needs more memory than the {limits.memory_bytes / GIB:.1f} GiB that this "
        "site allows. Make the network smaller, or ask the site's admin for more."
    )


def _sentence(code: str, detail: str, limits: Limits) -> str:
    sentences = {
        "not_onnx": f"This is not an ONNX model: {detail}. Export it with "
        "torch.onnx.export or its like.",
        "custom_operator": f"It uses {detail}, which ONNX does not define; libraries "
        "of custom operators are not loaded. Export it with ONNX's own operators.",
        "external_data": "Its weights are in another file. Export it as one file, with "
        "the weights inside.",
        "load": f"It cannot be loaded: {detail}",
        "run": "It fails on a batch of the stated inputs; correct the "
        f"shape of z or the number of classes. What it says: {detail}",
        "output_type": f"Its output is of type {detail}, not of numbers.",
        "memory": _no_memory(limits),
    }
    return sentences.get(code, f"It failed: {detail}")
