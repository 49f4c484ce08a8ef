"""The data dictionary of the exports, as docs/data-dictionary.md holds it."""

from typing import Any

from django.core.management.base import BaseCommand

from hypeweb.services import data_dictionary


class Command(BaseCommand):
    help = "Print what every column of the exports holds, as Markdown."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(data_dictionary.as_markdown(), ending="")
