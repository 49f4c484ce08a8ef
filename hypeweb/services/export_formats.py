"""Rows as CSV, JSON and Parquet, a piece at a time: no export is ever held whole."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal, get_args

from hypeweb.services.export_columns import ExportTable

Format = Literal["csv", "json", "parquet"]
Row = Sequence[object]

FORMATS: tuple[Format, ...] = get_args(Format)
CONTENT_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
ROWS_AT_A_TIME = 2000
# Few groups of many rows compress well and are still small in memory.
ROWS_PER_GROUP = 20_000


def write(table: ExportTable, rows: Iterable[Row], form: Format) -> Iterator[bytes]:
    """Return a file of the rows, piece by piece."""
    writers = {"csv": _csv, "json": _json, "parquet": _parquet}
    return writers[form](table, rows)


def _csv(table: ExportTable, rows: Iterable[Row]) -> Iterator[bytes]:
    yield _csv_lines([[column.name for column in table.columns]])
    for part in _parts(rows, ROWS_AT_A_TIME):
        yield _csv_lines([[_cell(value) for value in row] for row in part])


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _json(table: ExportTable, rows: Iterable[Row]) -> Iterator[bytes]:
    names = [column.name for column in table.columns]
    separator = "[\n"
    for part in _parts(rows, ROWS_AT_A_TIME):
        lines = [_json_object(names, row) for row in part]
        yield (separator + ",\n".join(lines)).encode()
        separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def _json_object(names: Sequence[str], row: Row) -> str:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in zip(names, row, strict=True)
    }
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def _parquet(table: ExportTable, rows: Iterable[Row]) -> Iterator[bytes]:
    # A hundred megabytes that no other page needs.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [
            pa.field(
                column.name,
                kinds[column.kind],
                metadata={"description": column.help, "unit": column.unit},
            )
            for column in table.columns
        ]
    )
    sink = _Pieces()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for part in _parts(rows, ROWS_PER_GROUP):
            columns = [
                pa.array(column, type=field.type)
                for field, column in zip(schema, zip(*part, strict=True), strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield sink.take()
    yield sink.take()


class _Pieces(io.RawIOBase):
    """A file to write to, from which what was written is taken as it comes."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._written.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        pieces, self._written = self._written, []
        return b"".join(pieces)


def _parts(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while part := list(islice(iterator, size)):
        yield part
