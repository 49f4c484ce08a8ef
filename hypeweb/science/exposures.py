"""Whether what a browser says of an exposure is the exposure that was planned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """What a browser says of one exposure; None where it does not say.

    Attributes
    ----------
    shown_ms : float
        How long the image was shown, in ms.
    refresh_hz : float
        Frames a second; the tolerances follow from it.
    target_frames, shown_frames : int, optional
        The frames aimed at and counted.
    element_timing_ms : float, optional
        The duration by the compositor's stamps, in ms.
    """

    shown_ms: float
    refresh_hz: float
    target_frames: int | None = None
    shown_frames: int | None = None
    element_timing_ms: float | None = None


def departs_from_plan(planned_ms: float, reported: Reported) -> bool:
    """Return whether a report of an exposure contradicts its plan, or itself.

    Parameters
    ----------
    planned_ms : float
        What the staircase asked for, in ms.
    reported : Reported
        What the browser says it showed.

    Returns
    -------
    bool
        True where the duration is more than a frame from the plan, the two counts of
        frames differ, or the compositor's duration is more than a frame from the other.

    Raises
    ------
    ValueError
        If the refresh rate is not positive.

    Notes
    -----
    The nearest whole number of frames is at most half a frame from any plan; the other
    half is left for the jitter of stamps.
    """
    if reported.refresh_hz <= 0:
        raise ValueError(f"refresh_hz must be positive, got {reported.refresh_hz}.")
    frame_ms = 1000 / reported.refresh_hz
    counts = {reported.target_frames, reported.shown_frames} - {None}
    painted_ms = reported.element_timing_ms
    return (
        abs(reported.shown_ms - planned_ms) > frame_ms
        or len(counts) > 1
        or (painted_ms is not None and abs(painted_ms - reported.shown_ms) > frame_ms)
    )
