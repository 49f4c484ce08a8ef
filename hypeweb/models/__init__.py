"""The tables, one module per stage of the pipeline."""

from hypeweb.models.audit import AuditEvent
from hypeweb.models.evaluations import Evaluation, MetricResult, MetricWarning
from hypeweb.models.jobs import Job
from hypeweb.models.samples import Sample, SampleImport, SampleSet, SkippedFile
from hypeweb.models.scores import Score
from hypeweb.models.sessions import Evaluator, Judgment, Session, Trial
from hypeweb.models.studies import Arm, Mask, Study

__all__ = [
    "Arm",
    "AuditEvent",
    "Evaluation",
    "Evaluator",
    "Job",
    "Judgment",
    "Mask",
    "MetricResult",
    "MetricWarning",
    "Sample",
    "SampleImport",
    "SampleSet",
    "Score",
    "Session",
    "SkippedFile",
    "Study",
    "Trial",
]
