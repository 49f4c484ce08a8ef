"""What an ONNX file says of itself, read without running or loading it.

An ONNX file is one protobuf message. Only what decides whether the file may be loaded
is read here: operators, their domains, and where the weights are. The numbers of the
fields are those of onnx.proto.
"""

# ruff: noqa: PLR2004 - the numbers of the format

from collections.abc import Iterator
from dataclasses import dataclass, field

# What onnxruntime itself brings; anything else would need a library of its author's.
BUILT_IN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
MAX_DEPTH = 16
EXTERNAL = 1

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10

Value = int | memoryview


class NotOnnxError(ValueError):
    """Bytes that are no ONNX model; the message says what is missing."""


@dataclass
class Facts:
    """What is known of a model before it is loaded."""

    opset: int = 0
    n_nodes: int = 0
    operators: set[tuple[str, str]] = field(default_factory=set)  # domain, name
    functions: set[tuple[str, str]] = field(default_factory=set)
    has_external_data: bool = False

    @property
    def custom_operators(self) -> list[str]:
        """Return the operators that neither ONNX nor the file itself defines."""
        return sorted(
            f"{domain}:{name}"
            for domain, name in self.operators - self.functions
            if domain not in BUILT_IN_DOMAINS
        )


def read_facts(data: memoryview) -> Facts:
    """Return the facts of a model; raise NotOnnxError where the bytes are none."""
    facts = Facts()
    has_version = has_graph = False
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            has_version = True
        elif number == 7 and isinstance(value, memoryview):
            has_graph = True
            _read_graph(value, facts, depth=0)
        elif number == 8 and isinstance(value, memoryview):
            _read_opset(value, facts)
        elif number == 25 and isinstance(value, memoryview):
            _read_function(value, facts)
    if not (has_version and has_graph and facts.n_nodes):
        raise NotOnnxError("it holds no graph of operators")
    return facts


def _read_opset(data: memoryview, facts: Facts) -> None:
    domain, version = "", 0
    for number, value in _fields(data):
        if number == 1:
            domain = _text(value)
        elif number == 2 and isinstance(value, int):
            version = value
    if domain in {"", "ai.onnx"}:
        facts.opset = version


def _read_function(data: memoryview, facts: Facts) -> None:
    name = domain = ""
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        elif number == 10:
            domain = _text(value)
        elif number == 7 and isinstance(value, memoryview):
            _read_node(value, facts, depth=0)
    facts.functions.add((domain, name))


def _read_graph(data: memoryview, facts: Facts, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotOnnxError(f"its graphs are nested more than {MAX_DEPTH} deep")
    for number, value in _fields(data):
        if not isinstance(value, memoryview):
            continue
        if number == 1:
            _read_node(value, facts, depth=depth)
        elif number == 5:
            _read_tensor(value, facts)
        elif number == 15:
            _read_sparse(value, facts)


def _read_node(data: memoryview, facts: Facts, *, depth: int) -> None:
    name = domain = ""
    for number, value in _fields(data):
        if number == 4:
            name = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5 and isinstance(value, memoryview):
            _read_attribute(value, facts, depth=depth)
    facts.n_nodes += 1
    facts.operators.add((domain, name))


def _read_attribute(data: memoryview, facts: Facts, *, depth: int) -> None:
    for number, value in _fields(data):
        if not isinstance(value, memoryview):
            continue
        if number in {5, 10}:
            _read_tensor(value, facts)
        elif number in {22, 23}:
            _read_sparse(value, facts)
        elif number in {6, 11}:
            _read_graph(value, facts, depth=depth + 1)


def _read_sparse(data: memoryview, facts: Facts) -> None:
    for number, value in _fields(data):
        if number in {1, 2} and isinstance(value, memoryview):
            _read_tensor(value, facts)


def _read_tensor(data: memoryview, facts: Facts) -> None:
    for number, value in _fields(data):
        if number == 13 or (number == 14 and value == EXTERNAL):
            facts.has_external_data = True


def _fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield number and value of a message's fields; bytes are never copied."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == BYTES:
            size, place = _varint(data, place)
        elif wire in FIXED_SIZES:
            size = FIXED_SIZES[wire]
        else:
            raise NotOnnxError("its bytes are no protobuf message")
        if not number or place + size > len(data):
            raise NotOnnxError("it is cut short or no protobuf message")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for i in range(MAX_VARINT_BYTES):
        if place + i >= len(data):
            break
        byte = data[place + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:  # the last byte's high bit is clear
            return value, place + i + 1
    raise NotOnnxError("it is cut short or no protobuf message")


def _text(value: Value) -> str:
    return (
        bytes(value[:200]).decode("utf-8", "replace")
        if not isinstance(value, int)
        else ""
    )
