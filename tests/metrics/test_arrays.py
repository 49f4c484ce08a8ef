import numpy as np
import pytest

from metrics.arrays import check_rows, check_same_columns


def test_rows_come_back_uncopied():
    rows = np.ones((2, 3), dtype=np.float32)

    assert check_rows(rows, name="features") is rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones(3), r"features must have two axes \(images, values\), got 1"),
        (np.ones((2, 3), dtype=int), "features must be float32 or float64, got int64"),
        (np.ones((1, 3)), "features must have at least 2 rows, got 1"),
        (np.ones((2, 0)), "features must have at least one column, got none"),
        (
            np.array([[1.0, np.nan], [np.inf, 1.0], [0.0, 0.0]]),
            "features must be finite, got NaN or infinity in 2 of 3 rows",
        ),
    ],
)
def test_rows_say_what_is_wrong(rows, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        check_rows(rows, name="features", least=2)


def test_columns_must_agree():
    message = r"^real and fake must have equally many columns, got 3 and 4$"

    with pytest.raises(ValueError, match=message):
        check_same_columns(np.ones((2, 3)), np.ones((2, 4)), name1="real", name2="fake")
