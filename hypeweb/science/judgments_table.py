"""Judgments collected anywhere, read from a table of comma-separated values."""

import csv
import hashlib
import json
from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.estimates import Caution

REQUIRED = ("evaluator", "arm", "sample", "truth", "answer")
NUMBERS = ("planned_ms", "shown_ms", "rt_ms")
# Of an export of this site: rows that say false take no part.
IS_SCORED = "is_scored"
OPTIONAL = ("block", *NUMBERS, IS_SCORED)
ROWS_AT_A_TIME = 50_000


@dataclass(frozen=True, eq=False)
class JudgmentsTable:
    """A table of judgments.

    Attributes
    ----------
    names : dict of str to list of str
        The distinct entries of evaluator, arm, sample and block, in order of
        appearance.
    codes : dict of str to ndarray of shape (n,), int32
        Number of the entry of every judgment, for the same columns.
    truth, said_real : ndarray of shape (n,), bool
        True for real.
    numbers : dict of str to ndarray of shape (n,), float64
        Planned and shown exposure and response time in ms; NaN where empty.
    row : ndarray of shape (n,), int64
        Row of the file, the header being row 1.
    n_rows : int
        Judgments of the file, repeated ones included.
    cautions : tuple of Caution
        What was left out.
    """

    names: dict[str, list[str]]
    codes: dict[str, NDArray[np.int32]]
    truth: NDArray[np.bool_]
    said_real: NDArray[np.bool_]
    numbers: dict[str, NDArray[np.float64]]
    row: NDArray[np.int64]
    n_rows: int
    cautions: tuple[Caution, ...]

    def evaluators(self, arm: str) -> list[EvaluatorAnswers]:
        """Return the judgments of one arm, evaluator by evaluator, in file order.

        Parameters
        ----------
        arm : str
            Name of the arm.

        Returns
        -------
        list of EvaluatorAnswers
            `planned_ms` is set where the arm is timed.
        """
        of_arm = np.flatnonzero(self.codes["arm"] == self.names["arm"].index(arm))
        by_person = of_arm[np.argsort(self.codes["evaluator"][of_arm], kind="stable")]
        people = self.codes["evaluator"][by_person]
        cuts = np.flatnonzero(np.diff(people)) + 1
        return [self._person(rows) for rows in np.split(by_person, cuts)]

    def evaluator_names(self, arm: str) -> list[str]:
        """Return the names of an arm's evaluators, in the order of `evaluators`.

        Parameters
        ----------
        arm : str
            Name of the arm.

        Returns
        -------
        list of str
            As the file has them.
        """
        of_arm = self.codes["arm"] == self.names["arm"].index(arm)
        codes = np.unique(self.codes["evaluator"][of_arm])
        return [self.names["evaluator"][code] for code in codes]

    def is_timed(self, arm: str) -> bool:
        """Return whether an arm's images were shown for planned exposures.

        Parameters
        ----------
        arm : str
            Name of the arm.

        Returns
        -------
        bool
            True where a judgment has `planned_ms`.
        """
        of_arm = self.codes["arm"] == self.names["arm"].index(arm)
        return bool(np.isfinite(self.numbers["planned_ms"][of_arm]).any())

    def _person(self, rows: NDArray[np.int64]) -> EvaluatorAnswers:
        planned = self.numbers["planned_ms"][rows]
        return EvaluatorAnswers(
            truth=self.truth[rows],
            said_real=self.said_real[rows],
            sample=self.codes["sample"][rows].astype(np.int64),
            rt_ms=self.numbers["rt_ms"][rows],
            block=self.codes["block"][rows].astype(np.int64),
            planned_ms=None
            if np.isnan(planned).any()
            else np.rint(planned).astype(np.int64),
            shown_ms=self.numbers["shown_ms"][rows],
        )


