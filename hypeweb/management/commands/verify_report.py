"""Whether a published report's numbers come out again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hypeweb.models import ReportVersion
from hypeweb.services import verification
from hypeweb.services.errors import DomainError
from hypeweb.services.verification import Check

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Compute the numbers of a published version anew and say, number by number, "
        "what does not agree. Exit status 0 when all agrees, 1 when not."
    )
    requires_system_checks = ()

    def create_parser(
        self, prog_name: str, subcommand: str, **options: Any
    ) -> CommandParser:
        # Django's own --version tells its version, which nobody asks here.
        options["conflict_handler"] = "resolve"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "report",
            metavar="FILE_OR_STUDY",
            help="a version's JSON, or the study's short name in its address",
        )
        parser.add_argument(
            "--version",
            type=int,
            dest="number",
            metavar="N",
            help="of a study: which version; the newest if not said",
        )
        parser.add_argument(
            "--judgments",
            type=Path,
            metavar="CSV",
            help="exported judgments to compute from, in place of the database",
        )
        parser.add_argument(
            "--metrics",
            action="store_true",
            help="also compute the metrics anew from the stored images",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["report"])
        try:
            text, version = (
                (_read(path), None)
                if path.is_file()
                else _stored(options["report"], options["number"])
            )
            document = verification.read_document(text)
            if path.is_file() and options["judgments"] is None:
                version = _version_of(document)
            checks = verification.verify(
                document,
                version=version,
                judgments=options["judgments"],
                with_metrics=options["metrics"],
                text=text,
            )
            all_agree = self._print(document, list(checks))
            if version is not None:
                self.stdout.write(verification.retraction_note(version), ending="")
        except DomainError as error:
            raise CommandError(str(error), returncode=2) from error
        if not all_agree:
            raise SystemExit(1)

    def _print(self, document: dict[str, Any], checks: list[Check]) -> bool:
        self.stdout.write(
            f"Version {document['number']} of the report of “{document['name']}”, "
            f"published {document['published_at'][:10]}"
        )
        for check in checks:
            self.stdout.write(f"  {check.name}: {_result(check)}")
            for one in check.differences[:SHOWN]:
                self.stdout.write(
                    f"    {one.where}: stated {one.stated}, found {one.found}"
                )
            n_more = len(check.differences) - SHOWN
            if n_more > 0:
                self.stdout.write(f"    and {n_more} more")
        note = verification.software_note(document)
        if note:
            self.stdout.write(note)
        n_wrong = sum(len(check.differences) for check in checks)
        n_all = sum(check.n_compared for check in checks)
        self.stdout.write(
            f"{n_wrong} of {n_all} compared values differ."
            if n_wrong
            else f"All {n_all} compared values agree."
        )
        return not n_wrong


def _result(check: Check) -> str:
    if check.left_out:
        return f"not checked, {check.left_out}"
    if check.differences:
        return f"{len(check.differences)} of {check.n_compared} DIFFER"
    return f"{check.n_compared} agree"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DomainError(f"{path} cannot be read: {error}.") from error


def _stored(slug: str, number: int | None) -> tuple[str, ReportVersion | None]:
    found = ReportVersion.objects.filter(study__slug=slug).select_related("study")
    if number is not None:
        found = found.filter(number=number)
    version = found.order_by("-number").first()
    if version is None:
        which = "no version" if number is None else f"no version {number}"
        raise DomainError(
            f"There is no file {slug!r}, and {which} of the report of a study {slug!r} "
            "was published."
        )
    return version.document, version


def _version_of(document: dict[str, Any]) -> ReportVersion | None:
    """Return the version in this database that a file claims to be."""
    slug, number = str(document.get("study")), document.get("number")
    if not isinstance(number, int):
        return None
    found = ReportVersion.objects.filter(study__slug=slug, number=number)
    return found.select_related("study").first()
