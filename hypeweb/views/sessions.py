"""The evaluator's pages and the trial's two addresses."""

import json
from dataclasses import asdict

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.forms import AnswerForm, ConsentForm, ScreenForm
from hypeweb.models import Session, Study
from hypeweb.services import completion, display, masks, samples, sessions
from hypeweb.services.errors import DomainError, NotFoundError
from hypeweb.services.sessions import IssuedTrial


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    pool = access.open_link(token)
    study = pool.study
    evaluator = access.evaluator(request)
    begun = sessions.session_of(evaluator, study) if evaluator else None
    if begun is not None and study.is_running:
        return redirect("session", token=begun.token)
    if not study.is_open:
        message = (
            _("This study is paused. Please come back later.")
            if study.is_running
            else _("This study has ended. Thank you for your interest.")
        )
        return render(request, "sessions/closed.html", {"message": message}, status=409)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        joined = sessions.join_study(
            study=study,
            population=access.population_of(request, pool),
            now=timezone.now(),
            evaluator=evaluator,
            pool=pool,
        )
        response = redirect("session", token=joined.token)
        access.remember_evaluator(response, joined.evaluator)
        return response
    return _invitation(request, study, form)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def study_preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a researcher walk their study as an evaluator would; it counts nowhere."""
    study = access.study(access.researcher(request), slug)
    access.speak_language_of(study)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        joined = sessions.join_study(
            study=study, population=Session.Population.PREVIEW, now=timezone.now()
        )
        return redirect("session", token=joined.token)
    return _invitation(request, study, form, is_preview=True)


@never_cache
@ensure_csrf_cookie
@require_GET
def session(request: HttpRequest, token: str) -> HttpResponse:
    found = access.session(token)
    context = {"session": found, "study": display.facts_of(found.study)}
    if found.state == Session.State.CONSENTED:
        context["required"] = display.requirements_of(found)
        if not found.is_qualifying:
            return render(request, "sessions/instructions.html", context)
        tries = display.attempts_of(found, now=timezone.now())
        context |= {"attempts": tries, "result": display.attempt_result_of(found)}
        return render(request, "sessions/qualification.html", context)
    if found.state == Session.State.RUNNING:
        task = display.task_of(found)
        return render(request, "sessions/trial.html", {**context, "task": task})
    context["ending"] = completion.ending_of(found, now=timezone.now())
    context["appeals"] = found.appeals.all()
    if found.state in {Session.State.SCREENED_OUT, Session.State.NO_PLACE}:
        context["result"] = display.attempt_result_of(found)
        return render(request, "sessions/not_admitted.html", context)
    result = sessions.result_of(found)
    context["result"] = display.debrief_of(result)
    context["threshold"] = display.own_threshold(found, result)
    return render(request, "sessions/debrief.html", context)


@require_POST
def session_start(request: HttpRequest, token: str) -> HttpResponse:
    found = access.session(token)
    form = ScreenForm.from_json(request.POST.get("screen", ""))
    sessions.start_session(session=found, now=timezone.now(), screen=form.as_screen())
    return redirect("session", token=token)


@require_POST
def session_leave(request: HttpRequest, token: str) -> HttpResponse:
    found = access.session(token)
    sessions.leave_session(session=found, now=timezone.now())
    tasks.enqueue(tasks.settle, found.pk)
    return redirect("session", token=token)


@never_cache
@require_GET
def trial(request: HttpRequest, token: str) -> JsonResponse:
    found = access.session_to_answer(token)
    issued = sessions.issue_trial(session=found, now=timezone.now())
    return JsonResponse(_step(found, issued))


@never_cache
@require_POST
def answer(request: HttpRequest, token: str) -> JsonResponse:
    found = access.session_to_answer(token)
    form = AnswerForm(_flat(request))
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise DomainError(
            _("The answer cannot be used: %(field)s: %(error)s")
            % {"field": field, "error": errors[0]}
        )
    recorded = sessions.record_judgment(
        session=found, answer=form.as_answer(), now=timezone.now()
    )
    if recorded.has_finished:
        tasks.enqueue(tasks.score, found.study_id)
        tasks.enqueue(tasks.settle, found.pk)
    return JsonResponse(
        {
            "correct": recorded.is_correct if recorded.has_feedback else None,
            "late": recorded.is_late,
            "next": _step(found, recorded.next_trial),
        }
    )


@require_GET
def trial_image(request: HttpRequest, token: str) -> HttpResponse:
    found = sessions.open_image(token, showing=access.showing(request))
    if found is None:
        raise NotFoundError("There is no image at this address, or no longer.")
    sample, study = found
    return _image(samples.read_png(sample), study)


@require_GET
def mask_image(request: HttpRequest, token: str) -> HttpResponse:
    found = access.mask(token)
    return _image(masks.read_png(found), found.study)


def _invitation(
    request: HttpRequest, study: Study, form: ConsentForm, *, is_preview: bool = False
) -> HttpResponse:
    context = {
        "study": display.facts_of(study),
        "consent_text": study.spoken_consent,
        "form": form,
        "is_preview": is_preview,
    }
    status = 400 if form.errors else 200
    return render(request, "sessions/invitation.html", context, status=status)


def _image(png: bytes, study: Study) -> HttpResponse:
    """Send an image in a body of the study's one length, kept by no cache."""
    response = HttpResponse(
        png.ljust(study.response_bytes, b"\0"), content_type="image/png"
    )
    response["Cache-Control"] = "no-store, no-transform"
    return response


def _step(session: Session, issued: IssuedTrial | None) -> dict[str, object]:
    if issued is None:
        location = reverse("session", args=[session.token])
        return {"state": "finished", "location": location}
    trial = asdict(issued)
    trial["image"] = reverse("trial_image", args=[trial.pop("image_token")])
    trial["masks"] = [
        reverse("mask_image", args=[token]) for token in trial.pop("mask_tokens")
    ]
    return {"state": "trial", "trial": trial}


def _flat(request: HttpRequest) -> dict[str, object]:
    """Return the posted JSON with the exposure's fields beside the answer's."""
    try:
        posted = json.loads(request.body)
        exposure = posted.pop("exposure", None) or {}
        flags = exposure.pop("flags", None) or []
        return {**exposure, **posted, "flags": ",".join(map(str, flags))}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise DomainError(
            "The answer must be a JSON object with nonce, answer and rt_ms."
        ) from error
