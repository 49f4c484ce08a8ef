"""Which of a generator's inputs is z, which the class, and how both are filled."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypeweb.sandbox.process import Model, Port
from hypeweb.services.errors import DomainError

# Where the file leaves the number open; fixed, as the last bits of an image may depend
# on how many are made at once.
BATCH_SIZE = 16
MAX_BATCH_SIZE = 1024
# What all inputs of one batch hold together: they are made outside the limits under
# which the generator itself runs.
MAX_BATCH_VALUES = 2**24
FLOATS = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
}
INTEGERS = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
IMAGE_RANK = 4

ClassForm = Literal["index", "column", "one_hot"]


@dataclass(frozen=True)
class ClassInput:
    """How the class goes in: as numbers (n,), as a column (n, 1), or one-hot (n, k)."""

    name: str
    dtype: str
    form: ClassForm
    n_classes: int


@dataclass(frozen=True)
class Feed:
    """What one batch of a generator looks like."""

    z_name: str
    z_dtype: str
    class_input: ClassInput | None
    output: str
    batch_size: int

    def inputs(
        self, latents: NDArray[np.float32], labels: NDArray[np.int64] | None
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs for one batch."""
        found: dict[str, NDArray[Any]] = {self.z_name: latents.astype(self.z_dtype)}
        target = self.class_input
        if target is not None and labels is not None:
            classes = labels
            if target.form == "one_hot":
                classes = np.zeros((labels.size, target.n_classes), dtype=np.int64)
                classes[np.arange(labels.size), labels] = 1
            elif target.form == "column":
                classes = labels[:, None]
            found[target.name] = classes.astype(target.dtype)
        return found


def feed_of(model: Model, *, z_dims: Sequence[int], n_classes: int | None) -> Feed:
    """Return how a model is fed; a DomainError says what does not fit the statement."""
    z, target = _roles(model, n_classes)
    if z.type not in FLOATS:
        raise DomainError(f"Its input {z.name} is {z.type}; z must be of floats.")
    expected = ("n", *z_dims)
    sizes_fit = len(z.shape) == len(expected) and all(
        found in {None, size} for found, size in zip(z.shape[1:], z_dims, strict=True)
    )
    if not sizes_fit:
        raise DomainError(
            f"Its input {z.name} has shape {_shape(z)}, and ({_listed(expected)}) was "
            "stated; correct the shape of z."
        )
    batch_size = z.shape[0] or BATCH_SIZE
    if batch_size > MAX_BATCH_SIZE:
        raise DomainError(
            f"It makes {batch_size} images at once, and at most {MAX_BATCH_SIZE} are "
            "taken; export it with a smaller or an open batch."
        )
    class_input = None
    if target is not None and n_classes is not None:
        class_input = _class_input(target, n_classes)
    _check_values(batch_size, math.prod(z_dims), class_input)
    outputs = [port for port in model.outputs if len(port.shape) == IMAGE_RANK]
    return Feed(
        z_name=z.name,
        z_dtype=FLOATS[z.type],
        class_input=class_input,
        output=(outputs or list(model.outputs))[0].name,
        batch_size=batch_size,
    )


def _check_values(batch_size: int, z_size: int, class_input: ClassInput | None) -> None:
    n_values = z_size
    if class_input is not None and class_input.form == "one_hot":
        n_values += class_input.n_classes
    if batch_size * n_values > MAX_BATCH_VALUES:
        raise DomainError(
            f"One batch of {batch_size} takes {batch_size * n_values} numbers, and at "
            f"most {MAX_BATCH_VALUES} are made; export it with a smaller z or batch."
        )


def _roles(model: Model, n_classes: int | None) -> tuple[Port, Port | None]:
    n_expected = 1 if n_classes is None else 2
    if len(model.inputs) != n_expected:
        names = ", ".join(port.name for port in model.inputs) or "none"
        wanted = (
            "z alone; fill in the number of classes if one of them is the class"
            if n_classes is None
            else "z and the class; leave the number of classes empty if it has none"
        )
        raise DomainError(
            f"It has {len(model.inputs)} inputs ({names}); those taken are {wanted}."
        )
    if n_classes is None:
        return model.inputs[0], None
    first, second = model.inputs
    return (second, first) if _is_class(first, second, n_classes) else (first, second)


def _is_class(port: Port, other: Port, n_classes: int) -> bool:
    """Say whether a port takes the class; in doubt the second does."""
    if (port.type in INTEGERS) != (other.type in INTEGERS):
        return port.type in INTEGERS
    return port.shape[-1:] == (n_classes,) and other.shape[-1:] != (n_classes,)


def _class_input(port: Port, n_classes: int) -> ClassInput:
    rank, width = len(port.shape), port.shape[-1] if port.shape else 0
    if port.type in INTEGERS and rank == 1:
        return ClassInput(port.name, INTEGERS[port.type], "index", n_classes)
    if port.type in INTEGERS and rank == 2 and width == 1:  # noqa: PLR2004
        return ClassInput(port.name, INTEGERS[port.type], "column", n_classes)
    dtype = (FLOATS | INTEGERS).get(port.type)
    if dtype and rank == 2 and width in {None, n_classes}:  # noqa: PLR2004
        return ClassInput(port.name, dtype, "one_hot", n_classes)
    raise DomainError(
        f"Its input {port.name} is {port.type} of shape {_shape(port)}; a class must "
        f"be a whole number of shape (n) or (n, 1), or one-hot, (n, {n_classes})."
    )


def _shape(port: Port) -> str:
    return f"({_listed(['n' if size is None else size for size in port.shape])})"


def _listed(sizes: Sequence[object]) -> str:
    return ", ".join(map(str, sizes))
