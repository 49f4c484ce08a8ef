import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from hypeweb.science.arm_scores import Settings
from hypeweb.science.judgments_table import read_judgments
from hypeweb.science.scoring import hype_inf
from hypeweb.science.simulation import simulate_session
from hypeweb.science.staircase import PRESETS
from hypeweb.science.table_scores import score_file, score_table

SETTINGS = Settings(n_bootstrap=500)
HEADER = "evaluator,arm,sample,truth,answer"


def untimed_lines(errors, *, n_evaluators=12, n_images=30):
    rng = np.random.default_rng(81)
    lines = [HEADER]
    for arm, error in errors.items():
        for person in range(n_evaluators):
            for image in range(n_images):
                for truth, lie in (("real", "fake"), ("fake", "real")):
                    answer = lie if rng.random() < error else truth
                    lines.append(f"{arm}-{person},{arm},{image},{truth},{answer}")
    return lines


def timed_lines(thresholds_ms):
    rng = np.random.default_rng(82)
    lines = [HEADER + ",block,planned_ms"]
    for arm, threshold_ms in thresholds_ms.items():
        walks = simulate_session(
            PRESETS["weighted-75"],
            thresholds_ms=np.full(6, threshold_ms),
            n_blocks=2,
            n_trials=60,
            rng=rng,
        )
        for person in range(6):
            for trial in range(120):
                answer = "real" if walks.correct[person, trial] else "fake"
                lines.append(
                    f"{arm}-{person},{arm},{trial},real,{answer},{trial // 60},"
                    f"{walks.exposures_ms[person, trial]:.0f}"
                )
    return lines


def scored(lines, **changes):
    result = score_table(
        read_judgments(lines), seed=1, settings=Settings(n_bootstrap=500, **changes)
    )
    json.dumps(result, allow_nan=False)
    return result


def codes(result):
    return [warning["code"] for warning in result["warnings"]]


def test_untimed_arms_are_scored_compared_and_ranked():
    result = scored(untimed_lines({"early": 0.1, "late": 0.4}))

    assert list(result["arms"]) == ["early", "late"]
    late = result["arms"]["late"]["hype_inf"]
    assert late["low"] < late["value"] < late["high"]
    assert late["value"] == pytest.approx(0.4, abs=0.06)
    (pair,) = result["comparisons"]["hype_inf"]["pairs"]
    assert pair["p_welch"] < 1e-6
    assert [place["arm"] for place in result["ranking"]["hype_inf"]] == [
        "late",
        "early",
    ]
    assert result["ranking"]["hype_inf"][0]["chance_best"] == 1.0
    assert result["provenance"]["n_judgments"] == 2 * 12 * 60
    assert result["warnings"] == []


def test_table_scores_are_those_of_the_same_judgments_elsewhere():
    table = read_judgments(untimed_lines({"x": 0.3}))

    result = score_table(table, seed=5, settings=SETTINGS)

    score = hype_inf(
        table.evaluators("x"), rng=np.random.default_rng(5), n_bootstrap=500
    )
    assert result["arms"]["x"]["hype_inf"]["value"] == score.total.value
    assert result["arms"]["x"]["hype_inf"]["low"] == score.total.low


def test_timed_arms_have_published_score_and_threshold():
    result = scored(timed_lines({"fast": 200.0, "slow": 500.0}))

    slow, fast = result["arms"]["slow"], result["arms"]["fast"]
    assert slow["kind"] == "hype_time"
    assert fast["hype_time_ms"]["value"] < slow["hype_time_ms"]["value"]
    assert fast["threshold_ms"]["value"] == pytest.approx(200, rel=0.25)
    assert slow["threshold_evaluators"]["measured"] == 6
    assert [place["arm"] for place in result["ranking"]["hype_time"]] == [
        "slow",
        "fast",
    ]
    assert "exposure-not-measured" in codes(result)


def test_timed_and_untimed_arms_are_not_mixed():
    lines = timed_lines({"timed": 200.0})
    lines += [line + ",," for line in untimed_lines({"untimed": 0.3})[1:]]

    result = scored(lines)

    assert [len(c["pairs"]) for c in result["comparisons"].values()] == [0, 0]
    assert set(result["ranking"]) == {"hype_inf", "hype_time"}


