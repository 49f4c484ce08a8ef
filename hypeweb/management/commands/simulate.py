"""Synthetic evaluators through the real HTTP interface, always marked as such."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hypeweb import simulation
from hypeweb.models import Study
from hypeweb.science.observers import OBSERVERS, PsychometricObserver
from hypeweb.services import agreement, scores
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


def _crowd(options: dict[str, Any]) -> simulation.Crowd:
    observer = OBSERVERS[options["observer"]]()
    try:
        if isinstance(observer, PsychometricObserver):
            if options["threshold_ms"] is not None:
                observer = replace(observer, threshold_ms=options["threshold_ms"])
            if options["error"] is not None:
                observer = replace(observer, untimed_error=options["error"])
        by_arm = {}
        for item in options["arm_error"]:
            label, _, error = item.rpartition("=")
            by_arm[label] = float(error)
    except ValueError as error:
        raise CommandError(f"The observer cannot be made: {error}") from error
    return simulation.Crowd(observer=observer, error_by_arm=by_arm)
