import copy
import json

import pytest

from metrics.errors import MetricsError
from metrics.explain import explain, explain_text, read_evaluation

RESULT = {
    "metrics": {"fid": 1.0},
    "provenance": {
        "extractor": "inception-v3-fid",
        "weights_sha256": "6" * 64,
        "resize": "legacy",
        "seed": 0,
        "counts": {"real": 5, "fake": 5},
        "conventions": {"score_ddof": 0},
    },
}


def changed(**provenance):
    result = copy.deepcopy(RESULT)
    result["provenance"].update(provenance)
    return result


def test_explain_finds_nothing_between_equals():
    assert explain(RESULT, RESULT) == ()
    assert explain_text(()) == "comparable: nothing that matters differs\n"


def test_explain_puts_the_gravest_first():
    other = changed(
        seed=1, weights_sha256="7" * 64, conventions={"score_ddof": 1}, resize="clean"
    )

    found = explain(RESULT, other)

    assert [(difference.weight, difference.what) for difference in found] == [
        ("incomparable", "weights_sha256"),
        ("incomparable", "resize"),
        ("shifts", "conventions.score_ddof"),
        ("note", "seed"),
    ]
    assert explain_text(found).splitlines()[:2] == [
        "not comparable: 2 differences forbid it",
        (
            "  incomparable: weights_sha256 is 66666666... and 77777777...; other "
            "weights are another network"
        ),
    ]


def test_explain_says_where_care_is_enough():
    text = explain_text(explain(RESULT, changed(seed=1)))

    assert text.startswith("comparable with care\n  note: seed is 0 and 1; ")


def test_explain_takes_results_without_an_entry():
    found = explain(
        RESULT, {"metrics": {}, "provenance": {**RESULT["provenance"], "counts": None}}
    )

    assert {difference.what for difference in found} == {"counts.real", "counts.fake"}
    assert "5 and unknown" in explain_text(found)


@pytest.mark.parametrize("text", ["not json", "[]", "{}"])
def test_read_evaluation_refuses_other_files(tmp_path, text):
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(MetricsError, match=r"a\.json is not an evaluation"):
        read_evaluation(tmp_path / "a.json")


def test_read_evaluation_returns_what_was_written(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(RESULT))

    assert read_evaluation(tmp_path / "a.json") == RESULT


@pytest.mark.parametrize("kind", ["features", "statistics"])
def test_explain_cannot_tell_images_from_arrays(kind):
    images = changed(content_hash={"real": "5" * 64})
    arrays = changed(content_hash={"real": f"{kind}:{'6' * 64}"})
    others = changed(content_hash={"real": f"{kind}:{'7' * 64}"})

    (unsure,) = explain(images, arrays)
    (sure,) = explain(arrays, others)

    assert unsure.weight == "shifts"
    assert "cannot tell whether the images are the same" in unsure.reason
    assert sure.weight == "incomparable"
