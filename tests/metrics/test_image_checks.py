import dataclasses

import pytest

from metrics.features import ImageFacts
from metrics.image_checks import check_images

PLAIN = ImageFacts("a.png", 299, 299, "PNG", (), is_gray=False, pixel_hash="a")


def facts(n, *, start=0, **changes):
    return tuple(
        dataclasses.replace(
            PLAIN, name=f"{index}.png", **{"pixel_hash": str(index), **changes}
        )
        for index in range(start, start + n)
    )


def codes(real, fake, input_size=(299, 299)):
    return [finding.code for finding in check_images(real, fake, input_size=input_size)]


REAL = facts(4)
FAKE = facts(4, start=10)


def test_check_images_finds_nothing_wrong_with_plain_images():
    assert codes(REAL, FAKE) == []
    assert codes((), ()) == []


@pytest.mark.parametrize(
    ("fake", "found"),
    [
        (facts(4, start=10, pixel_hash="same"), ["duplicates"]),
        (facts(4, start=3), ["overlap"]),
        (facts(3, start=10) + facts(1, start=20, width=600), ["mixed-sizes"]),
        (facts(4, start=10, width=400), ["size-mismatch"]),
        (facts(4, start=10, encoding="JPEG"), ["encoding-mismatch"]),
        (facts(4, start=10, is_gray=True), ["grayscale"]),
        (facts(4, start=10, conversions=("alpha",)), ["converted"]),
        (
            facts(4, start=10, width=32, height=32),
            ["low-resolution", "size-mismatch"],
        ),
    ],
)
def test_check_images_finds_what_one_side_has(fake, found):
    assert codes(REAL, fake) == found


def test_check_images_accepts_small_gray_images_of_a_network_for_them():
    small = {"width": 8, "height": 8, "is_gray": True}

    assert codes(facts(4, **small), facts(4, start=9, **small), None) == []


def test_check_images_counts_and_names_examples():
    fake = (*facts(3, start=10, conversions=("palette", "alpha")), *facts(1, start=20))

    (finding,) = check_images(REAL, fake, input_size=None)

    assert finding.message == (
        "Some generated images were converted to upright 8-bit RGB (3 alpha, 3 "
        "palette): 10.png, 11.png, 12.png; convert them yourself if they should look "
        "otherwise."
    )
