"""A running study: how it stands, its pauses, and who hears of its milestones."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access
from hypeweb.draft_forms import SubscriptionForm
from hypeweb.services import milestones, monitoring, studies
from hypeweb.services.errors import DomainError


@login_required
@require_http_methods(["GET", "POST"])
def study_monitor(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study(user, slug)
    form = SubscriptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        access.require(user, found.project, access.Role.EDITOR)
        if form.is_valid():
            try:
                milestones.subscribe(study=found, actor=user, **form.cleaned_data)
            except DomainError as error:
                form.add_error("address", str(error))
            else:
                return redirect("study_monitor", slug=slug)
    context = {
        "study": found,
        "can_change": access.can_change(user, found),
        "monitor": monitoring.monitor_of(found),
        "milestones": found.milestones.all(),
        "subscriptions": milestones.subscriptions_of(found),
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "studies/monitor.html", context, status=status)


@login_required
@require_POST
def subscription_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.subscription(access.study_to_change(user, slug), pk)
    milestones.unsubscribe(subscription=found, actor=user)
    return redirect("study_monitor", slug=slug)


@login_required
@require_POST
def study_pause(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    studies.pause_study(study=access.study_to_change(user, slug), actor=user)
    return redirect("study_monitor", slug=slug)


@login_required
@require_POST
def study_resume(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    studies.resume_study(study=access.study_to_change(user, slug), actor=user)
    return redirect("study_monitor", slug=slug)