def read_judgments(lines: Iterable[str]) -> JudgmentsTable:
    """Return the judgments of a table of comma-separated values.

    Parameters
    ----------
    lines : iterable of str
        The file's lines, the first with the names of the columns: evaluator, arm,
        sample, truth and answer, and where known block, planned_ms, shown_ms, rt_ms
        and is_scored.

    Returns
    -------
    JudgmentsTable
        Of an evaluator's repeated judgments of one image in one block only the first;
        without the rows whose is_scored is false.

    Raises
    ------
    ValueError
        If a column is missing or an entry is not what it should be; the sentence names
        row and column.

    Notes
    -----
    Columns are kept as arrays of numbers, so that ten million rows fit in memory.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _require_header(header)
        columns = _Columns()
        numbered = ((n, row) for n, row in enumerate(reader, start=2) if row)
        while part := list(islice(numbered, ROWS_AT_A_TIME)):
            columns.add(part, header)
    except csv.Error as error:
        raise ValueError(
            f"Row {reader.line_num}: not a valid line, {error}."
        ) from error
    if not columns.rows:
        raise ValueError(
            "The table has a header and no judgments"
            + (" that are scored." if columns.n_unscored else ".")
        )
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    cautions: tuple[Caution, ...] = (
        (Caution("unknown-columns", f"Not used: {', '.join(unknown)}."),)
        if unknown
        else ()
    )
    if columns.n_unscored:
        cautions += (
            Caution(
                "unscored-judgments",
                f"Left out, because is_scored is false: {columns.n_unscored}.",
            ),
        )
    table = columns.table(cautions)
    _require_timing(table)
    return table


def no_judgments(heading: str) -> JudgmentsTable:
    """Return a table without a judgment.

    Parameters
    ----------
    heading : str
        The line with the names of the columns it was read from.

    Returns
    -------
    JudgmentsTable
        Empty.

    Raises
    ------
    ValueError
        If the line lacks a column that `read_judgments` needs.
    """
    _require_header([name.strip().lower() for name in next(csv.reader([heading]))])
    return _Columns().table(())


def judgments_digest(table: JudgmentsTable) -> str:
    """Return the SHA-256 of what scores read of a table of judgments.

    Parameters
    ----------
    table : JudgmentsTable
        The judgments.

    Returns
    -------
    str
        64 hexadecimal digits. The same for the same judgments in the same order with
        the same names, wherever they were read; another when any of it differs.
    """
    digest = hashlib.sha256()
    names = {name: table.names[name] for name in sorted(table.names)}
    digest.update(json.dumps(names, ensure_ascii=True).encode())
    for name in sorted(table.codes):
        digest.update(table.codes[name].astype("<i4").tobytes())
    for real in (table.truth, table.said_real):
        digest.update(real.astype("u1").tobytes())
    for name in sorted(table.numbers):
        numbers = table.numbers[name].astype("<f8")
        # One pattern of bits for every missing number.
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).tobytes())
    return digest.hexdigest()


class _Columns:
    """Rows turned into columns of numbers while they are read."""

    def __init__(self) -> None:
        """Start without a row."""
        self.rows = array("q")
        self.n_unscored = 0
        names = ("evaluator", "arm", "sample", "block")
        self.codes = {name: array("i") for name in names}
        # A new entry gets the next number.
        self.index: dict[str, dict[str, int]] = {
            name: defaultdict(count().__next__) for name in names
        }
        self.real = {"truth": array("b"), "answer": array("b")}
        self.numbers = {name: array("d") for name in NUMBERS}

    def add(self, part: list[tuple[int, list[str]]], header: list[str]) -> None:
        """Add numbered rows or raise a sentence about the first wrong one."""
        width = len(header)
        for number, row in part:
            if len(row) != width:
                raise ValueError(
                    f"Row {number}: expected {width} columns, got {len(row)}."
                )
        if IS_SCORED in header:
            part = self._scored(part, column=header.index(IS_SCORED))
        if not part:
            return
        rows = [number for number, _ in part]
        entries = zip(*(row for _, row in part), strict=True)
        columns = {
            name: [entry.strip() for entry in column]
            for name, column in zip(header, entries, strict=True)
        }
        for name, codes in self.codes.items():
            column = columns.get(name) or [""] * len(rows)
            if name != "block":
                _require_filled(column, name=name, rows=rows)
            codes.extend(map(self.index[name].__getitem__, column))
        for name, real in self.real.items():
            real.extend(_labels(columns[name], name=name, rows=rows))
        for name, numbers in self.numbers.items():
            column = columns.get(name) or [""] * len(rows)
            numbers.extend(_milliseconds(column, name=name, rows=rows))
        self.rows.extend(rows)

    def _scored(
        self, part: list[tuple[int, list[str]]], *, column: int
    ) -> list[tuple[int, list[str]]]:
        """Return the rows that do not say of themselves that no score counts them."""
        scored = []
        for number, row in part:
            entry = row[column].strip().lower()
            if entry not in {"true", "false"}:
                raise ValueError(
                    f"Row {number}, column {IS_SCORED}: expected true or false, got "
                    f"{row[column]!r}."
                )
            if entry == "true":
                scored.append((number, row))
        self.n_unscored += len(part) - len(scored)
        return scored

    def table(self, cautions: tuple[Caution, ...]) -> JudgmentsTable:
        """Return the table without repeated judgments."""
        codes = {n: np.frombuffer(c, dtype=np.int32) for n, c in self.codes.items()}
        truth = np.frombuffer(self.real["truth"], dtype=np.int8).astype(np.bool_)
        answer = np.frombuffer(self.real["answer"], dtype=np.int8).astype(np.bool_)
        rows = np.frombuffer(self.rows, dtype=np.int64)
        key = truth.astype(np.int64)
        for name, column in codes.items():
            key = key * (len(self.index[name]) + 1) + column
        _, first = np.unique(key, return_index=True)
        kept = np.sort(first)
        n_repeated = rows.size - kept.size
        # Without repeats nothing is copied.
        which = kept if n_repeated else slice(None)
        if n_repeated:
            again = rows[np.setdiff1d(np.arange(rows.size), kept)[0]]
            cautions += (
                Caution(
                    "repeated-judgments",
                    f"Repeated judgments of one image by one evaluator: {n_repeated}, "
                    f"the first in row {again}. Only the first answer counts.",
                ),
            )
        return JudgmentsTable(
            names={name: list(index) for name, index in self.index.items()},
            codes={name: column[which] for name, column in codes.items()},
            truth=truth[which],
            said_real=answer[which],
            numbers={n: np.frombuffer(v)[which] for n, v in self.numbers.items()},
            row=rows[which],
            n_rows=rows.size,
            cautions=cautions,
        )


def _require_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        got = ", ".join(header) if any(header) else "an empty file"
        raise ValueError(
            f"Missing column {', '.join(missing)}: expected {', '.join(REQUIRED)}, "
            f"got {got}."
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"Column {', '.join(twice)} appears more than once.")


def _require_filled(column: list[str], *, name: str, rows: list[int]) -> None:
    if "" in column:
        raise ValueError(f"Row {rows[column.index('')]}, column {name}: empty.")


def _labels(column: list[str], *, name: str, rows: list[int]) -> list[bool]:
    labels = {"real": True, "fake": False}
    try:
        return [labels[entry.lower()] for entry in column]
    except KeyError:
        row, entry = next(
            (row, entry)
            for row, entry in zip(rows, column, strict=True)
            if entry.lower() not in labels
        )
        raise ValueError(
            f"Row {row}, column {name}: expected real or fake, got {entry!r}."
        ) from None


def _milliseconds(column: list[str], *, name: str, rows: list[int]) -> list[float]:
    lowest = 0.0 if name == "rt_ms" else 1.0
    values = []
    for row, entry in zip(rows, column, strict=True):
        try:
            value = float(entry) if entry else lowest
        except ValueError:
            value = -1.0
        if not lowest <= value < float("inf"):
            raise ValueError(
                f"Row {row}, column {name}: expected milliseconds of at least "
                f"{lowest:.0f}, got {entry!r}."
            )
        values.append(value if entry else float("nan"))
    return values


def _require_timing(table: JudgmentsTable) -> None:
    """Raise where an arm is timed on some rows only."""
    planned = np.isfinite(table.numbers["planned_ms"])
    n_arms = len(table.names["arm"])
    n_timed = np.bincount(table.codes["arm"], planned, n_arms)
    n_all = np.bincount(table.codes["arm"], minlength=n_arms)
    for arm in np.flatnonzero((n_timed > 0) & (n_timed < n_all)):
        row = table.row[(table.codes["arm"] == arm) & ~planned][0]
        raise ValueError(
            f"Row {row}, column planned_ms: empty, but arm {table.names['arm'][arm]!r} "
            "is timed on other rows."
        )
