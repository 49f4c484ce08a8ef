"""The data dictionary: what every column of the exports holds."""

from hypeweb.services.export_columns import TABLES, ExportColumn, ExportTable

INTRODUCTION = """\
The columns of a study's exports, the same in CSV, JSON and Parquet; an empty cell of
the CSV is null in the others. This page is made by `manage.py data_dictionary`."""
KINDS = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "time": "time, UTC",
}


def tables() -> list[ExportTable]:
    """Return the tables in the order of the pipeline."""
    return list(TABLES.values())


def as_rows() -> list[list[str]]:
    """Return the dictionary as a table of strings, heading first."""
    heading = ["table", "column", "type", "unit", "description"]
    return [heading] + [
        [table.what, column.name, column.kind, column.unit, column.help]
        for table in tables()
        for column in table.columns
    ]


def as_markdown() -> str:
    """Return the dictionary as docs/data-dictionary.md holds it."""
    lines = [
        "# Data dictionary",
        "",
        INTRODUCTION,
    ]
    for table in tables():
        lines += [
            "",
            f"## {table.what}",
            "",
            f"One row: {table.row}.",
            "",
            "| column | type | description |",
            "|---|---|---|",
            *(
                f"| `{column.name}` | {kind_of(column)} | {column.help} |"
                for column in table.columns
            ),
        ]
    return "\n".join(lines) + "\n"


def kind_of(column: ExportColumn) -> str:
    """Return a column's type and unit in words."""
    return f"{KINDS[column.kind]}, {column.unit}" if column.unit else KINDS[column.kind]
