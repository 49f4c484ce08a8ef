"""The tables, one module per stage of the pipeline."""

from hypeweb.models.api import AccessToken, StoredReply
from hypeweb.models.audit import AuditEvent
from hypeweb.models.evaluations import (
    Evaluation,
    LabelCount,
    MetricResult,
    MetricWarning,
    NearestReal,
)
from hypeweb.models.figures import StudyFigure
from hypeweb.models.generators import Generator
from hypeweb.models.imports import (
    SampleImport,
    SetOverlap,
    SkippedFile,
    SourceCount,
)
from hypeweb.models.jobs import Job
from hypeweb.models.leaks import LeakAudit, LeakContrast, TraceAudit
from hypeweb.models.milestones import Milestone, Notice, Subscription
from hypeweb.models.payments import Account, Budget, Enrolment, Payment
from hypeweb.models.pools import Pool
from hypeweb.models.projects import Membership, Project
from hypeweb.models.reports import (
    Agreement,
    ReportLink,
    ReportVersion,
    Retraction,
    VersionFile,
)
from hypeweb.models.samples import Sample, SampleSet
from hypeweb.models.sampling import Sampling, SamplingRun
from hypeweb.models.scores import Score, StudyComparison
from hypeweb.models.sessions import (
    Evaluator,
    Judgment,
    Qualification,
    Session,
    Trial,
)
from hypeweb.models.shown_counts import ShownCounts
from hypeweb.models.studies import Arm, Mask, Material, Study
from hypeweb.models.uploads import Upload, UploadPart

__all__ = [
    "AccessToken",
    "Account",
    "Agreement",
    "Arm",
    "AuditEvent",
    "Budget",
    "Enrolment",
    "Evaluation",
    "Evaluator",
    "Generator",
    "Job",
    "Judgment",
    "LabelCount",
    "LeakAudit",
    "LeakContrast",
    "Mask",
    "Material",
    "Membership",
    "MetricResult",
    "MetricWarning",
    "Milestone",
    "NearestReal",
    "Notice",
    "Payment",
    "Pool",
    "Project",
    "Qualification",
    "ReportLink",
    "ReportVersion",
    "Retraction",
    "Sample",
    "SampleImport",
    "SampleSet",
    "Sampling",
    "SamplingRun",
    "Score",
    "Session",
    "SetOverlap",
    "ShownCounts",
    "SkippedFile",
    "SourceCount",
    "StoredReply",
    "Study",
    "StudyComparison",
    "StudyFigure",
    "Subscription",
    "TraceAudit",
    "Trial",
    "Upload",
    "UploadPart",
    "VersionFile",
]
