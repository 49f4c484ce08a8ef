"""What the report page shows, on the terminal and as JSON."""

import json
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.models import Study
from hypeweb.services import report_formats, reports


class Command(BaseCommand):
    help = "Print a study's report, and write it as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's short name in its address")
        parser.add_argument("--json", type=Path, metavar="OUT")
        parser.add_argument(
            "--exclusions",
            choices=get_args(reports.ExclusionsChoice),
            default="none",
            help="applied: without whom the study's rules leave out",
        )
        parser.add_argument("--population", choices=get_args(reports.Population))

    def handle(self, *args: Any, **options: Any) -> None:
        study = Study.objects.filter(slug=options["study"]).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(
                f"There is no study {options['study']!r}; there are: {known}."
            )
        report = reports.build_report(
            study, population=options["population"], exclusions=options["exclusions"]
        )
        self.stdout.write(report_formats.as_text(report))
        if options["json"]:
            options["json"].write_text(
                json.dumps(report_formats.as_json(report), indent=2) + "\n",
                encoding="utf-8",
            )
