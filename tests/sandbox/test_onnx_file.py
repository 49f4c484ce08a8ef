import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hypeweb.sandbox.onnx_file import Facts, NotOnnxError, read_facts
from tests import onnx_files


def read(data: bytes) -> Facts:
    return read_facts(memoryview(data))


def test_a_model_says_its_operators_and_opset():
    facts = read(onnx_files.generator())
    assert facts.opset == onnx_files.OPSET
    assert facts.n_nodes == 5
    assert facts.operators == {
        ("", name) for name in ("MatMul", "Tanh", "Mul", "Add", "Reshape")
    }
    assert facts.custom_operators == []
    assert not facts.has_external_data


@pytest.mark.parametrize(
    "data", [onnx_files.custom_operator(), onnx_files.hidden_custom_operator()]
)
def test_a_custom_operator_is_found_wherever_it_is(data):
    assert read(data).custom_operators == ["com.example:Magic"]


def test_a_function_of_the_file_itself_is_no_custom_operator():
    doubled = helper.make_function(
        "com.example",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    graph = helper.make_graph(
        [helper.make_node("Twice", ["z"], ["x"], domain="com.example")],
        "g",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
    )
    model = helper.make_model(graph, functions=[doubled])
    assert read(model.SerializeToString()).custom_operators == []


def test_weights_in_another_file_are_found():
    assert read(onnx_files.external_data()).has_external_data


def test_weights_of_a_constant_in_another_file_are_found():
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["x"], value=tensor)],
        "g",
        [],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
    )
    assert read(helper.make_model(graph).SerializeToString()).has_external_data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95pickle",
        b"PK\x03\x04 a zip",
        b"\x00" * 100,
        onnx_files.generator()[:-20],
        helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString(),
    ],
)
def test_what_is_no_model_is_refused(data):
    with pytest.raises(NotOnnxError):
        read(data)


def test_graphs_within_graphs_within_graphs_are_refused():
    graph = helper.make_graph([helper.make_node("Abs", ["z"], ["x"])], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph(
            [helper.make_node("If", ["z"], ["x"], then_branch=graph)], "g", [], []
        )
    with pytest.raises(NotOnnxError, match="nested more than 16 deep"):
        read(helper.make_model(graph).SerializeToString())


@given(st.integers(0, 2**32))
def test_damage_never_raises_anything_else(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(onnx_files.generator(channels=1))
    for place in rng.integers(0, len(data), size=4):
        data[place] = rng.integers(0, 256)
    with contextlib.suppress(NotOnnxError):
        read(bytes(data))
