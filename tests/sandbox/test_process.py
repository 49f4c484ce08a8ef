import os
import signal

import numpy as np
import pytest

from hypeweb.sandbox.process import GeneratorFaultError, Limits, open_onnx
from tests import onnx_files

LIMITS = Limits(memory_bytes=2**30, seconds=20, n_threads=1)
Z = np.random.default_rng(1).normal(size=(4, onnx_files.Z)).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    def written(data):
        path = tmp_path / "generator.onnx"
        path.write_bytes(data)
        return path

    return written


def run(path, limits=LIMITS, inputs=None):
    with open_onnx(path, limits=limits) as opened:
        return opened.run(inputs or {"z": Z}, output="images")


def test_a_generator_runs_and_says_what_it_is(write):
    with open_onnx(write(onnx_files.generator()), limits=LIMITS) as opened:
        model = opened.model
        first = opened.run({"z": Z}, output="images")
        second = opened.run({"z": Z[:1]}, output="images")
    assert (model.opset, model.n_nodes) == (onnx_files.OPSET, 5)
    assert [(p.name, p.type, p.shape) for p in model.inputs] == [
        ("z", "tensor(float)", (None, 4))
    ]
    assert model.outputs[0].shape == (None, 3, 8, 8)
    assert model.provider == "CPUExecutionProvider"
    assert first.shape == (4, 3, 8, 8)
    assert np.allclose(first[:1], second, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x80\x04\x95 a pickle", "This is not an ONNX model"),
        (onnx_files.custom_operator(), "com.example:Magic, which ONNX does not define"),
        (onnx_files.external_data(), "Its weights are in another file"),
        (
            onnx_files.generator().replace(b"Tanh", b"Tonh"),
            "It cannot be loaded: .*Ton",
        ),
        (onnx_files.hungry(), r"needs more memory than the 1\.0 GiB"),
        (onnx_files.three_inputs(), "fails on a batch of the stated inputs"),
    ],
)
def test_what_cannot_run_is_a_sentence(write, data, sentence):
    with pytest.raises(GeneratorFaultError, match=sentence):
        run(write(data))


def test_an_endless_loop_is_stopped(write):
    limits = Limits(memory_bytes=2**30, seconds=2, n_threads=1)
    with pytest.raises(GeneratorFaultError, match="took longer than 2 s"):
        run(write(onnx_files.endless()), limits)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(signal.SIGKILL, "needs more memory"), (signal.SIGSEGV, "status -11")],
)
def test_a_process_that_dies_is_a_sentence(write, number, sentence):
    with open_onnx(write(onnx_files.generator()), limits=LIMITS) as opened:
        os.kill(opened.pid, number)
        with pytest.raises(GeneratorFaultError, match=sentence):
            opened.run({"z": Z}, output="images")


def test_a_process_that_is_dead_before_it_is_written_to_is_a_sentence(write):
    with open_onnx(write(onnx_files.generator()), limits=LIMITS) as opened:
        os.kill(opened.pid, signal.SIGSEGV)
        os.waitid(os.P_PID, opened.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(GeneratorFaultError, match="status -11"):
            opened.run({"z": Z}, output="images")


def test_the_process_is_gone_afterwards(write):
    with open_onnx(write(onnx_files.generator()), limits=LIMITS) as opened:
        pid = opened.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_process_knows_no_secret_and_writes_no_file(write, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "of the site")
    with open_onnx(write(onnx_files.generator()), limits=LIMITS) as opened:
        pid = opened.pid
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            environment = file.read()
        with open(f"/proc/{pid}/limits") as file:  # noqa: PTH123
            limits = {line[:26].strip(): line[26:47].strip() for line in file}
    assert b"SECRET_KEY" not in environment
    assert limits["Max file size"] == "0"
    assert limits["Max address space"] == str(2**30)
