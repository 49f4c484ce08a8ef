"""A report as plain data that can be read back: what a published version keeps.

Whatever a report holds is kept by its type: values, lists of values, and rows of tables
as their fields. Fields that outsiders must not read are left out.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, ForeignKey, Model

T = TypeVar("T")
# What JSON holds, and what a type annotation may be: neither has a type of its own.
Plain = Any
Hint = Any
# A token lets people in; whose a thing is, and what they noted of it, concerns nobody
# outside.
UNTOLD = frozenset({"token", "frozen_settings", "owner", "project", "notes"})


def dump(value: object) -> Plain:
    """Return a value as JSON can hold it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        # JSON has no name for what is not finite; a float reads this one back.
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Model):
        return _dump_row(value)
    if isinstance(value, Mapping):
        return {str(key): dump(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [dump(entry) for entry in value]
    if is_dataclass(value):
        return {one.name: dump(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"a report cannot hold a {type(value).__name__}")


def load(kind: type[T], data: Plain) -> T:
    """Return what was dumped of a type; raise ValueError where it is none of it."""
    try:
        return _load(kind, data)  # type: ignore[no-any-return]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"This is no stored {kind.__name__} of this program: {error}."
        ) from error


def _load(kind: Hint, data: Plain) -> Plain:
    if get_origin(kind) is not None:
        return _load_generic(kind, data)
    if isinstance(kind, type) and issubclass(kind, Model):
        return _load_row(kind, data)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        found = {name: _load(hints[name], data[name]) for name in hints if name in data}
        return kind(**found)  # type: ignore[operator]
    if kind is float:
        return float(data)
    if kind in {str, int, bool} and not isinstance(data, kind):
        raise ValueError(f"expected {kind.__name__}, got {data!r}")
    return data


def _load_generic(kind: Hint, data: Plain) -> Plain:
    arguments = get_args(kind)
    origin: object = get_origin(kind)
    if origin in {Union, UnionType}:
        return _load_union(arguments, data)
    if origin is Literal:
        if data not in arguments:
            raise ValueError(f"expected one of {arguments}, got {data!r}")
        return data
    if origin is tuple:
        return _load_tuple(arguments, data)
    if origin is list:
        return [_load(arguments[0], entry) for entry in data]
    return {key: _load(arguments[1], entry) for key, entry in data.items()}


def _load_union(kinds: tuple[Hint, ...], data: Plain) -> Plain:
    if data is None and NoneType in kinds:
        return None
    errors = []
    for kind in kinds:
        if kind is NoneType:
            continue
        try:
            return _load(kind, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            errors.append(str(error))
    raise ValueError("; ".join(errors))


def _load_tuple(arguments: tuple[Hint, ...], data: Plain) -> tuple[Plain, ...]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(_load(arguments[0], entry) for entry in data)
    return tuple(
        _load(kind, entry) for kind, entry in zip(arguments, data, strict=True)
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    told = {one.name for one in fields(kind)}
    return {name: hint for name, hint in get_type_hints(kind).items() if name in told}


def _dump_row(row: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in _fields(type(row)):
        if isinstance(field, ForeignKey) and field.is_cached(row):
            found[field.name] = dump(getattr(row, field.name))
        else:
            found[field.attname] = json.loads(
                json.dumps(field.value_from_object(row), cls=DjangoJSONEncoder)
            )
    return found


def _load_row(kind: type[Model], data: Mapping[str, Any]) -> Model:
    values: dict[str, Any] = {}
    for field in _fields(kind):
        if isinstance(field, ForeignKey) and field.name in data:
            values[field.name] = _load(field.related_model, data[field.name])
        elif field.attname in data:
            values[field.attname] = field.to_python(data[field.attname])
    return kind(**values)


def _fields(kind: type[Model]) -> "list[Field[Any, Any]]":
    return [
        field
        for field in kind._meta.concrete_fields  # noqa: SLF001 - a public API
        if field.name not in UNTOLD
    ]
