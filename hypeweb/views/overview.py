"""The admin's view of all studies."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from hypeweb import access
from hypeweb.project_forms import OverviewForm
from hypeweb.services import overview as service
from hypeweb.services import workers
from hypeweb.services.errors import DomainError


@login_required
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    access.admin(request)
    form = OverviewForm(request.GET)
    query = request.GET.copy()
    query.pop("page", None)
    page, rows = service.studies_page(form.filters(), request.GET.get("page"))
    now = timezone.now()
    context = {
        "form": form,
        "query": query.urlencode(),
        "page": page,
        "rows": rows,
        "queues": service.queues(now=now),
        "workers": workers.workers(now=now),
        "weeks": service.trend(now=now),
        "spent": service.spent_in_all(),
    }
    return render(request, "overview/overview.html", context)


@login_required
@require_GET
def overview_compare(request: HttpRequest) -> HttpResponse:
    access.admin(request)
    chosen = [int(one) for one in request.GET.getlist("arm") if one.isdecimal()]
    compared, refusal = None, ""
    try:
        compared = service.compare(chosen)
    except DomainError as error:
        refusal = str(error)
    context = {"compared": compared, "refusal": refusal}
    status = 400 if refusal else 200
    return render(request, "overview/compare.html", context, status=status)
