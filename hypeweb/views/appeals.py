"""Messages of evaluators, and whom a project lets in no more."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from hypeweb import access
from hypeweb.recruiting_forms import BlockForm, ReplyForm
from hypeweb.services import admissions, people
from hypeweb.services import appeals as service
from hypeweb.services.errors import DomainError


@never_cache
@login_required
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    user = access.researcher(request)
    editable = access.projects_of(user, at_least=access.Role.EDITOR)
    context = {
        "appeals": service.inbox(editable)[:200],
        "blocks": admissions.blocks_of(editable),
        "reply_form": ReplyForm(),
    }
    return render(request, "appeals/inbox.html", context)


@login_required
@require_POST
def appeal_reply(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    appeal = access.appeal(access.study_to_change(user, slug), pk)
    form = ReplyForm(request.POST)
    if not form.is_valid():
        raise DomainError("Write an answer of at most 2000 characters.")
    service.reply(
        appeal=appeal, text=form.cleaned_data["text"], actor=user, now=timezone.now()
    )
    return redirect("inbox")


@login_required
@require_POST
def session_block(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    session = access.session_of_study(access.study_to_change(user, slug), pk)
    form = BlockForm(request.POST)
    if not form.is_valid():
        raise DomainError("A block needs a reason and 1 to 3650 days.")
    admissions.block(
        session=session, **form.cleaned_data, actor=user, now=timezone.now()
    )
    return _back(request, user)


@login_required
@require_POST
def block_lift(request: HttpRequest, pk: int, block_pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.block_to_lift(user, pk, block_pk)
    admissions.lift_block(found=found, actor=user)
    return _back(request, user)


@login_required
@require_POST
def session_requalify(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    session = access.session_of_study(access.study_to_change(user, slug), pk)
    admissions.requalify(session=session, actor=user)
    return _back(request, user)


@never_cache
@login_required
@require_GET
def study_people(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study_to_change(access.researcher(request), slug)
    page, rows = people.people_of(
        found, number=request.GET.get("page", ""), now=timezone.now()
    )
    context = {"study": found, "page": page, "people": rows}
    return render(request, "studies/people.html", context)


def _back(request: HttpRequest, user: User) -> HttpResponse:
    """Go back to the people of a study, or to the inbox."""
    slug = request.POST.get("back", "")
    if not slug:
        return redirect("inbox")
    return redirect("study_people", slug=access.study(user, slug).slug)