@pytest.mark.parametrize(
    ("rows", "code", "value"),
    [
        (
            ["a,x,1,real,real", "a,x,1,fake,real", "a,x,2,fake,fake"],
            "one-evaluator",
            0.25,
        ),
        (["a,x,1,real,real", "b,x,1,fake,fake"], "no-spread", 0.0),
        (["a,x,1,real,fake", "b,x,1,fake,real"], "no-spread", 1.0),
        (
            [
                f"{e},x,{i},{t},real"
                for e in "ab"
                for i in (1, 2)
                for t in ("real", "fake")
            ],
            "one-answer",
            0.5,
        ),
        ([f"{e},x,{i},fake,fake" for e in "ab" for i in (1, 2)], "class-missing", 0.0),
        (
            [
                f"{e},x,{i},{'real' if i else 'fake'},real"
                for e in "ab"
                for i in range(9)
            ],
            "unbalanced",
            0.5,
        ),
        (
            ["a,x,1,real,real", "a,x,1,real,real", "a,x,2,fake,real"],
            "repeated-judgments",
            0.5,
        ),
        (["a,x,1,real,real", "a,y,1,real,real"], "evaluators-in-several-arms", 0.0),
    ],
)
def test_poor_data_give_a_number_and_a_warning(rows, code, value):
    result = scored([HEADER, *rows])

    assert result["arms"]["x"]["hype_inf"]["value"] == value
    assert code in codes(result)


def test_an_evaluator_with_three_timed_trials_gives_a_number_and_warnings():
    rows = [f"a,x,{i},real,real,1,{ms}" for i, ms in enumerate((500, 490, 490))]

    result = scored([HEADER + ",block,planned_ms", *rows])

    assert result["arms"]["x"]["hype_time_ms"]["value"] == 490
    assert result["arms"]["x"]["hype_time_ms"]["low"] is None
    assert "threshold-too-few-trials" in codes(result)


def test_a_random_clicker_at_the_ceiling_is_flagged_not_averaged():
    rng = np.random.default_rng(83)
    rows = [
        f"{e},x,{i},real,{'real' if rng.random() < 0.5 else 'fake'},1,1000"
        for e in "abcdef"
        for i in range(100)
    ]

    result = scored([HEADER + ",block,planned_ms", *rows])

    arm = result["arms"]["x"]
    assert (arm["n_at_ceiling"], arm["threshold_ms"]["value"]) == (6, None)
    assert arm["threshold_bound"] is None
    assert {"at-ceiling", "threshold-at-chance"} <= set(codes(result))


def test_score_file_states_where_its_numbers_come_from(tmp_path):
    path = tmp_path / "judgments.csv"
    path.write_text("\ufeff" + "\n".join(untimed_lines({"x": 0.2})), encoding="utf-8")

    provenance = score_file(path, seed=3, settings=SETTINGS)["provenance"]

    assert provenance["file"] == "judgments.csv"
    assert provenance["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert provenance["seed"] == 3
    assert provenance["settings"]["n_bootstrap"] == 500


def test_score_file_says_what_it_cannot_read(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + b"\nann,x,caf\xe9,real,real\n")

    with pytest.raises(ValueError, match="Row 2: not UTF-8 text"):
        score_file(path, seed=1, settings=SETTINGS)
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        score_file(Path("nowhere.csv"), seed=1, settings=SETTINGS)


def test_real_judgments_written_out_score_as_their_own_data_say(real_judgments):
    rows = [
        row for row in real_judgments if row["model"] in {"ACGAN", "NVAE", "PFGMPP"}
    ]
    lines = [HEADER]
    for row in rows:
        for truth, column in (("fake", "f_err_rt"), ("real", "r_err_rt")):
            lie = "real" if truth == "fake" else "fake"
            n_wrong = round(100 * float(row[column]))
            lines += [
                f"{row['id']}-{row['model']},{row['model']},{row['id']}-{truth}{k},{truth},"
                f"{lie if k < n_wrong else truth}"
                for k in range(100)
            ]

    result = scored(lines)

    for model, arm in result["arms"].items():
        errors = [float(row["err_rt"]) for row in rows if row["model"] == model]
        assert arm["hype_inf"]["value"] == pytest.approx(np.mean(errors), abs=1e-12)
        assert arm["hype_inf"]["method"] == "bootstrap over evaluators, percentile"
    assert result["ranking"]["hype_inf"][0]["arm"] == "PFGMPP"


def test_evaluators_of_several_arms_are_compared_within_too():
    lines = [
        line.replace("early-", "p").replace("late-", "p")
        for line in untimed_lines({"early": 0.1, "late": 0.4})
    ]

    result = scored(lines)

    assert set(result["ranking"]) == {"hype_inf", "hype_inf_within"}
    within = result["comparisons"]["hype_inf_within"]
    assert within["n_complete"] == 12
    assert within["pairs"][0]["p_paired"] < 1e-4
    assert "evaluators-in-several-arms" in codes(result)
