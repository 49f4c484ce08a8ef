"""A person's access tokens: list, make, revoke."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from hypeweb import access
from hypeweb.services import access_tokens as service
from hypeweb.services.errors import DomainError
from hypeweb.token_forms import AccessTokenForm


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def access_tokens(request: HttpRequest) -> HttpResponse:
    user, now, made = access.researcher(request), timezone.now(), None
    form = AccessTokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = service.make(user=user, now=now, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            form = AccessTokenForm()
    context = {
        "tokens": service.valid_of(user, now=now),
        "made": made,
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "account/tokens.html", context, status=status)


@login_required
@require_POST
def access_token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.researcher(request)
    found = access.access_token(user, pk)
    service.revoke(token=found, actor=user, now=timezone.now())
    messages.success(request, f"“{found}” works no more.")
    return redirect("access_tokens")
