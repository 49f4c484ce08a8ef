import numpy as np
import pytest

from hypeweb.science.judgments_table import read_judgments

HEADER = "evaluator,arm,sample,truth,answer"
TIMED = "evaluator,arm,sample,truth,answer,block,planned_ms,shown_ms,rt_ms"


def test_read_judgments_splits_arms_and_evaluators_in_file_order():
    table = read_judgments(
        [
            HEADER,
            "ann,late,7,real,fake",
            "bob,late,7,real,real",
            "ann,late,3,fake,fake",
            "ann,early,3,fake,real",
        ]
    )

    ann, bob = table.evaluators("late")

    assert table.names["arm"] == ["late", "early"]
    assert ann.truth.tolist() == [True, False]
    assert ann.said_real.tolist() == [False, False]
    assert ann.sample[0] == bob.sample[0]
    assert ann.planned_ms is None
    assert not table.is_timed("late")


def test_read_judgments_leaves_out_what_is_not_scored():
    table = read_judgments(
        [
            f"{HEADER},planned_ms,is_scored",
            "ann,,1,real,fake,,false",
            "ann,x,2,real,real,500,true",
            "ann,x,3,fake,real,500,False",
        ]
    )

    assert table.row.tolist() == [3]
    assert table.names["arm"] == ["x"]
    assert table.is_timed("x")
    assert [caution.code for caution in table.cautions] == ["unscored-judgments"]


def test_read_judgments_says_what_is_wrong_with_is_scored():
    header = f"{HEADER},is_scored"
    with pytest.raises(ValueError, match="Row 2, column is_scored: expected true or"):
        read_judgments([header, "ann,x,1,real,fake,maybe"])
    with pytest.raises(ValueError, match="no judgments that are scored"):
        read_judgments([header, "ann,x,1,real,fake,false"])


def test_read_judgments_takes_exposures_and_times():
    table = read_judgments(
        [TIMED, "a,x,1,real,real,one,500,516.7,812", "a,x,2,fake,real,two,490,,"]
    )

    (answers,) = table.evaluators("x")

    assert answers.planned_ms.tolist() == [500, 490]
    assert answers.block.tolist() == [0, 1]
    np.testing.assert_array_equal(answers.shown_ms, [516.7, np.nan])
    np.testing.assert_array_equal(answers.rt_ms, [812, np.nan])
    assert table.is_timed("x")


def test_read_judgments_accepts_any_order_case_and_blank_lines():
    table = read_judgments(
        ["Answer, Truth ,sample,arm,evaluator\r\n", "REAL, fake,1,x,a\r\n", "\r\n"]
    )

    (answers,) = table.evaluators("x")

    assert (answers.truth.tolist(), answers.said_real.tolist()) == ([False], [True])


def test_repeated_judgments_count_once_and_are_named():
    table = read_judgments(
        [HEADER, "a,x,1,real,real", "a,x,2,real,real", "a,x,1,real,fake"]
    )

    (answers,) = table.evaluators("x")

    assert answers.said_real.tolist() == [True, True]
    assert table.n_rows == 3
    (caution,) = table.cautions
    assert caution.message == (
        "Repeated judgments of one image by one evaluator: 1, the first in row 4. "
        "Only the first answer counts."
    )


def test_one_image_in_two_blocks_or_of_two_truths_is_no_repeat():
    table = read_judgments(
        [
            HEADER + ",block",
            "a,x,1,real,real,1",
            "a,x,1,real,real,2",
            "a,x,1,fake,real,2",
        ]
    )

    assert table.cautions == ()
    assert table.truth.size == 3


def test_unknown_columns_are_named():
    table = read_judgments([HEADER + ",age", "a,x,1,real,real,44"])

    assert [c.message for c in table.cautions] == ["Not used: age."]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "Missing column evaluator, arm, sample, truth, answer: expected"),
        (
            ["evaluator,arm,sample,truth"],
            "Missing column answer: expected evaluator, arm, sample, truth, answer,",
        ),
        ([HEADER + ",arm"], "Column arm appears more than once."),
        ([HEADER], "The table has a header and no judgments."),
        (
            [HEADER, "a,x,1,real,real", "a,x,2,reel,real"],
            "Row 3, column truth: expected real or fake, got 'reel'.",
        ),
        (
            [HEADER, "a,x,1,real,"],
            "Row 2, column answer: expected real or fake, got ''.",
        ),
        ([HEADER, ",x,1,real,real"], "Row 2, column evaluator: empty."),
        ([HEADER, "a,x,1,real"], "Row 2: expected 5 columns, got 4."),
        ([HEADER, '"a,x,1,real,real'], "Row 2: not a valid line"),
        (
            [HEADER + ",planned_ms", "a,x,1,real,real,soon"],
            "Row 2, column planned_ms: expected milliseconds of at least 1, got 'soon'",
        ),
        (
            [HEADER + ",rt_ms", "a,x,1,real,real,-4"],
            "Row 2, column rt_ms: expected milliseconds of at least 0, got '-4'.",
        ),
        (
            [HEADER + ",shown_ms", "a,x,1,real,real,nan"],
            "Row 2, column shown_ms: expected milliseconds of at least 1, got 'nan'.",
        ),
        (
            [HEADER + ",planned_ms", "a,x,1,real,real,500", "b,x,1,real,real,"],
            "Row 3, column planned_ms: empty, but arm 'x' is timed on other rows.",
        ),
    ],
)
def test_read_judgments_names_row_and_column(lines, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the message is compared
        read_judgments(lines)

    assert str(caught.value).startswith(message)


@pytest.mark.slow
def test_half_a_million_rows_are_read():
    # A twentieth of what `python -m tests.bench.science --rows 10000000` scores.
    def lines():
        yield HEADER
        for row in range(500_000):
            evaluator, image = divmod(row, 100)
            truth = "real" if image % 2 else "fake"
            yield f"e{evaluator},x,{(row * 7) % 5000},{truth},real"

    table = read_judgments(lines())

    assert table.n_rows == 500_000
    assert len(table.evaluators("x")) == 5000
