import pytest
from django.utils import translation

from hypeweb.models import Session, Study
from hypeweb.services import display
from hypeweb.services.sessions import Result


def result(hype_time_ms=None, **counts):
    numbers = {
        "n_answered": 10,
        "n_correct": 7,
        "n_reals": 5,
        "n_reals_correct": 4,
        "n_fakes": 5,
        "n_fakes_correct": 3,
        **counts,
    }
    return Result(hype_time_ms=hype_time_ms, **numbers)


def finished():
    return Session(state=Session.State.FINISHED, study=Study(min_ms=100, max_ms=1000))


def test_rates_are_said_on_reals_and_fakes():
    debrief = display.debrief_of(result())
    assert debrief.percent_correct == 70
    assert debrief.reals_correct_text == "80 %, 4 of 5 recognised"
    assert debrief.fakes_correct_text == "60 %, 3 of 5 recognised"


def test_where_no_image_of_a_kind_was_seen_there_is_no_rate():
    debrief = display.debrief_of(result(n_fakes=0, n_fakes_correct=0))
    assert debrief.fakes_correct_text == "none seen"


@pytest.mark.parametrize(
    ("own_ms", "sentence"),
    [
        (None, ""),
        (
            100,
            (
                "0.10 seconds, the shortest that this study shows an image, were "
                "enough for you."
            ),
        ),
        (
            140,
            "Your limit settled at 0.14 seconds: less than the blink of an eye.",
        ),
        (320, "Your limit settled at 0.32 seconds: about the blink of an eye."),
        (500, "Your limit settled at 0.50 seconds: about half a second."),
        (
            1000,
            (
                "You were still unsure after 1.00 seconds, the longest that this study "
                "shows an image."
            ),
        ),
    ],
)
def test_the_own_threshold_is_put_in_words(own_ms, sentence):
    assert display.own_threshold(finished(), result(own_ms)) == sentence


def test_who_left_early_has_no_threshold():
    session = finished()
    session.state = Session.State.LEFT
    assert display.own_threshold(session, result(500)) == ""


def test_numbers_follow_the_language():
    with translation.override("de"):
        said = display.own_threshold(finished(), result(320))
    assert said == "Deine Grenze lag bei 0,32 Sekunden: etwa ein Wimpernschlag."
