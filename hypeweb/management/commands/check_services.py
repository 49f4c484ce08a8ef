"""Say whether the database, the broker and the file storage answer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hypeweb import startup


class Command(BaseCommand):
    help = "Check the database, the broker and the file storage, each in one sentence."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        problems = startup.problems()
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write("The database, the broker and the file storage answer.")
