"""Where a study's evaluators come from: its pools, their invitations and postings."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access, tasks
from hypeweb.models import Pool
from hypeweb.recruiting_forms import (
    InviteForm,
    MoreForm,
    MTurkPoolForm,
    PoolChangeForm,
    PoolForm,
    PostingForm,
)
from hypeweb.services import invitations, recruiting
from hypeweb.services import pools as service
from hypeweb.services.errors import DomainError


@login_required
@require_http_methods(["GET", "POST"])
def study_pools(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study(user, slug)
    form = PoolForm(
        request.POST if request.method == "POST" else None, instance=Pool(study=found)
    )
    if request.method == "POST":
        access.require(user, found.project, access.Role.EDITOR)
        if form.is_valid():
            try:
                made = service.add_pool(pool=form.save(commit=False), actor=user)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                return redirect("study_pool", slug=slug, pk=made.pk)
    context = {
        "study": found,
        "pools": service.pools_with_counts(found),
        "can_change": access.can_change(user, found),
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "pools/list.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def study_pool(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.study(user, slug)
    pool = access.pool(found, pk)
    form_class = MTurkPoolForm if pool.kind in recruiting.MTURK else PoolChangeForm
    form = form_class(request.POST if request.method == "POST" else None, instance=pool)
    if request.method == "POST":
        access.require(user, found.project, access.Role.EDITOR)
        if form.is_valid():
            try:
                service.change_pool(pool=form.save(commit=False), actor=user)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                return redirect("study_pool", slug=slug, pk=pk)
        pool.refresh_from_db()
    return _page(request, pool, form=form)


@login_required
@require_POST
def pool_move(request: HttpRequest, slug: str, pk: int, state: str) -> HttpResponse:
    user = access.researcher(request)
    pool = access.pool(access.study_to_change(user, slug), pk)
    service.move_pool(pool=pool, state=Pool.State(state), actor=user)
    return redirect("study_pool", slug=slug, pk=pk)


@login_required
@require_POST
def pool_invite(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    pool = access.pool(found, pk)
    form = InviteForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            added = invitations.add(
                pool=pool, text=form.as_text(), actor=user, now=timezone.now()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{added.n_added} people are invited.")
            if added.n_added and added.before_first:
                messages.info(
                    request,
                    f"Line 1 of this list is number {added.before_first + 1}, and so "
                    "on; keep the list to know whom to pay.",
                )
            if added.n_known:
                messages.info(request, f"{added.n_known} were invited before.")
            for problem in added.problems[:10]:
                messages.error(request, problem)
            tasks.send_invitations()
            return redirect("study_pool", slug=slug, pk=pk)
    return _page(request, pool, invite_form=form)


@login_required
@require_POST
def pool_remind(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    pool = access.pool(access.study_to_change(user, slug), pk)
    reminded = invitations.remind(pool=pool, actor=user, now=timezone.now())
    messages.success(request, f"{reminded.n_mailed} people get a mail.")
    if reminded.n_recent:
        messages.info(
            request, f"{reminded.n_recent} had one within the last hour and get none."
        )
    tasks.send_invitations()
    return redirect("study_pool", slug=slug, pk=pk)


@login_required
@require_POST
def invitation_revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.personal_invitation(access.study_to_change(user, slug), pk)
    invitations.revoke(invitation=found, actor=user, now=timezone.now())
    return redirect("study_pool", slug=slug, pk=found.pool_id)


@login_required
@require_POST
def pool_post(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    pool = access.pool(found, pk)
    form = PostingForm(request.POST)
    if form.is_valid():
        try:
            made = recruiting.request_posting(
                pool=pool, wish=form.as_wish(), actor=user, now=timezone.now()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            for posting in made:
                tasks.enqueue(tasks.post, posting.pk)
            return redirect("study_pool", slug=slug, pk=pk)
    return _page(request, pool, posting_form=form)


@login_required
@require_POST
def posting_extend(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    posting = access.posting(access.study_to_change(user, slug), pk)
    form = MoreForm(request.POST)
    if not form.is_valid():
        raise DomainError("Write how many more places there should be, 1 to 500.")
    made = recruiting.extend(
        posting=posting,
        n_more=form.cleaned_data["n_more"],
        actor=user,
        now=timezone.now(),
    )
    for one in made:
        tasks.enqueue(tasks.post, one.pk)
    return redirect("study_pool", slug=slug, pk=posting.pool_id)


@login_required
@require_POST
def posting_end(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    posting = access.posting(access.study_to_change(user, slug), pk)
    recruiting.end(posting=posting, actor=user)
    return redirect("study_pool", slug=slug, pk=posting.pool_id)


def _page(
    request: HttpRequest,
    pool: Pool,
    *,
    form: PoolChangeForm | None = None,
    invite_form: InviteForm | None = None,
    posting_form: PostingForm | None = None,
) -> HttpResponse:
    """Return a pool's page, with what was wrong with the form sent to it."""
    is_link = pool.kind == Pool.Kind.LINK
    is_invited = pool.kind == Pool.Kind.INVITATIONS
    path = reverse("invitation", args=[pool.token])
    context = {
        "study": pool.study,
        "pool": pool,
        "can_change": access.can_change(access.researcher(request), pool.study),
        "form": form or PoolChangeForm(instance=pool),
        "link_url": access.site_url(request, path) if is_link else "",
        "is_invited": is_invited,
        "is_posted": not (is_link or is_invited),
        "invitations": pool.invitations.select_related("evaluator"),
        "specialities": invitations.specialities_of(pool) if is_invited else [],
        "invite_form": invite_form or InviteForm(),
        "postings": pool.postings.all(),
        "posting_form": posting_form or PostingForm(),
    }
    sent = (form, invite_form, posting_form)
    status = 400 if any(one is not None and one.errors for one in sent) else 200
    return render(request, "pools/detail.html", context, status=status)
