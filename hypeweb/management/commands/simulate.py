"""Synthetic evaluators through the real HTTP interface, always marked as such."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hypeweb import simulation
from hypeweb.models import Study
from hypeweb.science.observers import (
    OBSERVERS,
    DropOut,
    Observer,
    PsychometricObserver,
)
from hypeweb.services import agreement, figures, image_findings, scores
from hypeweb.services.errors import DomainError


class Command(BaseCommand):
    help = "Let synthetic evaluators walk through an open study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's short name in its address")
        parser.add_argument("--evaluators", type=int, default=10)
        parser.add_argument(
            "--observer", choices=sorted(OBSERVERS), default="psychometric"
        )
        parser.add_argument(
            "--threshold-ms", type=float, help="exposure with 75 %% correct"
        )
        parser.add_argument("--error", type=float, help="untimed error, 0 to 1")
        parser.add_argument(
            "--arm-error",
            action="append",
            default=[],
            metavar="ARM=ERROR",
            help="untimed error on one arm; may be repeated",
        )
        parser.add_argument(
            "--arm-threshold-ms",
            action="append",
            default=[],
            metavar="ARM=MS",
            help="threshold on one arm; may be repeated",
        )
        parser.add_argument("--slope", type=float, help="of the Weibull function")
        parser.add_argument("--lapse", type=float, help="share of blind presses")
        parser.add_argument("--bias", type=float, help="lean to real, in SDs")
        parser.add_argument(
            "--learning", type=float, help="fall per 100 trials, as an exponent"
        )
        parser.add_argument(
            "--leaves-after", type=int, help="trials of a drop-out before it leaves"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--url", help="a running site; else one is started")

    def handle(self, *args: Any, **options: Any) -> None:
        study = Study.objects.filter(slug=options["study"]).first()
        if study is None:
            raise CommandError(f"There is no study {options['study']!r}.")
        crowd = _crowd(options)
        url = options["url"]
        with nullcontext(url) if url else simulation.own_server() as base_url:
            for number in range(options["evaluators"]):
                try:
                    simulation.simulate_session(
                        base_url=base_url,
                        study=study,
                        crowd=crowd,
                        rng=np.random.default_rng([options["seed"], number]),
                    )
                except DomainError as error:
                    raise CommandError(str(error)) from error
                self.stdout.write(f"simulated evaluator {number + 1} is done")
        scores.score_study(study.pk, now=timezone.now())
        agreement.relate_study(study.pk, now=timezone.now())
        image_findings.find_images(study.pk, now=timezone.now())
        figures.draw_study(study.pk, now=timezone.now())


def _crowd(options: dict[str, Any]) -> simulation.Crowd:
    try:
        return simulation.Crowd(
            observer=_observer(OBSERVERS[options["observer"]](), options),
            error_by_arm=_by_arm(options["arm_error"]),
            threshold_ms_by_arm=_by_arm(options["arm_threshold_ms"]),
        )
    except ValueError as error:
        raise CommandError(f"The observer cannot be made: {error}") from error


def _observer(observer: Observer, options: dict[str, Any]) -> Observer:
    """Return the observer with the options that it knows."""
    if isinstance(observer, DropOut):
        after = options["leaves_after"]
        wraps = _observer(observer.wraps, options)
        return DropOut(wraps=wraps, after=observer.after if after is None else after)
    if not isinstance(observer, PsychometricObserver):
        return observer
    given = {
        "threshold_ms": options["threshold_ms"],
        "untimed_error": options["error"],
        "slope": options["slope"],
        "lapse": options["lapse"],
        "bias": options["bias"],
        "learning": options["learning"],
    }
    return replace(
        observer, **{name: value for name, value in given.items() if value is not None}
    )


def _by_arm(items: list[str]) -> dict[str, float]:
    """Return what was given as ARM=NUMBER."""
    by_arm = {}
    for item in items:
        label, _, number = item.rpartition("=")
        by_arm[label] = float(number)
    return by_arm
