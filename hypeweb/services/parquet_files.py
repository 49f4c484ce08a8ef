"""Images in the tables that Hugging Face stores data sets in."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypeweb.services.entries import Archive, Entry, bounded
from hypeweb.services.errors import DomainError

if TYPE_CHECKING:
    from pyarrow import Schema

# Rows decoded at once, so that a table of any size takes little memory.
BATCH_ROWS = 32


def tables_at(path: Path) -> list[Path]:
    """Return the parquet files a path means: one, a folder's, or a pattern's."""
    if path.suffix == ".parquet" and path.is_file():
        return [path]
    if "*" in path.name and path.parent.is_dir():
        return sorted(path.parent.glob(path.name))
    if not path.is_dir():
        return []
    found = sorted(path.rglob("*.parquet"))
    splits = sorted({table.name.split("-")[0] for table in found if "-" in table.name})
    if len(splits) > 1:
        raise DomainError(
            f"{path.name} holds the splits {' and '.join(splits)}; name the files of "
            f"one, as in {found[0].parent / splits[0]}-*.parquet."
        )
    return found


def open_tables(paths: list[Path]) -> Archive:
    """Return the images of tables that share a layout, in the order of their rows."""
    import pyarrow as pa  # noqa: PLC0415 - only this source needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        columns = [_image_column(path, pq.read_schema(path)) for path in paths]
        n_rows = sum(pq.read_metadata(path).num_rows for path in paths)
    except (pa.ArrowException, OSError) as error:
        raise DomainError(
            f"{paths[0].name} cannot be read as parquet ({_first_line(error)}); write "
            "it again and retry."
        ) from error

    def read() -> Iterator[Entry]:
        for path, column in zip(paths, columns, strict=True):
            try:
                yield from _rows(path, column)
            except (pa.ArrowException, OSError) as error:
                raise DomainError(
                    f"{path.name} is damaged ({_first_line(error)}); write it again "
                    "and retry."
                ) from error

    return Archive(n_rows, read())


def _image_column(path: Path, schema: "Schema") -> str:
    """Return the name of the column of images: a struct with bytes, or binary."""
    from pyarrow import types  # noqa: PLC0415

    found: list[str] = []
    for field in schema:
        kind = field.type
        has_bytes = types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        if has_bytes or types.is_binary(kind) or types.is_large_binary(kind):
            found.append(field.name)
    if len(found) == 1:
        return found[0]
    if "image" in found:
        return "image"
    raise DomainError(
        f"{path.name} must have one column of images, a struct with “bytes” or binary, "
        f"or one named “image”; got {', '.join(schema.names) or 'no column'}."
    )


def _rows(path: Path, column: str) -> Iterator[Entry]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    number = 0
    with pq.ParquetFile(path, pre_buffer=False) as table:
        batches = table.iter_batches(BATCH_ROWS, columns=[column], use_threads=False)
        for batch in batches:
            for cell in batch.column(0):
                yield _entry(f"{path.stem}/{number:06d}", cell.as_py())
                number += 1


def _entry(place: str, value: Any) -> Entry:  # noqa: ANN401 - whatever a cell holds
    if isinstance(value, dict):
        data, name = value["bytes"], value.get("path")
    else:
        data, name = value, None
    label = f"{place} {name}" if name else place
    return Entry(label, None if data is None else bounded(data), is_image=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
