"""The tables, one module per stage of the pipeline."""

from hypeweb.models.api import AccessToken, StoredReply
from hypeweb.models.appeals import Appeal, Block
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
from hypeweb.models.invitations import Invitation
from hypeweb.models.jobs import Job, WorkerPulse
from hypeweb.models.leaks import LeakAudit, LeakContrast, TraceAudit
from hypeweb.models.milestones import Milestone, Notice, Subscription
from hypeweb.models.payments import (
    Account,
    Budget,
    Enrolment,
    Payment,
    Reconciliation,
)
from hypeweb.models.pools import Pool
from hypeweb.models.postings import (
    CompletionCode,
    OutcomeCode,
    Posting,
    ServiceEvent,
    WorkerLabel,
)
from hypeweb.models.projects import Membership, Project
from hypeweb.models.reports import (
    Agreement,
    ImageFindings,
    ReportLink,
    ReportPdf,
    ReportVersion,
    Retraction,
    VersionFile,
)
from hypeweb.models.samples import Sample, SampleSet
from hypeweb.models.sampling import Sampling, SamplingRun
from hypeweb.models.scores import GroupScores, Score, StudyComparison
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
    "Appeal",
    "Arm",
    "AuditEvent",
    "Block",
    "Budget",
    "CompletionCode",
    "Enrolment",
    "Evaluation",
    "Evaluator",
    "Generator",
    "GroupScores",
    "ImageFindings",
    "Invitation",
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
    "OutcomeCode",
    "Payment",
    "Pool",
    "Posting",
    "Project",
    "Qualification",
    "Reconciliation",
    "ReportLink",
    "ReportPdf",
    "ReportVersion",
    "Retraction",
    "Sample",
    "SampleImport",
    "SampleSet",
    "Sampling",
    "SamplingRun",
    "Score",
    "ServiceEvent",
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
    "WorkerLabel",
    "WorkerPulse",
]
