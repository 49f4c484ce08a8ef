import numpy as np
import pytest

from hypeweb.sandbox.process import Model, Port
from hypeweb.services.errors import DomainError
from hypeweb.services.feeds import BATCH_SIZE, feed_of

FLOAT, INT64 = "tensor(float)", "tensor(int64)"
Z = Port("z", FLOAT, (None, 4))
IMAGES = Port("x", FLOAT, (None, 3, 8, 8))


def model(*inputs, outputs=(IMAGES,)):
    return Model(17, 1, inputs, outputs, "1.0", "CPUExecutionProvider")


def feed(*inputs, n_classes=None, z_dims=(4,), **fields):
    return feed_of(model(*inputs, **fields), z_dims=z_dims, n_classes=n_classes)


def test_z_alone_is_the_only_input():
    found = feed(Z)
    assert (found.z_name, found.output, found.batch_size) == ("z", "x", BATCH_SIZE)
    latents = np.zeros((2, 4), np.float32)
    assert list(found.inputs(latents, None)) == ["z"]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (Port("y", INT64, (None,)), [0, 2]),
        (Port("y", "tensor(int32)", (None, 1)), [[0], [2]]),
        (Port("y", FLOAT, (None, 3)), [[1, 0, 0], [0, 0, 1]]),
        (Port("y", INT64, (None, None)), [[1, 0, 0], [0, 0, 1]]),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_the_class_is_found_in_either_place_and_filled_in(port, expected, first):
    found = feed(*((port, Z) if first else (Z, port)), n_classes=3)
    inputs = found.inputs(np.zeros((2, 4), np.float32), np.array([0, 2]))
    assert inputs["y"].tolist() == expected
    assert inputs["y"].dtype == {"tensor(int32)": "int32", INT64: "int64"}.get(
        port.type, "float32"
    )


def test_the_second_of_two_alike_is_the_class():
    found = feed(Port("a", FLOAT, (None, 4)), Port("b", FLOAT, (None, 4)), n_classes=4)
    assert (found.z_name, found.class_input.name) == ("a", "b")


def test_a_fixed_batch_is_kept_and_the_images_are_found_among_the_outputs():
    other = Port("features", FLOAT, (None, 10))
    found = feed(Port("z", "tensor(float16)", (8, 4)), outputs=(other, IMAGES))
    assert (found.batch_size, found.output, found.z_dtype) == (8, "x", "float16")


@pytest.mark.parametrize(
    ("inputs", "n_classes", "sentence"),
    [
        ((Z, Port("y", INT64, (None,))), None, "has 2 inputs .*fill in the number of"),
        ((Z,), 3, "has 1 inputs .*leave the number of classes empty"),
        ((Z, Z, Z), 3, r"has 3 inputs \(z, z, z\)"),
        ((), None, r"has 0 inputs \(none\)"),
        ((Port("z", INT64, (None, 4)),), None, "z must be of floats"),
        ((Port("z", FLOAT, (None, 5)),), None, r"shape \(n, 5\), and \(n, 4\) was"),
        ((Port("z", FLOAT, (None, 4, 1)),), None, r"shape \(n, 4, 1\), and \(n, 4\)"),
        ((Port("z", FLOAT, (5000, 4)),), None, "makes 5000 images at once"),
        (
            (Z, Port("y", FLOAT, (None, 7))),
            3,
            r"y is tensor\(float\) of shape \(n, 7\)",
        ),
        ((Z, Port("y", "tensor(string)", (None,))), 3, "a class must be"),
    ],
)
def test_what_does_not_fit_the_statement_is_a_sentence(inputs, n_classes, sentence):
    with pytest.raises(DomainError, match=sentence):
        feed(*inputs, n_classes=n_classes)


@pytest.mark.parametrize(
    ("inputs", "fields", "sentence"),
    [
        ([Port("z", FLOAT, (None, None))], {"z_dims": (2**21,)}, "smaller z or batch"),
        (
            [Port("z", FLOAT, (1024, 4)), Port("y", FLOAT, (1024, None))],
            {"n_classes": 100_000},
            "One batch of 1024 takes 102404096 numbers, and at most 16777216",
        ),
    ],
)
def test_a_batch_too_large_to_be_made_is_a_sentence(inputs, fields, sentence):
    with pytest.raises(DomainError, match=sentence):
        feed(*inputs, **fields)


def test_a_class_among_many_takes_no_more_than_its_row():
    found = feed(Z, Port("y", FLOAT, (None, None)), n_classes=100_000)
    classes = found.inputs(np.zeros((1, 4), np.float32), np.array([99_999]))["y"]
    assert (classes.shape, classes.sum(), classes[0, -1]) == ((1, 100_000), 1, 1)
