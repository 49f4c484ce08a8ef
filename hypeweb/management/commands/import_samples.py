"""A sample set from a folder, archive, array file or S3 prefix."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.models import SampleSet
from hypeweb.services import archives, imports
from hypeweb.services.errors import DomainError


class Command(BaseCommand):
    help = f"Import a sample set from {archives.KINDS}."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("source")
        parser.add_argument("--origin", choices=SampleSet.Origin.values, required=True)
        parser.add_argument("--model", default="", help="name of the generator")
        parser.add_argument("--dataset", default="")
        parser.add_argument("--step", type=int, help="checkpoint step")
        parser.add_argument("--truncation", type=float)
        parser.add_argument("--seed", type=int, help="sampling seed")
        parser.add_argument("--licence", default="")
        parser.add_argument("--notes", default="")
        parser.add_argument("--size", type=int, help="crop and resize to this side")
        parser.add_argument("--owner", help="login of the owner (default: the admin)")

    def handle(self, *args: Any, **options: Any) -> None:
        sample_set = SampleSet(
            name=options["name"],
            owner=_owner(options["owner"]),
            origin=options["origin"],
            model_name=options["model"],
            dataset=options["dataset"],
            step=options["step"],
            truncation=options["truncation"],
            sampling_seed=options["seed"],
            licence=options["licence"],
            notes=options["notes"],
        )
        try:
            imports.import_directly(
                sample_set=sample_set, source=options["source"], size=options["size"]
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        sample_set.refresh_from_db()
        for skipped in sample_set.skipped_files.all():
            self.stderr.write(
                f"skipped {skipped.name}: {skipped.reason} {skipped.detail}".rstrip()
            )
        self.stdout.write(
            f"{sample_set.name}: {sample_set.n_samples} images of {sample_set.width} "
            f"x {sample_set.height}, {sample_set.n_duplicates} duplicates, "
            f"{sample_set.skipped_files.count()} files skipped"
        )


def _owner(login: str | None) -> User:
    if login:
        found = User.objects.filter(username=login).first()
        if found is None:
            raise CommandError(f"There is no user {login!r}; create it first.")
        return found
    first = User.objects.filter(is_superuser=True).order_by("pk").first()
    if first is None:
        raise CommandError(
            "There is no admin yet: run `manage.py createsuperuser`, or name an "
            "--owner."
        )
    return first
