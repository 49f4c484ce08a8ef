"""A study's judgments, trials, scores or evaluations as a file."""

from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.models import Study
from hypeweb.services import export_columns, export_formats, exports


class Command(BaseCommand):
    help = (
        "Write one of a study's tables as CSV, JSON or Parquet, evaluators under "
        "pseudonyms. docs/data-dictionary.md describes the columns."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's short name in its address")
        parser.add_argument(
            "--what", choices=list(export_columns.TABLES), default="judgments"
        )
        parser.add_argument(
            "--format", choices=export_formats.FORMATS, default="csv", dest="form"
        )
        parser.add_argument(
            "--population", choices=get_args(exports.Population), default="people"
        )
        parser.add_argument(
            "--scored-only",
            action="store_true",
            help="only judgments that the report's scores rest on",
        )
        parser.add_argument("--out", type=Path, required=True, metavar="F")

    def handle(self, *args: Any, **options: Any) -> None:
        study = Study.objects.filter(slug=options["study"]).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(
                f"There is no study {options['study']!r}; there are: {known}."
            )
        selection = exports.Selection(
            population=options["population"], scored_only=options["scored_only"]
        )
        pieces = exports.export(
            study, what=options["what"], form=options["form"], selection=selection
        )
        try:
            with options["out"].open("wb") as file:
                file.writelines(pieces)
        except OSError as error:
            raise CommandError(
                f"{options['out']} cannot be written: {error.strerror}."
            ) from error
