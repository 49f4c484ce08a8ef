"""Small ONNX generators for tests, good ones and bad ones."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Z = 4
SIDE = 8
OPSET = 17


def generator(
    *,
    layout: str = "nchw",
    channels: int = 3,
    scale: float = 1.0,
    offset: float = 0.0,
    n_classes: int | None = None,
    one_hot: bool = False,
    gain: float = 1.0,
    batch: int | str = "n",
) -> bytes:
    """A linear map of z, and of the class, through tanh: images in [-1, 1] * scale."""
    shape = {
        "nchw": (channels, SIDE, SIDE),
        "nhwc": (SIDE, SIDE, channels),
        "flat": (channels * SIDE * SIDE,),
    }[layout]
    rng = np.random.default_rng(0)
    size = channels * SIDE * SIDE
    constants = {
        "weights": rng.normal(size=(Z, size)).astype(np.float32) * gain,
        "shape": np.array([-1, *shape]),
        "scale": np.array(scale, np.float32),
        "offset": np.array(offset, np.float32),
    }
    inputs = [("z", TensorProto.FLOAT, [batch, Z])]
    nodes = [helper.make_node("MatMul", ["z", "weights"], ["hidden"])]
    hidden = "hidden"
    if n_classes:
        constants["embedding"] = rng.normal(size=(n_classes, size)).astype(np.float32)
        if one_hot:
            inputs.append(("y", TensorProto.FLOAT, [batch, n_classes]))
            nodes.append(helper.make_node("MatMul", ["y", "embedding"], ["class"]))
        else:
            inputs.append(("y", TensorProto.INT64, [batch]))
            nodes.append(helper.make_node("Gather", ["embedding", "y"], ["class"]))
        nodes.append(helper.make_node("Add", ["hidden", "class"], ["both"]))
        hidden = "both"
    nodes += [
        helper.make_node("Tanh", [hidden], ["squashed"]),
        helper.make_node("Mul", ["squashed", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["shifted"]),
        helper.make_node("Reshape", ["shifted", "shape"], ["images"]),
    ]
    return _model(nodes, constants, inputs=inputs, shape=[batch, *shape])


def constant() -> bytes:
    return generator(scale=0.0, offset=0.25)


def not_a_number() -> bytes:
    """The square root of values below 0."""
    nodes = [
        helper.make_node("Abs", ["z"], ["positive"]),
        helper.make_node("Neg", ["positive"], ["negative"]),
        helper.make_node("Sqrt", ["negative"], ["root"]),
        helper.make_node("Reshape", ["root", "shape"], ["images"]),
    ]
    return _model(nodes, {"shape": np.array([-1, 1, 2, 2])}, shape=["n", 1, 2, 2])


def random_noise() -> bytes:
    """Noise of its own on every run."""
    nodes = [
        helper.make_node("RandomNormalLike", ["z"], ["noise"], scale=0.1),
        helper.make_node("Tanh", ["noise"], ["squashed"]),
        helper.make_node("Reshape", ["squashed", "shape"], ["images"]),
    ]
    return _model(nodes, {"shape": np.array([-1, 1, 2, 2])}, shape=["n", 1, 2, 2])


def endless() -> bytes:
    """A loop that ends after more turns than anybody waits for."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Sin", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["turns", "yes", "z"], ["done"], body=body),
        helper.make_node("Reshape", ["done", "shape"], ["images"]),
    ]
    constants = {
        "turns": np.array(2**60),
        "yes": np.array(True),
        "shape": np.array([-1, 1, 2, 2]),
    }
    return _model(nodes, constants, shape=["n", 1, 2, 2])


def hungry() -> bytes:
    """A few bytes that unfold to 40 GB."""
    nodes = [
        helper.make_node("ReduceSum", ["z"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "wide"], ["huge"]),
        helper.make_node("Sin", ["huge"], ["images"]),
    ]
    constants = {"wide": np.array([100, 1, 10_000, 10_000])}
    return _model(nodes, constants, shape=[100, 1, 10_000, 10_000])


def custom_operator() -> bytes:
    nodes = [helper.make_node("Magic", ["z"], ["images"], domain="com.example")]
    return _model(nodes, {}, shape=["n", 1, 2, 2], domains=["com.example"])


def hidden_custom_operator() -> bytes:
    """A custom operator in a branch that is never taken."""
    branches = {
        name: helper.make_graph(
            [helper.make_node(operator, ["z"], [name], domain=domain)],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name, operator, domain in (
            ("then_branch", "Identity", ""),
            ("else_branch", "Magic", "com.example"),
        )
    }
    nodes = [helper.make_node("If", ["yes"], ["images"], **branches)]
    return _model(
        nodes, {"yes": np.array(True)}, shape=["n", Z], domains=["com.example"]
    )


def external_data() -> bytes:
    model = onnx.load_from_string(generator())
    (weights,) = (t for t in model.graph.initializer if t.name == "weights")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return model.SerializeToString()


def three_inputs() -> bytes:
    nodes = [
        helper.make_node("Add", ["z", "w"], ["one"]),
        helper.make_node("Add", ["one", "v"], ["two"]),
        helper.make_node("Reshape", ["two", "shape"], ["images"]),
    ]
    inputs = [(name, TensorProto.FLOAT, ["n", Z]) for name in "zwv"]
    constants = {"shape": np.array([-1, 1, 2, 2])}
    return _model(nodes, constants, inputs=inputs, shape=["n", 1, 2, 2])


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *,
    shape: Sequence[int | str],
    inputs: Sequence[tuple[str, int, Sequence[int | str]]] = (
        ("z", TensorProto.FLOAT, ["n", Z]),
    ),
    domains: Sequence[str] = (),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "generator",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    opsets += [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    data: bytes = model.SerializeToString()
    return data
