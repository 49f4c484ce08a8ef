"""Every address of the site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, register_converter
from django.views.i18n import set_language

from hypeweb.services import export_columns, export_formats
from hypeweb.views import (
    access_tokens,
    api_pages,
    appeals,
    arrivals,
    drafts,
    evaluations,
    exports,
    figures,
    generators,
    imports,
    leaks,
    monitoring,
    overview,
    payments,
    pools,
    projects,
    report_links,
    report_versions,
    reports,
    samples,
    sessions,
    site,
    studies,
    uploads,
)
from hypeweb.views.api.interface import api


class WhatConverter:
    """One of the tables that can be exported."""

    regex = "|".join(export_columns.TABLES)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class FormatConverter(WhatConverter):
    """One of the formats they can be had in."""

    regex = "|".join(export_formats.FORMATS)


class TokenConverter:
    """An unguessable name, as services/tokens.py makes them."""

    regex = "[A-Za-z0-9_-]{1,43}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class PoolStateConverter:
    """What becomes of a pool."""

    regex = "open|paused|closed"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class FigureConverter:
    """A format in which figures are stored."""

    regex = r"svg|dark\.svg|pdf|png"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ReportFormConverter(FigureConverter):
    """A form in which a report can be downloaded."""

    regex = "|".join(reports.FILES)


register_converter(TokenConverter, "token")
register_converter(WhatConverter, "what")
register_converter(FormatConverter, "format")
register_converter(FigureConverter, "figure")
register_converter(ReportFormConverter, "report_form")
register_converter(PoolStateConverter, "pool_state")

handler404 = "hypeweb.views.site.not_found"

urlpatterns = [
    path("", site.home, name="home"),
    path("health/", site.health, name="health"),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    # Researchers
    path("account/tokens/", access_tokens.access_tokens, name="access_tokens"),
    path(
        "account/tokens/<int:pk>/revoke/",
        access_tokens.access_token_revoke,
        name="access_token_revoke",
    ),
    path("api/", api_pages.api_description, name="api_description"),
    path("projects/", projects.projects, name="projects"),
    path("projects/switch/", projects.project_switch, name="project_switch"),
    path("projects/<int:pk>/", projects.project, name="project"),
    path("projects/<int:pk>/rename/", projects.project_rename, name="project_rename"),
    path("projects/<int:pk>/delete/", projects.project_delete, name="project_delete"),
    path(
        "projects/<int:pk>/members/<int:member_pk>/role/",
        projects.member_role,
        name="member_role",
    ),
    path(
        "projects/<int:pk>/members/<int:member_pk>/remove/",
        projects.member_remove,
        name="member_remove",
    ),
    path("sample-sets/", samples.sample_sets, name="sample_sets"),
    path("sample-sets/new/", samples.sample_set_new, name="sample_set_new"),
    path("sample-sets/<int:pk>/", samples.sample_set, name="sample_set"),
    path(
        "sample-sets/<int:pk>/delete/",
        samples.sample_set_delete,
        name="sample_set_delete",
    ),
    path("sample-sets/<int:pk>/edit/", samples.sample_set_edit, name="sample_set_edit"),
    path(
        "sample-sets/<int:pk>/report/",
        imports.sample_set_report,
        name="sample_set_report",
    ),
    path("sample-sets/<int:pk>/skipped.csv", imports.skipped_csv, name="skipped_csv"),
    path("sample-sets/<int:pk>/set.zip", imports.sample_set_zip, name="sample_set_zip"),
    path(
        "sample-sets/<int:pk>/retry/", imports.sample_set_retry, name="sample_set_retry"
    ),
    path("samples/<int:pk>/", samples.sample, name="sample"),
    path(
        "samples/<int:pk>/thumbnail.webp",
        samples.sample_thumbnail,
        name="sample_thumbnail",
    ),
    path("uploads/", uploads.upload_new, name="upload_new"),
    path("uploads/<token:token>/", uploads.upload, name="upload"),
    path("generators/", generators.generators, name="generators"),
    path("generators/new/", generators.generator_new, name="generator_new"),
    path("generators/<int:pk>/", generators.generator, name="generator"),
    path(
        "generators/<int:pk>/sample/",
        generators.generator_sample,
        name="generator_sample",
    ),
    path(
        "generators/<int:pk>/retry/", generators.generator_retry, name="generator_retry"
    ),
    path(
        "generators/<int:pk>/delete/",
        generators.generator_delete,
        name="generator_delete",
    ),
    path(
        "generators/<int:pk>/preview.png",
        generators.generator_preview,
        name="generator_preview",
    ),
    path("samplings/<int:pk>/retry/", generators.sampling_retry, name="sampling_retry"),
    path("samples/<int:pk>/image.png", samples.sample_image, name="sample_image"),
    path("overview/", overview.overview, name="overview"),
    path("overview/compare/", overview.overview_compare, name="overview_compare"),
    path("studies/", studies.studies, name="studies"),
    path("studies/new/", studies.study_new, name="study_new"),
    path("studies/new/plan/", studies.study_plan, name="study_plan"),
    path("studies/<slug:slug>/", studies.study, name="study"),
    path("studies/<slug:slug>/edit/", drafts.study_edit, name="study_edit"),
    path("studies/<slug:slug>/clone/", drafts.study_clone, name="study_clone"),
    path("studies/<slug:slug>/delete/", drafts.study_delete, name="study_delete"),
    path("studies/<slug:slug>/preview/", sessions.study_preview, name="study_preview"),
    path("studies/<slug:slug>/open/", studies.study_open, name="study_open"),
    path("studies/<slug:slug>/pause/", monitoring.study_pause, name="study_pause"),
    path("studies/<slug:slug>/resume/", monitoring.study_resume, name="study_resume"),
    path(
        "studies/<slug:slug>/monitor/", monitoring.study_monitor, name="study_monitor"
    ),
    path(
        "studies/<slug:slug>/subscriptions/<int:pk>/delete/",
        monitoring.subscription_delete,
        name="subscription_delete",
    ),
    path("studies/<slug:slug>/close/", studies.study_close, name="study_close"),
    path("studies/<slug:slug>/people/", appeals.study_people, name="study_people"),
    path("studies/<slug:slug>/pools/", pools.study_pools, name="study_pools"),
    path("studies/<slug:slug>/pools/<int:pk>/", pools.study_pool, name="study_pool"),
    path(
        "studies/<slug:slug>/pools/<int:pk>/<pool_state:state>/",
        pools.pool_move,
        name="pool_move",
    ),
    path(
        "studies/<slug:slug>/pools/<int:pk>/invite/",
        pools.pool_invite,
        name="pool_invite",
    ),
    path(
        "studies/<slug:slug>/pools/<int:pk>/remind/",
        pools.pool_remind,
        name="pool_remind",
    ),
    path(
        "studies/<slug:slug>/invitations/<int:pk>/revoke/",
        pools.invitation_revoke,
        name="invitation_revoke",
    ),
    path("studies/<slug:slug>/pools/<int:pk>/post/", pools.pool_post, name="pool_post"),
    path(
        "studies/<slug:slug>/postings/<int:pk>/extend/",
        pools.posting_extend,
        name="posting_extend",
    ),
    path(
        "studies/<slug:slug>/postings/<int:pk>/end/",
        pools.posting_end,
        name="posting_end",
    ),
    path(
        "studies/<slug:slug>/pools/<int:pk>/reconcile/",
        payments.pool_reconcile,
        name="pool_reconcile",
    ),
    path(
        "studies/<slug:slug>/payments/", payments.study_payments, name="study_payments"
    ),
    path(
        "studies/<slug:slug>/payments/approve/",
        payments.payments_approve,
        name="payments_approve",
    ),
    path(
        "studies/<slug:slug>/payments/automatic/",
        payments.payments_automatic,
        name="payments_automatic",
    ),
    path(
        "studies/<slug:slug>/payments/manual.csv",
        payments.payments_manual_csv,
        name="payments_manual_csv",
    ),
    path(
        "studies/<slug:slug>/payments/confirm/",
        payments.payments_confirm,
        name="payments_confirm",
    ),
    path(
        "studies/<slug:slug>/payments/code/", payments.code_redeem, name="code_redeem"
    ),
    path(
        "studies/<slug:slug>/payments/<int:pk>/approve/",
        payments.payment_approve,
        name="payment_approve",
    ),
    path(
        "studies/<slug:slug>/payments/<int:pk>/retry/",
        payments.payment_retry,
        name="payment_retry",
    ),
    path(
        "studies/<slug:slug>/payments/<int:pk>/found/",
        payments.payment_found,
        name="payment_found",
    ),
    path(
        "studies/<slug:slug>/sessions/<int:pk>/reject/",
        payments.work_reject,
        name="work_reject",
    ),
    path(
        "studies/<slug:slug>/sessions/<int:pk>/override/",
        payments.work_override,
        name="work_override",
    ),
    path(
        "studies/<slug:slug>/sessions/<int:pk>/block/",
        appeals.session_block,
        name="session_block",
    ),
    path(
        "studies/<slug:slug>/sessions/<int:pk>/requalify/",
        appeals.session_requalify,
        name="session_requalify",
    ),
    path(
        "projects/<int:pk>/blocks/<int:block_pk>/lift/",
        appeals.block_lift,
        name="block_lift",
    ),
    path(
        "studies/<slug:slug>/appeals/<int:pk>/reply/",
        appeals.appeal_reply,
        name="appeal_reply",
    ),
    path("inbox/", appeals.inbox, name="inbox"),
    path("money/", payments.money, name="money"),
    path("money/<int:pk>/", payments.account_limits, name="account_limits"),
    path(
        "studies/<slug:slug>/leak-audit/",
        leaks.leak_audit_start,
        name="leak_audit_start",
    ),
    path(
        "studies/<slug:slug>/leak-audit/override/",
        leaks.leak_audit_override,
        name="leak_audit_override",
    ),
    path(
        "studies/<slug:slug>/evaluations/",
        evaluations.study_evaluations,
        name="study_evaluations",
    ),
    path(
        "evaluations/<int:pk>/retry/",
        evaluations.evaluation_retry,
        name="evaluation_retry",
    ),
    path("studies/<slug:slug>/report/", reports.report, name="report"),
    path(
        "studies/<slug:slug>/figures/<int:pk>.<figure:suffix>",
        figures.figure,
        name="figure",
    ),
    path(
        "studies/<slug:slug>/report.json",
        reports.report_file,
        {"form": "json"},
        name="report_json",
    ),
    path(
        "studies/<slug:slug>/report.csv",
        reports.report_file,
        {"form": "csv"},
        name="report_csv",
    ),
    path(
        "studies/<slug:slug>/comparisons.csv",
        reports.report_file,
        {"form": "comparisons.csv"},
        name="comparisons_csv",
    ),
    path("studies/<slug:slug>/report/pdf/", reports.report_pdf, name="report_pdf"),
    path(
        "studies/<slug:slug>/report.tex",
        reports.report_file,
        {"form": "tex"},
        name="report_tex",
    ),
    path(
        "studies/<slug:slug>/report.bib",
        reports.report_file,
        {"form": "bib"},
        name="report_bib",
    ),
    path(
        "studies/<slug:slug>/methods.txt",
        reports.report_file,
        {"form": "txt"},
        name="report_txt",
    ),
    path(
        "studies/<slug:slug>/report/versions/",
        report_versions.report_versions,
        name="report_versions",
    ),
    path(
        "studies/<slug:slug>/report/versions/<int:number>/",
        report_versions.report_version,
        name="report_version",
    ),
    path(
        "studies/<slug:slug>/report/versions/<int:number>/retract/",
        report_versions.report_version_retract,
        name="report_version_retract",
    ),
    path(
        "studies/<slug:slug>/report/versions/<int:number>/pdf/",
        report_versions.report_version_pdf,
        name="report_version_pdf",
    ),
    path(
        "studies/<slug:slug>/report/versions/<int:number>/report.<report_form:form>",
        report_versions.report_version_file,
        name="report_version_file",
    ),
    path(
        "studies/<slug:slug>/report/versions/<int:number>/figures/"
        "<int:pk>.<figure:suffix>",
        figures.version_figure,
        name="version_figure",
    ),
    path(
        "studies/<slug:slug>/report/links/",
        report_links.study_links,
        name="report_links",
    ),
    path(
        "studies/<slug:slug>/report/links/<int:pk>/revoke/",
        report_links.study_link_revoke,
        name="report_link_revoke",
    ),
    path("studies/<slug:slug>/data/", exports.exports, name="exports"),
    path(
        "studies/<slug:slug>/data/<what:what>.<format:form>",
        exports.export,
        name="export",
    ),
    path("data-dictionary.csv", exports.dictionary_csv, name="dictionary_csv"),
    # Services
    path("hooks/prolific/", arrivals.prolific_hook, name="prolific_hook"),
    # Readers with a link
    path("r/<token:token>/", report_links.shared_report, name="shared_report"),
    path(
        "r/<token:token>/report.<report_form:form>",
        report_links.shared_report_file,
        name="shared_report_file",
    ),
    path(
        "r/<token:token>/figures/<int:pk>.<figure:suffix>",
        figures.shared_figure,
        name="shared_figure",
    ),
    path(
        "r/<token:token>/images/<int:pk>.png",
        report_links.shared_image,
        name="shared_image",
    ),
    # Evaluators
    path("language/", set_language, name="set_language"),
    path("e/<token:token>/", sessions.invitation, name="invitation"),
    path("e/<token:token>/work/", arrivals.arrival, name="arrival"),
    path("e/<token:token>/begin/", arrivals.arrival_begin, name="arrival_begin"),
    path("p/<token:token>/", arrivals.own_invitation, name="own_invitation"),
    path("s/<token:token>/appeal/", arrivals.session_appeal, name="session_appeal"),
    path("s/<token:token>/", sessions.session, name="session"),
    path("s/<token:token>/start/", sessions.session_start, name="session_start"),
    path("s/<token:token>/leave/", sessions.session_leave, name="session_leave"),
    path("s/<token:token>/trial/", sessions.trial, name="trial"),
    path("s/<token:token>/answer/", sessions.answer, name="answer"),
    path("i/<token:token>", sessions.trial_image, name="trial_image"),
    path("m/<token:token>", sessions.mask_image, name="mask_image"),
]
