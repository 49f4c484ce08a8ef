"""Scores of judgments collected anywhere, from a table and without a database."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.science.arm_scores import Settings
from hypeweb.science.table_scores import score_file


class Command(BaseCommand):
    help = (
        "Score a CSV of judgments with the columns evaluator, arm, sample, truth and "
        "answer (real or fake), and where known block, planned_ms, shown_ms and rt_ms."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", type=Path, help="where to write the result")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--level", type=float, default=0.95)
        parser.add_argument("--bootstrap", type=int, default=10_000)
        parser.add_argument(
            "--resample",
            choices=["auto", "evaluators", "evaluators-and-images"],
            default="auto",
        )
        parser.add_argument("--limits-ms", type=int, nargs=2, default=[100, 1000])
        parser.add_argument(
            "--masks-ms",
            type=float,
            default=0.0,
            help="how long the masks after an image lasted; nobody answers before",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        shortest_ms, longest_ms = options["limits_ms"]
        settings = Settings(
            n_bootstrap=options["bootstrap"],
            level=options["level"],
            resample=options["resample"],
            limits_ms=(shortest_ms, longest_ms),
            masks_ms=options["masks_ms"],
        )
        try:
            result = score_file(
                options["file"], seed=options["seed"], settings=settings
            )
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        text = json.dumps(result, indent=2, allow_nan=False, ensure_ascii=False)
        if options["json"] is None:
            self.stdout.write(text)
            return
        try:
            options["json"].write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(
                f"{options['json']} cannot be written: {error.strerror}.", returncode=2
            ) from error
