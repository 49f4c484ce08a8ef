"""Evaluations: progress while the worker computes, failure, retry."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from hypeweb import access, tasks
from hypeweb.models import Study
from hypeweb.services import evaluations


def start(study: Study) -> None:
    """Ask for the metrics of each arm; queue what no worker has taken yet."""
    for evaluation in evaluations.request_evaluations(study):
        if evaluation.state == evaluation.State.QUEUED:
            tasks.enqueue(tasks.evaluate, evaluation.pk)


def context(study: Study) -> dict[str, object]:
    """Return what the fragment on the study page shows."""
    runs = evaluations.evaluations_of(study)
    rows = [
        {"arm": arm, "evaluation": runs.get(arm.sample_set_id)}
        for arm in study.arms.all()
    ]
    active = any(run.is_active for run in runs.values())
    return {"evaluations": rows, "evaluations_active": active}


@login_required
@require_GET
def study_evaluations(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    return render(
        request, "studies/_evaluations.html", {"study": found, **context(found)}
    )


@login_required
@require_POST
def evaluation_retry(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.evaluation(user, pk)
    study = access.study(user, request.POST.get("study", ""))
    evaluations.retry(found)
    tasks.enqueue(tasks.evaluate, found.pk)
    return redirect("study", slug=study.slug)
