"""Every column of the exports: its name, its type, what it holds, where it comes from.

The files, the page and the data dictionary are all made from these tables.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean", "time"]
What = Literal["judgments", "trials", "scores", "evaluations"]


@dataclass(frozen=True)
class ExportColumn:
    """One column; `source` is the path of the field that fills it."""

    name: str
    kind: Kind
    source: str
    help: str
    unit: str = ""


@dataclass(frozen=True)
class ExportTable:
    """One table: a row for each of what `row` says."""

    what: What
    row: str
    columns: tuple[ExportColumn, ...]


def _session_columns(path: str, *, arm: str) -> tuple[ExportColumn, ...]:
    """Return the columns on who judged where, `path` leading to the session."""
    return (
        ExportColumn(
            "study",
            "text",
            f"{path}study__slug",
            "The study's short name in its address.",
        ),
        ExportColumn(
            "arm",
            "text",
            arm,
            "The arm as the report names it, among whose images this one was shown; "
            "empty in a qualification.",
        ),
        ExportColumn(
            "evaluator",
            "text",
            f"{path}evaluator_id",
            "A pseudonym of the evaluator for this study alone: the same person has "
            "another one in every other study.",
        ),
        ExportColumn(
            "population",
            "text",
            f"{path}population",
            "people, simulated (by the site's simulation) or preview (a researcher's "
            "own walk).",
        ),
        ExportColumn(
            "pool",
            "text",
            f"{path}pool__name",
            "The pool of the study through which the evaluator came; empty in a "
            "preview.",
        ),
        ExportColumn(
            "group",
            "text",
            f"{path}pool__group",
            "crowd or experts, as the pool says; empty in a preview.",
        ),
        ExportColumn(
            "session_state",
            "text",
            f"{path}state",
            "How far the evaluator's session is; only finished ones are scored.",
        ),
        ExportColumn(
            "quality_flags",
            "text",
            f"{path}quality_flags",
            "The study's rules on quality that the session breaks, in words separated "
            "by commas; empty before it was scored too.",
        ),
        ExportColumn(
            "session_finished_at",
            "time",
            f"{path}finished_at",
            "When the session ended; empty while it goes on.",
        ),
    )


def _trial_columns(path: str) -> tuple[ExportColumn, ...]:
    """Return the columns on when and how long an image was to be shown."""
    return (
        ExportColumn(
            "block",
            "integer",
            f"{path}block",
            "Block of the session, from 1; 0 in a qualification.",
        ),
        ExportColumn(
            "number", "integer", f"{path}number", "Place in the session, from 1."
        ),
        ExportColumn(
            "is_repeat",
            "boolean",
            f"{path}is_repeat",
            "Whether the trial was added because an exposure of its block failed.",
        ),
        ExportColumn(
            "planned_ms",
            "integer",
            f"{path}planned_ms",
            "Exposure the staircase asked for; empty in untimed studies.",
            "ms",
        ),
    )


def _image_columns(
    *, sample: str, truth: str, purpose: str
) -> tuple[ExportColumn, ...]:
    """Return the columns on the image and what it was shown for; the paths to them."""
    return (
        ExportColumn(
            "sample", "integer", f"{sample}id", "Number of the image on this site."
        ),
        ExportColumn(
            "content_hash",
            "text",
            f"{sample}content_hash",
            "SHA-256 of the image as it was shown.",
        ),
        ExportColumn(
            "source_name",
            "text",
            f"{sample}source_name",
            "Name of the file that the image was imported from.",
        ),
        ExportColumn(
            "truth", "text", truth, "real or fake: what the image is in truth."
        ),
        ExportColumn(
            "purpose",
            "text",
            purpose,
            "score, gold (an attention check) or qualification: what the image was "
            "shown for; only score counts.",
        ),
    )


def _answer_columns() -> tuple[ExportColumn, ...]:
    return (
        ExportColumn("answer", "text", "answer", "real or fake: what was answered."),
        ExportColumn(
            "is_correct", "boolean", "is_correct", "Whether the answer is the truth."
        ),
        ExportColumn(
            "rt_ms",
            "number",
            "rt_ms",
            "Time from the image's onset to the answer, by the browser.",
            "ms",
        ),
        ExportColumn(
            "server_ms",
            "number",
            "server_ms",
            "Time from sending the trial to its answer, by the server.",
            "ms",
        ),
        ExportColumn(
            "is_void",
            "boolean",
            "is_void",
            "Whether the exposure failed, or the answer came too late: kept, and left "
            "out of every score.",
        ),
        ExportColumn(
            "is_scored",
            "boolean",
            "is_scored",
            "Whether the scores of the report rest on this judgment.",
        ),
        ExportColumn("judged_at", "time", "created_at", "When the answer arrived."),
    )


def _exposure_columns() -> tuple[ExportColumn, ...]:
    return (
        ExportColumn(
            "shown_ms",
            "number",
            "shown_ms",
            "Exposure measured by the browser; empty where it was not.",
            "ms",
        ),
        ExportColumn(
            "target_frames",
            "integer",
            "target_frames",
            "Frames of the screen that the exposure was to last.",
        ),
        ExportColumn(
            "shown_frames",
            "integer",
            "shown_frames",
            "Frames of the screen that the exposure lasted.",
        ),
        ExportColumn(
            "refresh_hz",
            "number",
            "refresh_hz",
            "Refresh rate of the screen as measured.",
            "Hz",
        ),
        ExportColumn(
            "n_long_gaps",
            "integer",
            "n_long_gaps",
            "Gaps between frames that were too long, during the trial.",
        ),
        ExportColumn(
            "element_timing_ms",
            "number",
            "element_timing_ms",
            "Time at which the browser says the image was painted, from its onset.",
            "ms",
        ),
        ExportColumn(
            "exposure_flags",
            "text",
            "exposure_flags",
            "What was wrong with the exposure, in words separated by commas.",
        ),
    )


JUDGMENTS = ExportTable(
    "judgments",
    "one answer of one evaluator to one image",
    (
        *_session_columns("trial__session__", arm="trial__arm_id"),
        *_trial_columns("trial__"),
        *_image_columns(
            sample="trial__sample__", truth="trial__truth", purpose="trial__purpose"
        ),
        *_answer_columns(),
        *_exposure_columns(),
    ),
)

TRIALS = ExportTable(
    "trials",
    "one image planned for one evaluator, answered or not",
    (
        *_session_columns("session__", arm="arm_id"),
        *_trial_columns(""),
        # Of a trial that waits for its answer nothing is said that gives it away.
        *(
            ExportColumn(
                column.name,
                column.kind,
                f"shown_{column.name}",
                f"{column.help} Empty while the trial waits for an answer.",
            )
            for column in _image_columns(sample="", truth="", purpose="")
        ),
        ExportColumn(
            "issued_at",
            "time",
            "issued_at",
            "When the trial was first sent to the browser; empty before.",
        ),
        ExportColumn(
            "n_shown",
            "integer",
            "n_shown",
            "For how many showings the image was sent: one, unless the page was loaded "
            "again.",
        ),
        ExportColumn(
            "is_answered", "boolean", "is_answered", "Whether there is a judgment."
        ),
    ),
)

SCORES = ExportTable(
    "scores",
    "one number on one arm, from the judgments of one population",
    (
        ExportColumn("study", "text", "arm__study__slug", JUDGMENTS.columns[0].help),
        ExportColumn("arm", "text", "arm_id", "The arm as the report names it."),
        ExportColumn(
            "sample_set", "text", "arm__sample_set__name", "The arm's sample set."
        ),
        ExportColumn(
            "model",
            "text",
            "arm__sample_set__model_name",
            "The model that made the images, as its owner named it.",
        ),
        ExportColumn(
            "step",
            "integer",
            "arm__sample_set__step",
            "The training step of the model's checkpoint.",
        ),
        ExportColumn(
            "truncation",
            "number",
            "arm__sample_set__truncation",
            "Truncation under which the images were sampled.",
        ),
        ExportColumn(
            "population", "text", "population", "Whose judgments: people or simulated."
        ),
        ExportColumn(
            "exclusions",
            "text",
            "exclusions",
            "none: everyone's judgments; applied: without the sessions that the "
            "study's rules on quality leave out.",
        ),
        ExportColumn(
            "kind",
            "text",
            "kind",
            "Which number: hype_inf, hype_time, threshold_ms, dprime, criterion and "
            "others, as the report's JSON names them. Error rates and shares are from "
            "0 to 1, names that end in _ms are in ms.",
        ),
        ExportColumn(
            "value",
            "number",
            "value",
            "The number; empty where only a bound or a statement is known.",
        ),
        ExportColumn(
            "low", "number", "low", "Lower end of its 95 % interval; empty where open."
        ),
        ExportColumn(
            "high",
            "number",
            "high",
            "Upper end of its 95 % interval; empty where open.",
        ),
        ExportColumn(
            "bound",
            "text",
            "bound",
            "below or above where the number lies beyond the exposures shown.",
        ),
        ExportColumn(
            "statement",
            "text",
            "statement",
            "The result in words, where a number would not do.",
        ),
        ExportColumn(
            "person_spread",
            "number",
            "person_spread",
            "How much evaluators differ: standard deviation of their error rates, or "
            "of the logarithms of their thresholds.",
        ),
        ExportColumn(
            "n_evaluators", "integer", "n_evaluators", "Evaluators it rests on."
        ),
        ExportColumn("n_judgments", "integer", "n_judgments", "Judgments it rests on."),
        ExportColumn("note", "text", "note", "Cautions, in sentences."),
        ExportColumn(
            "method", "text", "method", "How number and interval were computed."
        ),
        ExportColumn(
            "judgments_hash",
            "text",
            "judgments_hash",
            "SHA-256 of the judgments it was computed from.",
        ),
        ExportColumn("computed_at", "time", "computed_at", "When it was computed."),
    ),
)

EVALUATIONS = ExportTable(
    "evaluations",
    "one automated metric of one arm; one row without a metric while there is none",
    (
        ExportColumn("arm", "text", "sample_set_id", "The arm as the report names it."),
        ExportColumn(
            "sample_set", "text", "sample_set__name", "The generated sample set."
        ),
        ExportColumn("real_set", "text", "real_set__name", "The real sample set."),
        ExportColumn(
            "extractor",
            "text",
            "extractor",
            "The network whose features the metrics compare.",
        ),
        ExportColumn(
            "state", "text", "state", "queued, running, done or failed: the run."
        ),
        ExportColumn(
            "error", "text", "error", "Why the run failed; empty where it did not."
        ),
        ExportColumn(
            "metric",
            "text",
            "results__name",
            "Which metric, as `python -m metrics` names it.",
        ),
        ExportColumn("value", "number", "results__value", "The metric's value."),
        ExportColumn(
            "low",
            "number",
            "results__low",
            "Lower end of its interval; empty where none was computed.",
        ),
        ExportColumn(
            "high",
            "number",
            "results__high",
            "Upper end of its interval; empty where none was computed.",
        ),
        ExportColumn(
            "finished_at", "time", "finished_at", "When the run ended; empty before."
        ),
        ExportColumn(
            "warnings",
            "text",
            "id",
            "What the metrics package warns of, as a JSON array of code and message.",
        ),
        ExportColumn(
            "provenance",
            "text",
            "provenance",
            "What the numbers were computed from and with, as a JSON object.",
        ),
    ),
)

TABLES: dict[What, ExportTable] = {
    table.what: table for table in (JUDGMENTS, TRIALS, SCORES, EVALUATIONS)
}
