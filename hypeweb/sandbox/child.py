"""The process that loads and runs one ONNX file: `python -P -m hypeweb.sandbox.child`.

It limits itself before it touches the file. It answers on what was its standard output,
a line of JSON and the bytes it announces; requests come the same way. It knows no
setting, no database and no secret of the site.
"""

import json
import mmap
import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, Any

from hypeweb.sandbox.onnx_file import NotOnnxError, read_facts

# The parent kills earlier; this is for a child whose parent was killed.
GRACE_S = 5
MAX_DETAIL = 300
OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "out of memory")


class FaultError(Exception):
    """What is wrong with the file, as a code of the parent's and a detail."""

    def __init__(self, code: str, detail: object = "") -> None:
        """Store the code and the detail."""
        super().__init__(code)
        self.code = code
        self.detail = " ".join(str(detail).split())[:MAX_DETAIL]


def main() -> None:
    """Load the file of the first argument and serve requests until there are none."""
    path, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    _limit(options)
    try:
        signal.alarm(options["seconds"] + GRACE_S)
        session, facts = _load(path, options)
        _reply(replies, facts)
        while header := requests.readline():
            signal.alarm(options["seconds"] + GRACE_S)
            _serve(session, json.loads(header), requests, replies)
            signal.alarm(options["idle_seconds"])
    except FaultError as fault:
        _reply(replies, {"fault": fault.code, "detail": fault.detail})
    except MemoryError:
        _reply(replies, {"fault": "memory", "detail": ""})


def _limit(options: dict[str, Any]) -> None:
    # Address space; but CUDA reserves more of it than there is, so there the data.
    kind = resource.RLIMIT_DATA if options["use_cuda"] else resource.RLIMIT_AS
    resource.setrlimit(kind, (options["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _load(path: Path, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    facts = _check(path)
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options["n_threads"]
    settings.inter_op_num_threads = 1
    available = ort.get_available_providers()
    wanted = ["CUDAExecutionProvider"] if options["use_cuda"] else []
    providers = [name for name in wanted if name in available]
    try:
        session = ort.InferenceSession(
            path, settings, providers=[*providers, "CPUExecutionProvider"]
        )
    except Exception as error:
        raise _fault_of(error, "load") from error
    return session, {
        **facts,
        "inputs": [_describe(value) for value in session.get_inputs()],
        "outputs": [_describe(value) for value in session.get_outputs()],
        "runtime": ort.__version__,
        "provider": session.get_providers()[0],
    }


def _check(path: Path) -> dict[str, Any]:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        view = memoryview(data)
        try:
            found = read_facts(view)
        except NotOnnxError as error:
            # The error's frames hold parts of the view, which must end before the map.
            detail = str(error)
            error.__traceback__ = None
            raise FaultError("not_onnx", detail) from None
        finally:
            view.release()
    if found.custom_operators:
        raise FaultError("custom_operator", ", ".join(found.custom_operators[:3]))
    if found.has_external_data:
        raise FaultError("external_data")
    return {"opset": found.opset, "n_nodes": found.n_nodes}


def _describe(value: Any) -> dict[str, Any]:  # noqa: ANN401 - onnxruntime's own
    shape = [size if isinstance(size, int) else None for size in value.shape]
    return {"name": value.name, "type": value.type, "shape": shape}


def _serve(
    session: Any,  # noqa: ANN401 - onnxruntime's own
    request: dict[str, Any],
    requests: IO[bytes],
    replies: IO[bytes],
) -> None:
    import numpy as np  # noqa: PLC0415 - only below the limit

    inputs = {}
    for entry in request["inputs"]:
        data = requests.read(entry["n_bytes"])
        inputs[entry["name"]] = np.frombuffer(data, entry["dtype"]).reshape(
            entry["shape"]
        )
    try:
        (output,) = session.run([request["output"]], inputs)
    except Exception as error:
        raise _fault_of(error, "run") from error
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
        raise FaultError("output_type", getattr(output, "dtype", type(output).__name__))
    values = np.ascontiguousarray(output)
    header = {"dtype": values.dtype.str, "shape": values.shape}
    _reply(replies, header, values.tobytes())


def _fault_of(error: Exception, code: str) -> FaultError:
    text = str(error).lower()
    is_memory = isinstance(error, MemoryError) or any(
        sign in text for sign in OUT_OF_MEMORY
    )
    return FaultError("memory" if is_memory else code, error)


def _reply(replies: IO[bytes], header: dict[str, Any], data: bytes = b"") -> None:
    replies.write(json.dumps(header).encode() + b"\n")
    replies.write(data)
    replies.flush()


if __name__ == "__main__":
    main()
