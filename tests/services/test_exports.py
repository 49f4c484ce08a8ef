import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from hypeweb.models import Evaluator, Study
from hypeweb.services import (
    data_dictionary,
    evaluations,
    exports,
    pseudonyms,
    scores,
    sessions,
)
from hypeweb.services.export_columns import TABLES
from hypeweb.services.exports import Selection
from hypeweb.services.sessions import Exposure
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db

DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def read(study, what, form="json", **selection):
    pieces = exports.export(
        study, what=what, form=form, selection=Selection(**selection)
    )
    data = b"".join(pieces)
    if form == "json":
        return json.loads(data)
    if form == "csv":
        return list(csv.DictReader(io.StringIO(data.decode())))
    return parquet.read_table(pa.BufferReader(data))


def test_a_judgment_is_a_row_with_every_column(study):
    session = walk(join(study), "rrrw")
    rows = read(study, "judgments")
    assert list(rows[0]) == [column.name for column in TABLES["judgments"].columns]
    first = session.trials.select_related("judgment", "sample").first()
    assert len(rows) == 4
    assert rows[0]["sample"] == first.sample_id
    assert rows[0]["truth"] == rows[0]["answer"] == first.truth
    assert rows[0]["arm"] == session.arm.label
    assert rows[0]["population"] == "people"
    assert rows[0]["is_scored"] is True
    assert rows[0]["rt_ms"] == 500.0
    assert [row["is_correct"] for row in rows] == [True, True, True, False]


def test_csv_json_and_parquet_hold_the_same(timed_study):
    walk(join(timed_study), "rrrwrrww", exposure=Exposure(shown_ms=0.0))
    as_json = read(timed_study, "judgments")
    table = read(timed_study, "judgments", "parquet")
    times = {"session_finished_at", "judged_at"}
    assert [
        {k: v.isoformat() if k in times else v for k, v in row.items()}
        for row in table.to_pylist()
    ] == as_json
    for text, value in zip(read(timed_study, "judgments", "csv"), as_json, strict=True):
        assert text == {
            name: ""
            if cell is None
            else f"{cell}".lower() * isinstance(cell, bool) or str(cell)
            for name, cell in value.items()
        }
    assert as_json[0]["shown_ms"] is None
    assert as_json[0]["planned_ms"] == 500
    assert datetime.fromisoformat(as_json[0]["judged_at"]).utcoffset() is not None


def test_parquet_files_carry_the_dictionary(study):
    field = read(study, "judgments", "parquet").schema.field("rt_ms")
    assert field.metadata[b"unit"] == b"ms"
    assert b"onset" in field.metadata[b"description"]


@pytest.mark.parametrize("what", TABLES)
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_study_without_anything_exports_no_row(study, what, form):
    table = read(study, what, form)
    assert (table.num_rows if form == "parquet" else len(table)) == 0


def test_large_exports_come_in_pieces(study, monkeypatch):
    monkeypatch.setattr("hypeweb.services.export_formats.ROWS_AT_A_TIME", 3)
    monkeypatch.setattr("hypeweb.services.export_formats.ROWS_PER_GROUP", 3)
    for _ in range(2):
        walk(join(study))
    assert len(read(study, "judgments")) == len(read(study, "judgments", "csv")) == 8
    table = read(study, "judgments", "parquet")
    assert table.num_rows == 8
    for form, n_pieces in (("csv", 4), ("json", 4), ("parquet", 4)):
        pieces = exports.export(
            study, what="judgments", form=form, selection=Selection()
        )
        assert len(list(pieces)) == n_pieces


def test_populations_are_marked_and_kept_apart(study):
    walk(join(study))
    walk(join(study, population="simulated"))
    walk(join(study, population="preview"))
    everything = read(study, "judgments", population="all")
    assert {row["population"] for row in everything} == {
        "people",
        "simulated",
        "preview",
    }
    assert len(everything) == 12
    for population in ("people", "simulated", "preview"):
        rows = read(study, "judgments", population=population)
        assert {row["population"] for row in rows} == {population}
        assert all(row["is_scored"] == (population != "preview") for row in rows)


