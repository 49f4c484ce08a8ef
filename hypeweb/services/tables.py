"""Lines of cells that people send in, as spreadsheets save them."""

import csv
import io
from collections.abc import Iterator

from hypeweb.services.errors import DomainError


def rows_of(text: str, *, delimiter: str = ",") -> Iterator[list[str]]:
    """Yield the cells of each line, an empty one too, whatever ends the lines."""
    # Read with newline=None, the ends of an old Macintosh and of Windows are ends too.
    lines = io.StringIO(text.removeprefix("\ufeff"), newline=None)
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error as error:
        raise DomainError(
            "The file is no CSV: a quotation mark is opened and never closed. Save it "
            f"as CSV again. ({error})"
        ) from error
