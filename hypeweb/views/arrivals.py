"""The pages on which people arrive: from a service, or by a personal link."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access
from hypeweb.forms import ConsentForm
from hypeweb.models import Pool, Study
from hypeweb.services import (
    appeals,
    completion,
    display,
    hooks,
    identities,
    invitations,
    recruiting,
)
from hypeweb.services.recruiting import Arrival

ENTRY_LASTS = timedelta(hours=12)
# Only Mechanical Turk's own sites may show the one page made for their frame.
FRAMES = "https://*.mturk.com https://*.mturkcontent.com"
SUBMIT_TO = {
    Pool.Kind.MTURK: "https://www.mturk.com",
    Pool.Kind.MTURK_SANDBOX: "https://workersandbox.mturk.com",
}


@never_cache
@xframe_options_exempt
@require_GET
def arrival(request: HttpRequest, token: str) -> HttpResponse:
    """Take whom a service sends; their ids leave the address at once."""
    pool = access.recruiting_pool(token)
    if pool.kind == Pool.Kind.PROLIFIC:
        found = recruiting.arrival_from_prolific(request.GET)
        return redirect(_begin_url(pool, found))
    return _frame(request, pool, recruiting.arrival_from_mturk(request.GET))


@never_cache
@require_http_methods(["GET", "POST"])
def arrival_begin(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for consent, and begin the session of who arrived."""
    pool = access.recruiting_pool(token)
    entry = request.POST.get("entry") or request.GET.get("entry", "")
    found = Arrival(**identities.unseal(entry, lasts=ENTRY_LASTS))
    begun = recruiting.session_of(pool, found)
    if begun is not None:
        return redirect("session", token=begun.token)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        joined = recruiting.join(pool=pool, arrival=found, now=timezone.now())
        return redirect("session", token=joined.token)
    return _consent(request, pool.study, form, entry=entry)


@never_cache
@require_http_methods(["GET", "POST"])
def own_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Ask who holds a personal link for consent, and begin their session."""
    invitation = access.own_invitation(token)
    study = invitation.pool.study
    begun = invitations.session_of(invitation)
    if begun is not None:
        return redirect("session", token=begun.token)
    if not study.is_open or invitation.revoked_at is not None:
        message = (
            _("This invitation was withdrawn.")
            if invitation.revoked_at is not None
            else _("This study is not open. Thank you for your interest.")
        )
        return render(request, "sessions/closed.html", {"message": message}, status=409)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        joined = invitations.join(invitation=invitation, now=timezone.now())
        return redirect("session", token=joined.token)
    return _consent(request, study, form)


@require_POST
def session_appeal(request: HttpRequest, token: str) -> HttpResponse:
    """Take a message to the researcher."""
    appeals.write(
        session=access.session(token),
        message=request.POST.get("message", ""),
        now=timezone.now(),
    )
    return redirect("session", token=token)


@csrf_exempt
@require_POST
def prolific_hook(request: HttpRequest) -> HttpResponse:
    """Take a signed event of Prolific; a copy of one changes nothing."""
    delivery = hooks.Delivery(
        body=request.body,
        timestamp=request.headers.get("X-Prolific-Request-Timestamp", ""),
        signature=request.headers.get("X-Prolific-Request-Signature", ""),
        event_id=request.headers.get("X-Event-ID", ""),
        event_timestamp=request.headers.get("X-Timestamp", ""),
    )
    hooks.take_prolific(delivery, now=timezone.now())
    return HttpResponse(status=204)


def _frame(request: HttpRequest, pool: Pool, found: Arrival | None) -> HttpResponse:
    """Show the page inside a HIT: what to do, a link to do it, the code to send."""
    begun = recruiting.session_of(pool, found) if found else None
    submit_to = SUBMIT_TO[Pool.Kind(pool.kind)]
    if settings.MTURK_ENDPOINT_URL and request.GET.get("turkSubmitTo"):
        submit_to = request.GET["turkSubmitTo"]
    context = {
        "study": display.facts_of(pool.study),
        "is_preview_of_hit": found is None,
        "begin_url": access.site_url(request, _begin_url(pool, found)) if found else "",
        "assignment_id": found.submission_id if found else "",
        "submit_url": f"{submit_to}/mturk/externalSubmit",
        "ending": completion.ending_of(begun, now=timezone.now()) if begun else None,
    }
    response = render(request, "sessions/frame.html", context)
    response["Content-Security-Policy"] = (
        "default-src 'self'; object-src 'none'; base-uri 'none'; "
        f"form-action {submit_to}; frame-ancestors {FRAMES}"
    )
    # A frame of another site may load the page, and its style sheets from here.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response


def _begin_url(pool: Pool, found: Arrival) -> str:
    entry = identities.seal(
        {
            "worker_id": found.worker_id,
            "submission_id": found.submission_id,
            "posting_id": found.posting_id,
        }
    )
    path = reverse("arrival_begin", args=[pool.token])
    return f"{path}?{urlencode({'entry': entry})}"


def _consent(
    request: HttpRequest, study: Study, form: ConsentForm, *, entry: str = ""
) -> HttpResponse:
    context = {
        "study": display.facts_of(study),
        "consent_text": study.spoken_consent,
        "form": form,
        "entry": entry,
    }
    status = 400 if form.errors else 200
    return render(request, "sessions/invitation.html", context, status=status)
