"""Synthetic evaluators that walk the site's own addresses, as a browser would."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import numpy as np
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.urls import reverse

from hypeweb import access
from hypeweb.models import Session, Study, Trial
from hypeweb.science.observers import DropOut, Observer, PsychometricObserver
from hypeweb.services import pools
from hypeweb.services.errors import DomainError

REPLY_SECONDS = 300


@dataclass(frozen=True)
class Crowd:
    """Who is simulated: an observer, and how people and arms differ from it."""

    observer: Observer
    error_by_arm: Mapping[str, float] = field(default_factory=dict)
    threshold_ms_by_arm: Mapping[str, float] = field(default_factory=dict)
    between_sd: float = 0.06
    between_log_sd: float = 0.1

    def observer_for(self, arm_label: str, rng: np.random.Generator) -> Observer:
        """Return one person's observer: what is usual for the arm, give or take."""
        return self._person(self.observer, arm_label, rng)

    def _person(
        self, observer: Observer, arm_label: str, rng: np.random.Generator
    ) -> Observer:
        if isinstance(observer, DropOut):
            return replace(observer, wraps=self._person(observer.wraps, arm_label, rng))
        if not isinstance(observer, PsychometricObserver):
            return observer
        error = self.error_by_arm.get(arm_label, observer.untimed_error)
        middle_ms = self.threshold_ms_by_arm.get(arm_label, observer.threshold_ms)
        return replace(
            observer,
            untimed_error=float(np.clip(rng.normal(error, self.between_sd), 0.0, 1.0)),
            threshold_ms=middle_ms * float(np.exp(rng.normal(0, self.between_log_sd))),
        )


@dataclass(frozen=True)
class Person:
    """One of a crowd: differs from the others by as much in every arm."""

    crowd: Crowd
    seed: int

    def observer_for(self, arm_label: str) -> Observer:
        return self.crowd.observer_for(arm_label, np.random.default_rng(self.seed))


class Browser:
    """A cookie jar and an address: as much of a browser as an evaluator needs."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies = CookieJar()
        # Proxies are for addresses elsewhere; this one is the site itself.
        self._opener = build_opener(HTTPCookieProcessor(self.cookies), ProxyHandler({}))

    def get(self, path: str) -> bytes:
        return self._send(path, None, {})[1]

    def get_json(self, path: str) -> dict[str, Any]:
        body = self._send(path, None, {"Accept": "application/json"})[1]
        return dict(json.loads(body))

    def post_form(self, path: str, fields: Mapping[str, str], **headers: str) -> str:
        """Post a form and return where it led."""
        data = urlencode({**fields, "csrfmiddlewaretoken": self._csrf()}).encode()
        return self._send(path, data, headers)[0]

    def post_json(self, path: str, data: Mapping[str, object]) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-CSRFToken": self._csrf(),
        }
        body = self._send(path, json.dumps(data).encode(), headers)[1]
        return dict(json.loads(body))

    def _csrf(self) -> str:
        return next((c.value or "" for c in self.cookies if c.name == "csrftoken"), "")

    def _send(
        self, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[str, bytes]:
        url = urljoin(self.base_url, path)
        request = Request(url, data, {"Referer": url, **headers})  # noqa: S310 - ours
        try:
            with self._opener.open(request, timeout=REPLY_SECONDS) as response:
                return response.url, response.read()
        except HTTPError as error:
            detail = error.read().decode(errors="replace")[:300]
            raise DomainError(f"{url} answered {error.code}: {detail}") from error
        except (URLError, TimeoutError) as error:
            raise DomainError(
                f"{url} did not answer ({error}). See whether the site runs, then "
                "simulate again."
            ) from error


def simulate_session(
    *, base_url: str, study: Study, crowd: Crowd, rng: np.random.Generator
) -> None:
    """Walk one synthetic evaluator from the invitation to the debrief."""
    browser = Browser(base_url)
    link = pools.link_of(study)
    if link is None:
        raise DomainError(f"“{study}” has no open link; add a pool of that kind.")
    invitation = reverse("invitation", args=[link.token])
    browser.get(invitation)
    address = browser.post_form(
        invitation,
        {"consent": "on"},
        **{access.SIMULATION_HEADER: access.simulation_pass(link)},
    )
    token = address.rstrip("/").rpartition("/")[2]
    session = Session.objects.get(token=token)
    while session.state == Session.State.CONSENTED:
        browser.post_form(reverse("session_start", args=[token]), {})
        session.refresh_from_db()
        person = Person(crowd, seed=int(rng.integers(2**63)))
        if not _walk_part(browser, token, person, rng, mask_ms=study.mask_ms):
            return
        session.refresh_from_db()
    browser.get(reverse("session", args=[token]))


def _walk_part(
    browser: Browser,
    token: str,
    person: Person,
    rng: np.random.Generator,
    *,
    mask_ms: int,
) -> bool:
    """Answer every trial of a part, and say whether the observer stayed for that."""
    step = browser.get_json(reverse("trial", args=[token]))
    while step["state"] == "trial":
        trial = step["trial"]
        browser.get(trial["image"])
        # The browser is never told the truth; a simulated eye must be.
        shown = Trial.objects.select_related("arm").get(nonce=trial["nonce"])
        # The images of a qualification are of no arm.
        observer = person.observer_for(shown.arm.label if shown.arm else "")
        answered = observer.answer(
            truth=shown.truth,  # type: ignore[arg-type]
            exposure_ms=trial["planned_ms"],
            trial=trial["number"] - 1,
            rng=rng,
        )
        if answered is None:
            browser.post_form(reverse("session_leave", args=[token]), {})
            return False
        # Times count from the image's onset, and keys open after the masks.
        opens_ms = (trial["planned_ms"] or 0) + len(trial["masks"]) * mask_ms
        step = browser.post_json(
            reverse("answer", args=[token]),
            {
                "nonce": trial["nonce"],
                "answer": answered.answer,
                "rt_ms": opens_ms + answered.rt_ms,
                "exposure": {"shown_ms": trial["planned_ms"]}
                if trial["planned_ms"]
                else None,
            },
        )["next"]
    return True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        pass


@contextmanager
def own_server() -> Iterator[str]:
    """Serve the site from this process on a free port and lend its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _QuietHandler)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
