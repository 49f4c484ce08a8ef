"""Drafts: change one, or start a new study from another's settings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access, tasks
from hypeweb.draft_forms import DraftForm
from hypeweb.forms import StudyForm
from hypeweb.models import Study
from hypeweb.services import drafts
from hypeweb.services.errors import (
    ChangedMeanwhileError,
    ConflictError,
    DomainError,
)
from hypeweb.views.studies import new_study_page


@login_required
@require_http_methods(["GET", "POST"])
def study_clone(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form of a new study, filled in with another's settings."""
    user = access.researcher(request)
    source = access.study(user, slug)
    access.require(user, source.project, access.Role.EDITOR)
    form = StudyForm(
        request.POST if request.method == "POST" else None,
        instance=drafts.copy_of(source),
        initial=drafts.chosen_sets(source),
        sample_sets=access.sample_sets_of(user).filter(project=source.project),
    )
    context: dict[str, object] = {"title": f"Clone of {source.name}", "study": source}
    return new_study_page(request, form, context)


@login_required
@require_http_methods(["GET", "POST"])
def study_edit(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    if not found.is_draft:
        raise ConflictError(drafts.FROZEN)
    form = DraftForm(
        request.POST if request.method == "POST" else None,
        instance=found,
        sample_sets=access.sample_sets_of(user).filter(project=found.project),
    )
    if request.method == "POST" and form.is_valid():
        sample_sets = list(form.cleaned_data["arms"])
        try:
            updated = drafts.update_draft(
                study=form.save(),
                sample_sets=sample_sets,
                revision=form.cleaned_data["revision"],
                actor=user,
                materials=form.materials(),
            )
        except ChangedMeanwhileError as error:
            stored = access.study(user, slug)
            form.accept(stored)
            return _form_page(
                request,
                form,
                conflict=str(error),
                differences=drafts.differences(stored, form.instance, sample_sets),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            tasks.begin_study(updated)
            return redirect("study", slug=slug)
    return _form_page(request, form)


def _form_page(
    request: HttpRequest,
    form: DraftForm,
    *,
    conflict: str = "",
    differences: list[str] | None = None,
) -> HttpResponse:
    context = {
        "title": f"Change {form.initial['name']}",
        "study": form.instance,
        "is_edit": True,
        "form": form,
        "conflict": conflict,
        "differences": differences,
    }
    status = 409 if conflict else 400 if form.errors else 200
    return render(request, "studies/new.html", context, status=status)


@login_required
@require_POST
def study_delete(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found: Study = access.study_to_delete(user, slug)
    drafts.delete_draft(study=found, actor=user)
    messages.success(request, f"“{found.name}” was deleted.")
    return redirect("studies")
