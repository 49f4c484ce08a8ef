"""A report as JSON, as tables for CSV files, and as text."""

from hypeweb.science.ranking import Place
from hypeweb.science.table_scores import plain
from hypeweb.science.within import WithinPair
from hypeweb.services.report_columns import Column
from hypeweb.services.report_sections import PlaceLine
from hypeweb.services.reports import Cell, Report, Row


def as_json(report: Report) -> dict[str, object]:
    """Return the report as plain data: the page's numbers and their strings."""
    return {
        "study": report.study.name,
        "slug": report.study.slug,
        "protocol": report.study.protocol,
        "population": report.population,
        "exclusions": report.exclusions,
        "excluded": plain(report.excluded),
        "headline": list(report.headline),
        "notes": list(report.notes),
        "settings": dict(report.settings),
        "columns": [
            {
                "key": column.key,
                "label": column.label,
                "unit": "share" if column.unit == "%" else column.unit,
                "better": {"up": "higher", "down": "lower", "": None}[column.direction],
                "help": column.help,
            }
            for column in report.columns + report.detail_columns
        ],
        "arms": [_row_json(row) for row in report.rows],
        "groups": [
            {
                "group": line.group_label,
                "arm": line.arm_label,
                "n_evaluators": line.n_evaluators,
                "numbers": {cell.key: cell_json(cell) for cell in line.cells},
            }
            for line in (report.groups.lines if report.groups else ())
        ],
        "comparison": plain(report.comparison),
        "people_and_metrics": plain(report.agreement),
        "disagreements": list(report.disagreements),
        "images": plain(report.images),
        "watch": list(report.watch),
    }


def as_csv_rows(report: Report) -> list[list[str]]:
    """Return the report as a table of strings, heading first."""
    heading = ["arm", "population", "exclusions", "evaluators", "judgments"]
    for column in report.columns + report.detail_columns:
        heading += [column.key, f"{column.key}_low", f"{column.key}_high"]
        heading.append(f"{column.key}_printed")
    heading += ["place", "place_low", "place_high", "chance_best"]
    places = {line.place.arm: line.place for line in _places(report)}
    table = [heading]
    for row in report.rows:
        line = [row.arm_label, report.population, report.exclusions]
        line += [str(row.n_evaluators), str(row.n_judgments)]
        for cell in row.cells + row.details:
            line += [_plain(cell.value), _plain(cell.low), _plain(cell.high)]
            line.append(f"{cell.text} {cell.interval_text}".strip())
        line += _place_cells(places.get(row.arm_label))
        table.append(line)
    return table


def as_text(report: Report) -> str:
    """Return the report's headline and table for a terminal."""
    table = [["arm", *(_heading(column) for column in report.columns), "evaluators"]]
    for row in report.rows:
        cells = [
            f"{cell.text} {cell.interval_text}".strip() + ("*" * cell.is_best)
            for cell in row.cells
        ]
        table.append([row.arm_label, *cells, str(row.n_evaluators)])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in table
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    said = [report.excluded.statement] if report.excluded.n_sessions else []
    lines += [*_comparison_text(report), "", *said, *report.notes]
    lines = [*report.headline, "", *lines]
    return "\n".join(line.rstrip() for line in lines)


def as_comparison_rows(report: Report) -> list[list[str]]:
    """Return tests, pairs and rank correlations as a table, heading first."""
    table = [["kind", "first", "second", "measure", "value", "low", "high", "p_value"]]
    section, agreed = report.comparison, report.agreement
    for line in section.tests if section else ():
        test = line.test
        row = ["test", "", "", test.name, _plain(test.statistic), "", ""]
        table.append([*row, _plain(test.p_value)])
    for pair in (line.pair for line in section.pairs) if section else ():
        arms = ["pair", pair.first, pair.second]
        bounds = [_plain(pair.difference), _plain(pair.low), _plain(pair.high)]
        if isinstance(pair, WithinPair):
            table.append([*arms, "difference, paired", *bounds, _plain(pair.p_paired)])
        else:
            table.append([*arms, "difference, Welch", *bounds, _plain(pair.p_welch)])
        table.append([*arms, "adjusted", "", "", "", _plain(pair.p_adjusted)])
        table.append([*arms, "permutation", "", "", "", _plain(pair.p_permutation)])
        table.append([*arms, "Hedges' g", _plain(pair.hedges_g), "", "", ""])
    for found in (line.agreement for line in agreed.lines) if agreed else ():
        for one in (found.spearman, found.kendall):
            bounds = [_plain(one.value), _plain(one.low), _plain(one.high)]
            names = ["agreement", report.columns[0].key, found.metric, one.coefficient]
            table.append([*names, *bounds, _plain(one.p_value)])
    return table


def _heading(column: Column) -> str:
    arrow = {"up": " ↑", "down": " ↓", "": ""}[column.direction]
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.label}{unit}{arrow}"


def _place_cells(place: Place | None) -> list[str]:
    if place is None:
        return [""] * 4
    ranks = (place.rank, place.rank_low, place.rank_high)
    return [*map(str, ranks), repr(place.chance_best)]


def _places(report: Report) -> tuple[PlaceLine, ...]:
    return report.comparison.places if report.comparison else ()


def _comparison_text(report: Report) -> list[str]:
    """Return the sections below the table for a terminal."""
    lines = []
    if report.comparison:
        lines += ["", *report.comparison.sentences]
        lines += [
            f"  {line.pair.first} - {line.pair.second}: {line.difference_text} "
            f"{line.interval_text}, adjusted p {line.p_adjusted_text}: {line.verdict}"
            for line in report.comparison.pairs
        ]
        lines += [
            f"  place {line.place.rank} ({line.range_text}): {line.place.arm}, best in "
            f"{line.chance_text} of the resamples"
            for line in report.comparison.places
        ]
    if report.agreement:
        lines += ["", "People and metrics"]
        lines += [f"  {sentence}" for sentence in report.disagreements]
        lines += [f"  {report.agreement.statement}"] * bool(report.agreement.statement)
        lines += [
            f"  {line.label}: Spearman {line.spearman_text}, p {line.spearman_p_text}; "
            f"Kendall {line.kendall_text}, p {line.kendall_p_text}"
            for line in report.agreement.lines
            if report.agreement.has_verdict
        ]
    if report.watch:
        lines += ["", "Watched while it runs", *(f"  {line}" for line in report.watch)]
    return lines


def _plain(value: float | None) -> str:
    return "" if value is None else repr(value)


def _row_json(row: Row) -> dict[str, object]:
    return {
        "arm": row.arm_label,
        "sample_set": row.sample_set.name,
        "content_hash": row.sample_set.content_hash,
        "n_evaluators": row.n_evaluators,
        "n_judgments": row.n_judgments,
        "state": row.state_text,
        "warnings": list(row.warnings),
        "provenance": row.provenance,
        "numbers": {cell.key: cell_json(cell) for cell in row.cells + row.details},
    }


def cell_json(cell: Cell) -> dict[str, object]:
    """Return one number and its strings."""
    return {
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "text": cell.text,
        "interval_text": cell.interval_text,
        "is_best": cell.is_best,
        "note": cell.note,
        "bound": cell.bound or None,
    }
