"""The leak audit: start or retry it, override it with a reason."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from hypeweb import access, tasks
from hypeweb.forms import LeakOverrideForm
from hypeweb.services import leaks
from hypeweb.views.studies import study_page


@login_required
@require_POST
def leak_audit_start(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study_to_change(access.researcher(request), slug)
    tasks.enqueue(tasks.audit_leaks, leaks.request_audit(found).pk)
    return redirect("study", slug=slug)


@login_required
@require_POST
def leak_audit_override(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    form = LeakOverrideForm(request.POST)
    if not form.is_valid():
        return study_page(request, found, override_form=form)
    leaks.override(
        study=found,
        actor=user,
        reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )
    return redirect("study", slug=slug)
