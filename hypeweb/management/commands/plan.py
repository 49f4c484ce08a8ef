"""What a study will take, for a wanted precision."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.models import Study
from hypeweb.science.planning import ASSURANCE, Plan, Terms
from hypeweb.science.staircase import PRESETS
from hypeweb.services import costs, plans
from hypeweb.services.costs import Calibration
from hypeweb.services.errors import DomainError
from hypeweb.services.plans import Setup


class Command(BaseCommand):
    help = (
        "Say how many evaluators, trials, minutes and dollars a wanted precision "
        "takes, or telling two models apart."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--study", help="take the protocol of this study")
        parser.add_argument(
            "--protocol", choices=Study.Protocol.values, default="hype_inf"
        )
        parser.add_argument("--images", type=int, default=100, help="untimed, per head")
        parser.add_argument("--preset", choices=sorted(PRESETS), default="hype-2019")
        parser.add_argument("--blocks", type=int, default=3)
        parser.add_argument("--images-per-block", type=int, default=150)
        parser.add_argument(
            "--expected",
            type=float,
            help="expected error in %% (30), or threshold in ms (250)",
        )
        wanted = parser.add_mutually_exclusive_group()
        wanted.add_argument(
            "--half-width", type=float, help="wanted, in points (3) or ms (20)"
        )
        wanted.add_argument(
            "--against", type=float, help="the second model's error in %% or threshold"
        )
        parser.add_argument("--power", type=float, default=ASSURANCE)
        parser.add_argument("--base-dollars", type=float, default=0.0)
        parser.add_argument("--correct-dollars", type=float, default=0.02)
        parser.add_argument("--hourly-dollars", type=float, default=12.0)
        parser.add_argument("--fee-share", type=float, default=0.0)
        parser.add_argument(
            "--bundled", action="store_true", help="leave past studies aside"
        )
        parser.add_argument("--json", type=Path, metavar="OUT")

    def handle(self, *args: Any, **options: Any) -> None:
        _require_numbers(options)
        setup = _setup(options)
        calibration = (
            costs.bundled(is_timed=setup.is_timed)
            if options["bundled"]
            else costs.calibrate(is_timed=setup.is_timed)
        )
        try:
            plan = _plan(setup, calibration, options)
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        self._print(setup, plan, calibration)
        if options["json"]:
            found = {"plan": asdict(plan), "calibration": asdict(calibration)}
            text = json.dumps(found, indent=2, allow_nan=False) + "\n"
            try:
                options["json"].write_text(text, encoding="utf-8")
            except OSError as error:
                raise CommandError(
                    f"{options['json']} cannot be written ({error.strerror}).",
                    returncode=2,
                ) from error

    def _print(self, setup: Setup, plan: Plan, calibration: Calibration) -> None:
        rows = [("", plan.statement)]
        if plan.n_judgments is not None:
            rows.append(("judgments per arm", f"{plan.n_judgments:,}"))
        if plan.half_width is not None:
            width = plans.amount_text(plan.half_width, is_timed=setup.is_timed)
            rows.append(("half-width of an arm's interval", width))
        if plan.power is not None:
            rows.append(("power", f"{plan.power:.2f}"))
        rows.append(("", calibration.statement))
        for label, text in rows:
            self.stdout.write(f"{label}: {text}" if label else text)


def _require_numbers(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise CommandError(
                f"{name} must be a finite number, got {value}.", returncode=2
            )
    for name in ("blocks", "images_per_block", "images"):
        if options[name] < 1:
            raise CommandError(
                f"{name} must be at least 1, got {options[name]}.", returncode=2
            )
    for name in ("base_dollars", "correct_dollars", "hourly_dollars", "fee_share"):
        if options[name] < 0:
            raise CommandError(
                f"{name} must not be below 0, got {options[name]}.", returncode=2
            )


def _setup(options: dict[str, Any]) -> Setup:
    if options["study"] is None:
        return Setup(
            is_timed=options["protocol"] == Study.Protocol.HYPE_TIME,
            n_images=options["images"],
            rule=PRESETS[options["preset"]],
            n_blocks=options["blocks"],
            images_per_block=options["images_per_block"],
        )
    study = Study.objects.filter(slug=options["study"]).first()
    if study is None:
        raise CommandError(f"There is no study {options['study']!r}.")
    return plans.setup_of(study)


def _plan(setup: Setup, calibration: Calibration, options: dict[str, Any]) -> Plan:
    factor = 1.0 if setup.is_timed else 0.01
    default = 250.0 if setup.is_timed else 30.0
    given = options["expected"]
    expected = factor * (default if given is None else given)
    terms = Terms(
        seconds_per_trial=calibration.seconds_per_trial,
        base_dollars=options["base_dollars"],
        correct_dollars=options["correct_dollars"],
        hourly_minimum_dollars=options["hourly_dollars"],
        fee_share=options["fee_share"],
        n_arms_each=setup.n_arms_each,
    )
    if options["against"] is not None:
        return plans.plan_separation(
            setup,
            expected=(expected, factor * options["against"]),
            power=options["power"],
            calibration=calibration,
            terms=terms,
        )
    half_width = options["half_width"]
    if half_width is None:
        half_width = 20.0 if setup.is_timed else 3.0
    return plans.plan_width(
        setup,
        expected=expected,
        half_width=factor * half_width,
        calibration=calibration,
        terms=terms,
    )
