"""Sample sets: upload, list, browse."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.sample_forms import MetadataForm, RetryForm, SampleSetForm
from hypeweb.services import browsing, evaluations, imports, samples, validation
from hypeweb.services.errors import ChangedMeanwhileError, ConflictError, DomainError


@login_required
@require_GET
def sample_sets(request: HttpRequest) -> HttpResponse:
    related = ("job", "sampling_run", "project")
    found = access.sample_sets_here(request).select_related(*related)
    context = {
        "sample_sets": found,
        "is_coming": any(sample_set.is_coming for sample_set in found),
        "first_steps": access.first_steps_here(request),
    }
    return render(request, "sample_sets/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def sample_set_new(request: HttpRequest) -> HttpResponse:
    user = access.researcher(request)
    project = access.project_for_new(request)
    is_post = request.method == "POST"
    form = SampleSetForm(
        user,
        request.POST if is_post else None,
        request.FILES if is_post else None,
        origin=request.GET.get("origin", ""),
    )
    if is_post and form.is_valid():
        form.instance.project = project
        try:
            created = imports.create(
                sample_set=form.save(commit=False),
                origin=form.images(),
                size=form.cleaned_data["size"],
                now=timezone.now(),
            )
        except ConflictError as error:
            form.add_error("name", str(error))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            tasks.enqueue(tasks.import_samples, created.job.pk)
            return redirect("sample_set", pk=created.pk)
    status = 400 if form.errors else 200
    return render(request, "sample_sets/new.html", {"form": form}, status=status)


@login_required
@require_GET
def sample_set(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.sample_set(user, pk)
    page = browsing.grid_page(found, request.GET.get("page"))
    run = evaluations.latest_of(found)
    wants_pairs = run is not None and "nearest" in request.GET
    context = {
        "sample_set": found,
        "page": page,
        "run": run,
        "pairs": browsing.pairs(page, run) if run and wants_pairs else None,
        "labels": browsing.labels_of(found),
        "has_thumbnails": browsing.has_thumbnails(found),
        "n_overlaps": validation.overlaps(found).count(),
        "may_change": access.can_change(user, found),
        "may_delete": access.can_delete(user, found),
        "retry_form": RetryForm(),
        "first_steps": access.first_steps_here(request),
    }
    return render(request, "sample_sets/detail.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def sample_set_edit(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.sample_set_to_change(user, pk)
    is_post = request.method == "POST"
    form = MetadataForm(request.POST if is_post else None, instance=found)
    if is_post and form.is_valid():
        try:
            samples.edit_metadata(
                form.save(commit=False),
                fields=[name for name in form.changed_data if name != "revision"],
                revision=form.cleaned_data["revision"],
            )
        except ChangedMeanwhileError as error:
            form.accept(access.sample_set(user, pk).revision)
            form.add_error(None, str(error))
        except ConflictError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The description was saved.")
            return redirect("sample_set", pk=pk)
    status = 400 if form.errors else 200
    context = {"form": form, "pk": pk}
    return render(request, "sample_sets/edit.html", context, status=status)


@login_required
@require_POST
def sample_set_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample_set_to_delete(access.researcher(request), pk)
    imports.delete_sample_set(found)
    messages.success(request, f"“{found.name}” was deleted.")
    return redirect("sample_sets")


@login_required
@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def sample_image(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample(access.researcher(request), pk)
    return HttpResponse(samples.read_png(found), content_type="image/png")


@login_required
@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def sample_thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample(access.researcher(request), pk)
    return HttpResponse(browsing.read_thumbnail(found), content_type="image/webp")


@login_required
@require_GET
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample(access.researcher(request), pk)
    return render(request, "sample_sets/sample.html", {"shown": browsing.show(found)})