def test_scored_only_leaves_out_void_and_unfinished(timed_study):
    walk(join(timed_study), exposure=Exposure(shown_ms=500.0, flags=("blurred",)))
    everything = read(timed_study, "judgments")
    scored = read(timed_study, "judgments", scored_only=True)
    assert scored == [row for row in everything if row["is_scored"]]
    assert [row["is_void"] for row in everything] == [
        not row["is_scored"] for row in everything
    ]
    assert len(everything) > len(scored)
    table = scores.judgments_of(timed_study, population="people")
    assert table.truth.size == len(scored)


def test_a_person_has_another_pseudonym_in_every_study(study):
    walk(join(study))
    (name,) = {row["evaluator"] for row in read(study, "judgments")}
    (evaluator,) = Evaluator.objects.all()
    assert name == pseudonyms.pseudonym(study, evaluator.pk)
    other = Study(pk=study.pk + 1)
    assert pseudonyms.pseudonym(other, evaluator.pk) != name
    assert str(evaluator.token) not in json.dumps(read(study, "judgments"))


def test_pseudonyms_need_the_sites_secret(study, settings):
    name = pseudonyms.pseudonym(study, 1)
    settings.SECRET_KEY = "another"
    assert pseudonyms.pseudonym(study, 1) != name


def test_a_waiting_trial_says_nothing_of_its_image(study):
    session = join(study)
    sessions.issue_trial(session=session, now=NOW)
    revealing = ("truth", "sample", "content_hash", "source_name")
    rows = read(study, "trials")
    assert len(rows) == 4
    assert all(row[name] is None for row in rows for name in revealing)
    assert [row["is_answered"] for row in rows] == [False] * 4
    sessions.leave_session(session=session, now=NOW)
    assert all(row[name] for row in read(study, "trials") for name in revealing)


def test_scores_and_evaluations_are_rows(study):
    for run in evaluations.request_evaluations(study):
        evaluations.run_evaluation(run.pk)
    for _ in range(2):
        walk(join(study), "rrrw")
    scores.score_study(study.pk, now=NOW)
    by_kind = {row["kind"]: row for row in read(study, "scores")}
    assert by_kind["hype_inf"]["value"] == 0.25
    assert by_kind["hype_inf"]["arm"] in {"made 0", "made 1"}
    rows = read(study, "evaluations")
    fid = [row for row in rows if row["metric"] == "fid"]
    assert [row["arm"] for row in fid] == ["made 0", "made 1"]
    assert all(row["value"] > 0 and row["state"] == "done" for row in fid)
    assert json.loads(fid[0]["provenance"])["extractor"] == "digits"
    assert {"code", "message"} == set(json.loads(fid[0]["warnings"])[0])


def test_a_waiting_evaluation_is_a_row_without_a_metric(study):
    evaluations.request_evaluations(study)
    rows = read(study, "evaluations")
    assert [(row["state"], row["metric"]) for row in rows] == [("queued", None)] * 2


@pytest.mark.parametrize("what", TABLES)
def test_exports_take_the_same_queries_for_one_and_many(
    study, what, django_assert_max_num_queries
):
    for _ in range(3):
        walk(join(study))
    scores.score_study(study.pk, now=NOW)
    evaluations.request_evaluations(study)
    with django_assert_max_num_queries(6):
        read(study, what, population="all")


def test_the_dictionary_describes_every_column():
    for table in data_dictionary.tables():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        for column in table.columns:
            assert column.help.endswith("."), column.name


def test_the_printed_dictionary_is_the_newest():
    assert DICTIONARY.read_text() == data_dictionary.as_markdown(), (
        "make it anew: manage.py data_dictionary > docs/data-dictionary.md"
    )
