import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from metrics.custom_networks import read_description
from metrics.errors import MetricsError
from metrics.extractors import Setup, load_extractor
from metrics.features import Reading, extract_features
from metrics.images import ArraySource

ABOUT = {
    "input_size": [4, 6],
    "mean": [0.5, 0.0, 0.0],
    "deviation": [0.5, 1.0, 2.0],
    "outputs": ["features", "logits"],
}


class Means(nn.Module):
    def forward(self, x):
        means = x.mean(dim=(2, 3))
        return means, means[:, :2]


class OnlyMeans(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


class Fails(nn.Module):
    def forward(self, x):
        return x.reshape(5, 7)


class FitsTwo(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3)).reshape(2, 3)


class ForgetsTheThird(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))[:2]


class Spatial(nn.Module):
    def forward(self, x):
        return x


@pytest.fixture
def save(tmp_path):
    def save_network(module, about=ABOUT):
        file = tmp_path / "net.pt"
        torch.jit.script(module).save(str(file))
        if about is not None:
            file.with_name("net.pt.json").write_text(json.dumps(about))
        return f"torchscript:{file}"

    return save_network


pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def test_load_custom_runs_a_network_with_its_normalisation(save):
    extractor = load_extractor(save(Means()), Setup(resize="clean"))
    source = ArraySource("a", np.full((3, 8, 8, 3), 255, np.uint8))

    found = extract_features(
        source, extractor, frozenset({"features", "logits"}), reading=Reading()
    )

    assert extractor.layers == {"features": 3}
    assert extractor.n_classes == 2
    np.testing.assert_allclose(found.layers["features"], [[1.0, 1.0, 0.5]] * 3)
    np.testing.assert_allclose(found.layers["logits"], [[1.0, 1.0]] * 3)


def test_load_custom_takes_networks_without_logits(save):
    name = save(OnlyMeans(), {**ABOUT, "outputs": ["features"]})

    assert load_extractor(name, Setup()).n_classes is None


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (OnlyMeans(), r"must return features and logits of shape \(n, d\) each, got"),
        (Fails(), r"fails on images of shape \(2, 3, 4, 6\): .*invalid for input"),
        (Spatial(), r"got \[\(2, 3, 4, 6\)\]"),
    ],
)
def test_load_custom_tries_the_network(save, module, message):
    with pytest.raises(MetricsError, match=message):
        load_extractor(save(module), Setup())


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (FitsTwo(), r"net\.pt fails on images of shape \(3, 3, 4, 6\): .*invalid for"),
        (ForgetsTheThird(), r"features of shape \(n, d\) each, got \[\(2, 3\)\] for n"),
    ],
)
def test_a_network_that_fails_on_a_later_batch_is_named(
    save, module, message, make_images
):
    extractor = load_extractor(
        save(module, {**ABOUT, "outputs": ["features"]}), Setup()
    )

    with pytest.raises(MetricsError, match=message):
        extract_features(
            ArraySource("a", make_images(3)),
            extractor,
            frozenset({"features"}),
            reading=Reading(),
        )


def test_memory_that_runs_out_in_a_network_is_no_fault_of_it(save, monkeypatch):
    monkeypatch.setattr("metrics.custom_networks._LOADERS", {"torchscript": _full})

    with pytest.raises(MemoryError):
        load_extractor(save(Means()), Setup())


def _full(_file, _device):
    def network(_x):
        raise MemoryError

    return network


def test_load_custom_refuses_other_files(tmp_path):
    file = tmp_path / "net.pt"
    with pytest.raises(MetricsError, match=r"net\.pt does not exist"):
        load_extractor(f"torchscript:{file}", Setup())

    file.write_bytes(b"junk")
    file.with_name("net.pt.json").write_text(json.dumps(ABOUT))
    with pytest.raises(MetricsError, match="is not a TorchScript network"):
        load_extractor(f"torchscript:{file}", Setup())


def test_load_custom_refuses_bfloat16(save):
    with pytest.raises(MetricsError, match="runs in fp32 only"):
        load_extractor(save(Means()), Setup(precision="bf16"))


def test_read_description_shows_an_example(tmp_path):
    with pytest.raises(MetricsError, match=r"net\.pt\.json: \{.input_size.: \[224"):
        read_description(tmp_path / "net.pt")


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        json.dumps({"input_size": [4, 4]}),
        json.dumps({**ABOUT, "input_size": [4]}),
        json.dumps({**ABOUT, "input_size": [4, 100_000]}),
        json.dumps({**ABOUT, "mean": [1, 2]}),
        json.dumps({**ABOUT, "deviation": [1, 2, 0]}),
        json.dumps({**ABOUT, "outputs": ["logits"]}),
        json.dumps({**ABOUT, "outputs": ["features", "masks"]}),
    ],
)
def test_read_description_refuses_nonsense(tmp_path, text):
    (tmp_path / "net.pt.json").write_text(text)

    with pytest.raises(MetricsError, match=r"net\.pt\.json .*input_size"):
        read_description(tmp_path / "net.pt")


def save_onnx(file):
    """Write the network `Means` as ONNX, batch size left open."""
    pixels = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 6])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("features", 3), ("logits", 2))
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("first_two", TensorProto.INT64, [2], [0, 1]),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["features"], keepdims=0),
        helper.make_node("Gather", ["features", "first_two"], ["logits"], axis=1),
    ]
    graph = helper.make_graph(nodes, "means", [pixels], outputs, constants)
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), file)
    file.with_name(f"{file.name}.json").write_text(json.dumps(ABOUT))


def test_onnx_gives_what_torchscript_gives(tmp_path, save):
    save_onnx(tmp_path / "net.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    source = ArraySource("a", pixels)
    wanted = frozenset({"features", "logits"})

    found, expected = (
        extract_features(
            source,
            load_extractor(name, Setup(resize="clean")),
            wanted,
            reading=Reading(batch_size=2),
        ).layers
        for name in (f"onnx:{tmp_path / 'net.onnx'}", save(Means()))
    )

    for layer in wanted:
        # Both average in float32, in orders of their own.
        np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-5, atol=1e-6)


def test_a_file_that_is_no_onnx_network_is_named(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"junk")
    file.with_name("net.onnx.json").write_text(json.dumps(ABOUT))

    with pytest.raises(MetricsError, match=r"net\.onnx is not an ONNX network"):
        load_extractor(f"onnx:{file}", Setup())
