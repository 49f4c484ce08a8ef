"""The whole site from nothing: content, web process, worker, report."""

import signal
import sys
import time
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from hypeweb import demo, environment, processes
from hypeweb.demo import Content
from hypeweb.models import Study
from hypeweb.processes import ProcessError
from hypeweb.services import pools, report_formats, reports


class Command(BaseCommand):
    help = "Make the demo's content, serve it, and print its report."

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)
        serve = environment.read_flag("SERVE", default=True)
        try:
            port = environment.read_int("PORT", 8000, minimum=1)
            if serve:
                processes.require_free(port)
            else:
                port = processes.free_port()
            self._run(port=port, serve=serve)
        except ProcessError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")

    def _run(self, *, port: int, serve: bool) -> None:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        demo.make_users()
        generated = demo.generated_archives()
        logs = settings.DATA_DIR / "logs"
        with processes.site(port=port, logs=logs) as url:
            content = demo.make_content(generated=generated, say=self._say)
            demo.simulate(content.untimed, generated=generated, url=url, say=self._say)
            demo.wait_for_metrics(content.untimed, say=self._say)
            self._print_report(content.untimed)
            if serve:
                self._print_addresses(url, content)
                while True:
                    time.sleep(3600)

    def _say(self, line: str) -> None:
        end = "\n" if not sys.stdout.isatty() else "\x1b[K\r"
        self.stdout.write(line, ending=end)
        self.stdout.flush()

    def _print_report(self, study: Study) -> None:
        report = reports.build_report(study)
        self.stdout.write(f"\n{study.name}: people and metrics side by side\n\n")
        self.stdout.write(report_formats.as_text(report))

    def _print_addresses(self, url: str, content: Content) -> None:
        rows = [
            ("site", url),
            ("report", url + reverse("report", args=[content.untimed.slug])),
            *(
                (f"judge: {study.name}", url + _invitation(study))
                for study in (content.untimed, content.timed)
            ),
            *((f"log in as {name}", demo.PASSWORD) for name, _ in demo.LOGINS),
        ]
        width = max(len(label) for label, _ in rows)
        self.stdout.write("")
        for label, text in rows:
            self.stdout.write(f"{label.ljust(width)}  {text}")
        self.stdout.write("\nCtrl-C stops everything.")


def _invitation(study: Study) -> str:
    link = pools.link_of(study)
    assert link is not None  # noqa: S101 - every study is made with one
    return reverse("invitation", args=[link.token])


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt
