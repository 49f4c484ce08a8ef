"""A study's ledger and limits, and the accounts of the site."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.models import Account, Budget, Study
from hypeweb.recruiting_forms import CodeForm, LimitForm, ListForm, ReasonForm
from hypeweb.services import (
    completion,
    decisions,
    ledger,
    reconciliations,
    spending,
    undecided,
)
from hypeweb.services.errors import DomainError

N_SHOWN = 200


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def study_payments(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the ledger; a POST changes the study's limits."""
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    if request.method == "GET":
        return _page(request, found)
    budget = spending.open_budget(found)
    form = LimitForm(request.POST)
    if _take_limits(form, budget, user):
        return redirect("study_payments", slug=slug)
    return _page(request, found, limit_form=form)


@login_required
@require_POST
def payments_approve(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    n_approved = ledger.approve_all(study=found, actor=user, now=timezone.now())
    tasks.send_payments()
    messages.success(request, f"{n_approved} payments are approved and being sent.")
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def payments_automatic(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    budget = spending.open_budget(found)
    ledger.set_automatic(
        budget=budget, is_automatic=not budget.is_automatic, actor=user
    )
    return redirect("study_payments", slug=slug)


@never_cache
@login_required
@require_GET
def payments_manual_csv(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study_to_change(access.researcher(request), slug)
    response = HttpResponse(
        "".join(ledger.manual_rows(found)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{slug}-payments.csv"'
    return response


@login_required
@require_POST
def payments_confirm(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    form = ListForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            done = ledger.confirm_manual(
                study=found, text=form.as_text(), actor=user, now=timezone.now()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{done.n_confirmed} payments are confirmed.")
            if done.n_known:
                messages.info(request, f"{done.n_known} were confirmed before.")
            for problem in done.problems[:20]:
                messages.error(request, problem)
            return redirect("study_payments", slug=slug)
    return _page(request, found, confirm_form=form)


@login_required
@require_POST
def payment_approve(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    payment = access.payment(access.study_to_change(user, slug), pk)
    decisions.approve(payment=payment, actor=user, now=timezone.now())
    tasks.enqueue(tasks.pay, payment.pk)
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def payment_retry(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    payment = access.payment(access.study_to_change(user, slug), pk)
    decisions.retry(payment=payment, actor=user)
    tasks.enqueue(tasks.pay, payment.pk)
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def payment_found(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    payment = access.payment(access.study_to_change(user, slug), pk)
    decisions.record_found(payment=payment, actor=user, now=timezone.now())
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def work_reject(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    enrolment = access.enrolment(access.study_to_change(user, slug), pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise DomainError("Give a reason; the person reads it.")
    decisions.reject(
        enrolment=enrolment,
        reason=form.cleaned_data["reason"],
        actor=user,
        now=timezone.now(),
    )
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def work_override(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    enrolment = access.enrolment(access.study_to_change(user, slug), pk)
    decisions.take_back_rejection(enrolment=enrolment, actor=user, now=timezone.now())
    tasks.send_payments()
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def pool_reconcile(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    pool = access.pool(access.study_to_change(user, slug), pk)
    asked = reconciliations.request(pool, now=timezone.now())
    tasks.enqueue(tasks.reconcile, asked.pk)
    return redirect("study_payments", slug=slug)


@login_required
@require_POST
def code_redeem(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the completion code that somebody brings; it counts once."""
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            session = completion.redeem(
                study=found, code=form.cleaned_data["code"], now=timezone.now()
            )
        except DomainError as error:
            form.add_error("code", str(error))
        else:
            messages.success(
                request,
                f"The code is right: session {session.pk} "
                f"{session.get_state_display()}.",
            )
            return redirect("study_payments", slug=slug)
    return _page(request, found, code_form=form)


@login_required
@require_GET
def money(request: HttpRequest) -> HttpResponse:
    """Show the accounts of the site, which are an admin's."""
    found = access.accounts(access.researcher(request))
    return _accounts(request, {account.pk: None for account in found})


@login_required
@require_POST
def account_limits(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    account = access.account(user, pk)
    form = LimitForm(request.POST, prefix=str(pk))
    if _take_limits(form, account, user):
        return redirect("money")
    return _accounts(request, {pk: form})


def _take_limits(form: LimitForm, limit: Budget | Account, user: User) -> bool:
    """Set the limits that were sent; return whether they were right."""
    if not form.is_valid():
        return False
    try:
        ledger.set_limits(
            limit=limit,
            soft_cents=form.cents("soft"),
            hard_cents=form.cents("hard"),
            actor=user,
        )
    except DomainError as error:
        form.add_error(None, str(error))
        return False
    return True


def _accounts(request: HttpRequest, sent: dict[int, LimitForm | None]) -> HttpResponse:
    rows = [
        (
            account,
            sent.get(account.pk)
            or LimitForm(initial=LimitForm.initial_of(account), prefix=str(account.pk)),
        )
        for account in access.accounts(access.researcher(request))
    ]
    status = 400 if any(form and form.errors for form in sent.values()) else 200
    return render(request, "payments/accounts.html", {"rows": rows}, status=status)


def _page(
    request: HttpRequest,
    study: Study,
    *,
    limit_form: LimitForm | None = None,
    confirm_form: ListForm | None = None,
    code_form: CodeForm | None = None,
) -> HttpResponse:
    """Return the ledger's page, with what was wrong with the form sent to it."""
    budget = spending.open_budget(study)
    context = {
        "study": study,
        "budget": budget,
        "lines": ledger.lines_of(study),
        "undecided": undecided.undecided_in(study, now=timezone.now()),
        "strangers": undecided.strangers_in(study),
        "dry_run": ledger.dry_run(study),
        "payments": ledger.payments_of(study)[:N_SHOWN],
        "n_shown": N_SHOWN,
        "pools": ledger.pools_to_reconcile(study),
        "limit_form": limit_form or LimitForm(initial=LimitForm.initial_of(budget)),
        "confirm_form": confirm_form or ListForm(),
        "code_form": code_form or CodeForm(),
    }
    sent = (limit_form, confirm_form, code_form)
    status = 400 if any(form is not None and form.errors for form in sent) else 200
    return render(request, "payments/ledger.html", context, status=status)
