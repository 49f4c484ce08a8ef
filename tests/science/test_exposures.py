from dataclasses import replace

import pytest

from hypeweb.science.exposures import Reported, departs_from_plan

AS_PLANNED = Reported(
    shown_ms=500.1,
    refresh_hz=60,
    target_frames=30,
    shown_frames=30,
    element_timing_ms=498.0,
)


def test_a_report_that_fits_is_as_planned():
    assert not departs_from_plan(500, AS_PLANNED)


@pytest.mark.parametrize("hz", [30, 59.94, 75, 144, 240])
def test_the_nearest_number_of_frames_is_as_planned(hz):
    for planned_ms in range(1, 1000):
        shown_ms = max(1, round(planned_ms * hz / 1000)) * 1000 / hz
        assert not departs_from_plan(planned_ms, Reported(shown_ms, hz))


@pytest.mark.parametrize(
    "change",
    [
        {"shown_ms": 517.0},
        {"shown_ms": 483.0},
        {"shown_frames": 31},
        {"element_timing_ms": 482.0},
    ],
)
def test_a_frame_more_or_less_departs(change):
    assert departs_from_plan(500, replace(AS_PLANNED, **change))


def test_a_display_without_frames_is_refused():
    with pytest.raises(ValueError, match="must be positive, got 0"):
        departs_from_plan(1, Reported(shown_ms=1, refresh_hz=0))
