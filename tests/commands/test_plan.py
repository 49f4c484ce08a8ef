import json

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_plan_says_people_trials_minutes_and_dollars(capsys):
    call_command("plan")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("evaluators, 10 minutes and $2.00 each, $90 in all.")
    assert rest[0] == "judgments per arm: 4,500"
    assert rest[-1].endswith("bundled defaults, from public studies.")


def test_plan_tells_two_models_apart_and_writes_json(tmp_path, capsys):
    out = tmp_path / "plan.json"
    call_command("plan", against=40, power=0.9, json=out)
    found = json.loads(out.read_text())
    assert found["plan"]["power"] == pytest.approx(0.9, abs=0.03)
    assert found["calibration"]["n_studies"] == 0
    assert "power: 0." in capsys.readouterr().out


def test_plan_takes_a_studys_protocol(timed_study, capsys):
    call_command("plan", study=timed_study.slug, half_width=60)
    assert " ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"study": "x"}, "There is no study 'x'"),
        ({"expected": 130.0}, "error must lie between 0 and 1, got 1.3"),
        ({"half_width": -1.0}, "half_width must be above 0"),
        ({"against": 40.0, "power": 1.5}, "power must lie between 0 and 1, got 1.5"),
        ({"protocol": "hype_time", "blocks": 1000}, "at most 3000 images"),
        ({"images": 0}, "images must be at least 1"),
        ({"hourly_dollars": -1.0}, "hourly_dollars must not be below 0"),
    ],
)
def test_plan_refuses_what_cannot_be(options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("plan", **options)
