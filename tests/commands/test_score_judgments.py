import json

import pytest
from django.core.management import CommandError, call_command

LINES = ["evaluator,arm,sample,truth,answer"] + [
    f"{person},{arm},{image},{truth},{'real' if (image + person) % 3 else 'fake'}"
    for arm in ("early", "late")
    for person in range(3)
    for image in range(10)
    for truth in ("real", "fake")
]


def test_score_judgments_writes_scores_without_a_database(tmp_path):
    table, out = tmp_path / "judgments.csv", tmp_path / "scores.json"
    table.write_text("\n".join(LINES))

    call_command("score_judgments", table, json=out, bootstrap=200, seed=4)

    result = json.loads(out.read_text())
    assert list(result) == ["arms", "comparisons", "ranking", "warnings", "provenance"]
    assert list(result["arms"]) == ["early", "late"]
    assert result["provenance"]["seed"] == 4


def test_score_judgments_prints_where_no_file_is_named(tmp_path, capsys):
    table = tmp_path / "judgments.csv"
    table.write_text("\n".join(LINES))

    call_command("score_judgments", table, bootstrap=200)

    assert "early" in json.loads(capsys.readouterr().out)["arms"]


def test_score_judgments_names_row_and_column(tmp_path):
    table = tmp_path / "judgments.csv"
    table.write_text("evaluator,arm,sample,truth,answer\na,x,1,real,maybe\n")

    with pytest.raises(CommandError) as caught:
        call_command("score_judgments", table)

    assert str(caught.value) == (
        "Row 2, column answer: expected real or fake, got 'maybe'."
    )
    assert caught.value.returncode == 2


def test_score_judgments_says_where_it_cannot_write(tmp_path):
    table = tmp_path / "judgments.csv"
    table.write_text("\n".join(LINES))

    with pytest.raises(CommandError, match="cannot be written: No such file"):
        call_command("score_judgments", table, json=tmp_path / "no" / "x", bootstrap=9)
