"""Studies: create, look at, open, close."""

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.forms import LeakOverrideForm, PlanForm, StudyForm
from hypeweb.models import Study
from hypeweb.services import comparisons, evaluations, leak_findings, plans, pools
from hypeweb.services import studies as service
from hypeweb.services.errors import DomainError


@login_required
@require_GET
def studies(request: HttpRequest) -> HttpResponse:
    found = (
        access.studies_here(request)
        .select_related("project")
        .annotate(
            n_arms=Count("arms", distinct=True),
            n_sessions=Count("sessions", distinct=True),
        )
    )
    context = {"studies": found, "first_steps": access.first_steps_here(request)}
    return render(request, "studies/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def study_new(request: HttpRequest) -> HttpResponse:
    form = StudyForm(
        request.POST if request.method == "POST" else None,
        sample_sets=access.sample_sets_to_use(request),
    )
    return new_study_page(request, form, {"title": "New study"})


def new_study_page(
    request: HttpRequest, form: StudyForm, context: dict[str, object]
) -> HttpResponse:
    """Store the study that a form describes, or show the form."""
    if request.method == "POST" and form.is_valid():
        form.instance.owner = access.researcher(request)
        try:
            created = service.create_study(
                study=form.save(),
                sample_sets=list(form.cleaned_data["arms"]),
                materials=form.materials(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            tasks.begin_study(created)
            return redirect("study", slug=created.slug)
    status = 400 if form.errors else 200
    context = {**context, "form": form}
    return render(request, "studies/new.html", context, status=status)


@login_required
@require_GET
def study_plan(request: HttpRequest) -> HttpResponse:
    access.researcher(request)
    form = PlanForm(request.GET)
    preview, error = None, ""
    if form.is_valid():
        try:
            preview = plans.preview(
                form.as_setup(),
                n_evaluators=form.cleaned_data["evaluators_per_arm"],
                n_arms=form.cleaned_data["n_arms"],
                pay=form.as_pay(),
            )
        except (DomainError, ValueError) as problem:
            error = str(problem)
    return render(request, "studies/_plan.html", {"preview": preview, "error": error})


@login_required
@require_GET
def study(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    return study_page(request, found, override_form=LeakOverrideForm())


def study_page(
    request: HttpRequest, found: Study, *, override_form: LeakOverrideForm
) -> HttpResponse:
    """Return the study's page, with what was wrong with the form sent to it."""
    link = pools.open_link_of(found)
    is_draft = found.state == found.State.DRAFT
    audit = service.leak_audit_of(found)
    context = {
        "study": found,
        "can_change": access.can_change(access.researcher(request), found),
        "can_delete": access.can_delete(access.researcher(request), found),
        "arms": service.arms_with_counts(found),
        "settings": service.describe(found),
        "invitation_url": access.invitation_url(request, link) if link else None,
        "masks": found.masks.all(),
        "checklist": service.checklist(found) if is_draft else [],
        "is_ready": is_draft and not service.blockers(found),
        "is_preparing": service.is_preparing(found),
        "evaluations": evaluations.progress_of(found),
        "watch": comparisons.watch_of(found),
        "leak_audit": audit,
        "leak_findings": leak_findings.findings_of(audit),
        "override_form": override_form,
    }
    status = 400 if override_form.errors else 200
    return render(request, "studies/detail.html", context, status=status)


@login_required
@require_POST
def study_open(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    service.open_study(study=found, actor=user, now=timezone.now())
    return redirect("study", slug=slug)


@login_required
@require_POST
def study_close(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    service.close_study(study=found, actor=user, now=timezone.now())
    return redirect("study", slug=slug)
