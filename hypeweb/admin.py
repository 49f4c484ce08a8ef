"""Every table in Django's admin; what the pipeline wrote is read-only there."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from hypeweb.models import (
    AccessToken,
    Account,
    Agreement,
    Appeal,
    Arm,
    AuditEvent,
    Block,
    Budget,
    CompletionCode,
    Enrolment,
    Evaluation,
    Evaluator,
    Generator,
    GroupScores,
    ImageFindings,
    Invitation,
    Judgment,
    LabelCount,
    LeakAudit,
    LeakContrast,
    Mask,
    Material,
    Membership,
    MetricResult,
    MetricWarning,
    Milestone,
    NearestReal,
    Notice,
    OutcomeCode,
    Payment,
    Pool,
    Posting,
    Project,
    Qualification,
    Reconciliation,
    ReportLink,
    ReportPdf,
    ReportVersion,
    Retraction,
    Sample,
    SampleImport,
    SampleSet,
    Sampling,
    SamplingRun,
    Score,
    ServiceEvent,
    Session,
    SetOverlap,
    ShownCounts,
    SkippedFile,
    SourceCount,
    StoredReply,
    Study,
    StudyComparison,
    StudyFigure,
    Subscription,
    TraceAudit,
    Trial,
    Upload,
    UploadPart,
    VersionFile,
    WorkerLabel,
    WorkerPulse,
)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows rows; the site's own services are the only writers."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: models.Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: models.Model | None = None
    ) -> bool:
        return False


COLUMNS: dict[type[models.Model], tuple[str, ...]] = {
    Project: ("name", "personal_of", "created_at"),
    Membership: ("project", "user", "role"),
    Generator: ("name", "project", "model_name", "state", "sha256", "error"),
    Sampling: ("generator", "requested_by", "n_samples", "seed", "study"),
    SamplingRun: ("sample_set", "truncation", "state", "n_done", "n_total", "error"),
    SampleSet: (
        "name",
        "project",
        "owner",
        "origin",
        "n_samples",
        "frozen_at",
        "created_at",
    ),
    Sample: ("sample_set", "position", "source_name", "content_hash"),
    SampleImport: ("sample_set", "state", "n_done", "n_total", "error"),
    SkippedFile: ("sample_set", "name", "reason"),
    SourceCount: ("sample_set", "facet", "value", "n"),
    SetOverlap: ("sample_set", "other", "n_shared"),
    Upload: ("name", "owner", "received_bytes", "size_bytes", "touched_at"),
    UploadPart: ("upload", "offset", "size_bytes"),
    Study: ("name", "project", "owner", "protocol", "state", "opened_at"),
    Arm: ("study", "label", "sample_set"),
    Material: ("study", "sample_set", "use"),
    Mask: ("study", "position"),
    LeakAudit: ("study", "state", "verdict", "overridden_at", "overridden_by"),
    LeakContrast: ("audit", "kind", "arm", "is_leak", "auc", "low", "high"),
    TraceAudit: ("contrast", "name", "is_visible", "auc", "low", "high"),
    Pool: ("study", "name", "kind", "group", "quota", "state"),
    Evaluator: ("pk", "channel", "created_at"),
    Session: ("pk", "study", "pool", "arm", "state", "population", "consented_at"),
    Qualification: ("session", "attempt", "started_at", "has_passed"),
    Trial: (
        "session",
        "number",
        "block",
        "purpose",
        "truth",
        "planned_ms",
        "issued_at",
    ),
    Judgment: ("trial", "answer", "is_correct", "rt_ms", "shown_ms", "created_at"),
    ShownCounts: ("study", "population", "sample_set"),
    Score: ("arm", "population", "kind", "value", "low", "high", "computed_at"),
    StudyFigure: ("study", "population", "kind", "drawn_at"),
    WorkerPulse: ("name", "seen_at"),
    GroupScores: ("study", "population", "exclusions", "group", "computed_at"),
    StudyComparison: ("study", "population", "computed_at"),
    ImageFindings: ("study", "population", "exclusions", "computed_at"),
    Agreement: ("study", "population", "computed_at"),
    ReportVersion: ("study", "number", "population", "published_at", "content_hash"),
    ReportPdf: ("study", "version", "exclusions", "state", "error"),
    VersionFile: ("version", "name", "sha256"),
    Retraction: ("version", "retracted_at", "reason"),
    ReportLink: ("study", "created_by", "created_at", "expires_at", "revoked_at"),
    Subscription: ("study", "channel", "address", "created_by"),
    Milestone: ("study", "kind", "sentence", "reached_at"),
    Notice: ("milestone", "subscription", "n_attempts", "sent_at", "error"),
    Evaluation: ("sample_set", "real_set", "extractor", "state", "n_attempts"),
    MetricResult: ("evaluation", "name", "value", "low", "high"),
    MetricWarning: ("evaluation", "code", "message"),
    NearestReal: ("evaluation", "sample", "real_sample", "distance"),
    LabelCount: ("sample_set", "extractor", "label", "n"),
    Account: ("service", "currency", "committed_cents", "soft_cents", "hard_cents"),
    Budget: ("study", "committed_cents", "soft_cents", "hard_cents"),
    Enrolment: ("session", "service", "external_id", "status"),
    Invitation: ("pool", "number", "speciality", "n_sent", "revoked_at", "error"),
    Posting: ("pool", "external_id", "state", "n_places", "n_promised", "error"),
    OutcomeCode: ("pool", "outcome"),
    CompletionCode: ("session", "issued_at", "redeemed_at"),
    WorkerLabel: ("service", "meaning", "subject", "external_id"),
    ServiceEvent: ("service", "event_id", "received_at"),
    Reconciliation: ("pool", "made_at", "n_compared", "error"),
    Appeal: ("session", "created_at", "replied_at", "replied_by"),
    Block: ("project", "evaluator", "reason", "until"),
    Payment: ("session", "reason", "service", "amount_cents", "currency", "state"),
    AccessToken: ("name", "user", "start", "last_used_at", "expires_at", "revoked_at"),
    StoredReply: ("user", "key", "status", "created_at"),
    AuditEvent: ("created_at", "actor", "action", "subject"),
}

for model, columns in COLUMNS.items():
    admin.site.register(
        model,
        type(f"{model.__name__}Admin", (ReadOnlyAdmin,), {"list_display": columns}),
    )
