"""Evaluations: progress while the worker computes, failure, retry."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hypeweb import access, tasks
from hypeweb.services import evaluations


@login_required
@require_GET
def study_evaluations(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study(user, slug)
    context = {
        "study": found,
        "can_change": access.can_change(user, found),
        "evaluations": evaluations.progress_of(found),
    }
    return render(request, "studies/_evaluations.html", context)


@login_required
@require_POST
def evaluation_retry(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.evaluation(user, pk)
    study = access.study_to_change(user, request.POST.get("study", ""))
    evaluations.retry(found)
    tasks.enqueue(tasks.evaluate, found.pk)
    return redirect("study", slug=study.slug)
