"""Generators: upload, look at, sample, delete."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.generator_forms import GeneratorForm, SamplingForm, StatedForm
from hypeweb.models import Generator
from hypeweb.services import generators as service
from hypeweb.services import sampling
from hypeweb.services.errors import ConflictError, DomainError


@login_required
@require_GET
def generators(request: HttpRequest) -> HttpResponse:
    found = service.with_counts(access.generators_here(request))
    return render(request, "generators/list.html", {"generators": found})


@login_required
@require_http_methods(["GET", "POST"])
def generator_new(request: HttpRequest) -> HttpResponse:
    user = access.researcher(request)
    project = access.project_for_new(request)
    is_post = request.method == "POST"
    form = GeneratorForm(
        request.POST if is_post else None, request.FILES if is_post else None
    )
    if is_post and form.is_valid():
        form.instance.owner, form.instance.project = user, project
        try:
            created = service.create_generator(
                generator=form.save(commit=False), file=form.cleaned_data["file"]
            )
        except ConflictError as error:
            form.add_error("name", str(error))
        except DomainError as error:
            form.add_error("file", str(error))
        else:
            tasks.enqueue(tasks.inspect_generator, created.pk)
            return redirect("generator", pk=created.pk)
    status = 400 if form.errors else 200
    return render(request, "generators/new.html", {"form": form}, status=status)


@login_required
@require_GET
def generator(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.generator(access.researcher(request), pk)
    return _page(request, found)


@login_required
@require_POST
def generator_sample(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.generator_to_change(user, pk)
    form = SamplingForm(
        request.POST, generator=found, sample_sets=access.sample_sets_to_use(request)
    )
    if form.is_valid():
        try:
            made = sampling.request_sampling(
                generator=found, requested_by=user, request=form.as_request()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            for run in made.runs.all():
                tasks.enqueue(tasks.sample, run.pk)
            return redirect("generator", pk=pk)
    return _page(request, found, form=form)


@login_required
@require_POST
def generator_retry(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.generator_to_change(access.researcher(request), pk)
    form = StatedForm(request.POST, instance=found)
    if not form.is_valid():
        found.refresh_from_db()
        return _page(request, found, stated=form)
    service.retry(found, stated=form.as_stated())
    tasks.enqueue(tasks.inspect_generator, found.pk)
    return redirect("generator", pk=pk)


@login_required
@require_POST
def sampling_retry(request: HttpRequest, pk: int) -> HttpResponse:
    run = access.sampling_run_to_change(access.researcher(request), pk)
    sampling.retry(run)
    tasks.enqueue(tasks.sample, run.pk)
    return redirect("generator", pk=run.sampling.generator_id)


@login_required
@require_POST
def generator_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.generator_to_delete(access.researcher(request), pk)
    service.delete_generator(found)
    messages.success(request, f"“{found.name}” was deleted.")
    return redirect("generators")


@login_required
@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def generator_preview(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.generator(access.researcher(request), pk)
    return HttpResponse(service.read_preview(found), content_type="image/png")


def _page(
    request: HttpRequest,
    found: Generator,
    *,
    form: SamplingForm | None = None,
    stated: StatedForm | None = None,
) -> HttpResponse:
    user = access.researcher(request)
    sets = access.sample_sets_to_use(request)
    form = form or SamplingForm(generator=found, sample_sets=sets)
    stated = stated or StatedForm(instance=found)
    context = {
        "generator": found,
        "form": form,
        "stated": stated,
        "history": sampling.history_of(found),
        "may_change": access.can_change(user, found),
        "may_delete": access.can_delete(user, found),
    }
    status = 400 if form.errors or stated.errors else 200
    return render(request, "generators/detail.html", context, status=status)
