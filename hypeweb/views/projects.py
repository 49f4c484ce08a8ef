"""Projects: list, members, and which one somebody works in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access
from hypeweb.models import Project
from hypeweb.project_forms import MemberForm, ProjectForm, RoleForm
from hypeweb.services import projects as service
from hypeweb.services.errors import DomainError


@login_required
@require_http_methods(["GET", "POST"])
def projects(request: HttpRequest) -> HttpResponse:
    user = access.researcher(request)
    form = ProjectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = service.create_project(name=form.cleaned_data["name"], owner=user)
        access.choose_project(request, made)
        return redirect("project", pk=made.pk)
    context = {
        "projects": service.with_counts(access.projects_of(user), user),
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "projects/list.html", context, status=status)


@login_required
@require_POST
def project_switch(request: HttpRequest) -> HttpResponse:
    user = access.researcher(request)
    pk = request.POST.get("project", "")
    access.choose_project(
        request, access.project(user, int(pk)) if pk.isdigit() else None
    )
    return redirect("studies")


@login_required
@require_http_methods(["GET", "POST"])
def project(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    if request.method == "GET":
        return _page(request, access.project(user, pk), MemberForm())
    found = access.project_to_manage(user, pk)
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            service.add_member(
                project=found,
                who=form.cleaned_data["who"],
                role=form.cleaned_data["role"],
                actor=user,
            )
        except DomainError as error:
            form.add_error("who", str(error))
        else:
            return redirect("project", pk=pk)
    return _page(request, found, form)


def _page(request: HttpRequest, found: Project, form: MemberForm) -> HttpResponse:
    user = access.researcher(request)
    context = {
        "project": found,
        "members": found.memberships.select_related("user"),
        "is_owner": access.is_owner(user, found),
        "form": form,
        "name_form": ProjectForm(instance=found, prefix="rename"),
        "roles": RoleForm().fields["role"].widget.choices,
    }
    status = 400 if form.errors else 200
    return render(request, "projects/detail.html", context, status=status)


@login_required
@require_POST
def project_rename(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.project_to_manage(user, pk)
    form = ProjectForm(request.POST, prefix="rename")
    if not form.is_valid():
        raise DomainError("A project needs a name of at most 120 characters.")
    service.rename_project(project=found, name=form.cleaned_data["name"], actor=user)
    return redirect("project", pk=pk)


@login_required
@require_POST
def project_delete(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.project_to_manage(user, pk)
    service.delete_project(project=found, actor=user)
    messages.success(request, f"“{found.name}” was deleted.")
    return redirect("projects")


@login_required
@require_POST
def member_role(request: HttpRequest, pk: int, member_pk: int) -> HttpResponse:
    user = access.researcher(request)
    member = access.membership(access.project_to_manage(user, pk), member_pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise DomainError("A role is owner, editor or viewer.")
    service.change_role(member=member, role=form.cleaned_data["role"], actor=user)
    return redirect("project", pk=pk)


@login_required
@require_POST
def member_remove(request: HttpRequest, pk: int, member_pk: int) -> HttpResponse:
    user = access.researcher(request)
    member = access.membership_to_end(user, pk, member_pk)
    service.remove_member(member=member, actor=user)
    if member.user_id == user.pk and not user.is_staff:
        messages.success(request, f"You left “{member.project}”.")
        return redirect("projects")
    return redirect("project", pk=pk)
