"""A report as a PDF: the page itself, set on paper by the worker.

Nothing is fetched: style, images and figures are read from this site's own storage,
and any other address is refused.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from PIL import ImageFile

from hypeweb.models import Job, ReportPdf, ReportVersion, Sample, Study
from hypeweb.services import figures, jobs, paper, report_versions, reports, samples
from hypeweb.services.errors import DomainError, NotFoundError
from hypeweb.services.reports import ExclusionsChoice, Population

if TYPE_CHECKING:
    from weasyprint.urls import URLFetcherResponse

STYLES = ("tokens", "page", "researcher", "print")
# No such host: an address below it is the site's own.
BASE_URL = "https://report.invalid/"
NO_LIBRARIES = (
    "The worker lacks the system libraries that set PDFs. On Debian: apt install "
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation. Then try "
    "again."
)


@transaction.atomic
def request_pdf(
    *, study: Study, population: Population, exclusions: ExclusionsChoice
) -> ReportPdf:
    """Ask for a PDF of the report as it is now; the last one is made anew."""
    wanted, is_new = ReportPdf.objects.get_or_create(
        study=study, version=None, population=population, exclusions=exclusions
    )
    if not is_new:
        over = ReportPdf.objects.filter(pk=wanted.pk).exclude(
            state__in=[Job.State.QUEUED, Job.State.RUNNING]
        )
        over.update(
            state=Job.State.QUEUED,
            error="",
            n_attempts=0,
            created_at=timezone.now(),
            finished_at=None,
        )
    wanted.refresh_from_db()
    return wanted


def request_pdfs_of(version: ReportVersion) -> list[ReportPdf]:
    """Ask for the PDFs of a version; one that is there is not made again."""
    published = report_versions.read(version)
    bases: list[ExclusionsChoice] = ["none"]
    if published.has_exclusions:
        bases.append("applied")
    found = [
        ReportPdf.objects.get_or_create(
            study=version.study,
            version=version,
            population=version.population,
            exclusions=exclusions,
        )[0]
        for exclusions in bases
    ]
    for one in found:
        jobs.requeue(ReportPdf, one.pk)
    return found


def pdf_of(
    study: Study,
    *,
    version: ReportVersion | None,
    population: str,
    exclusions: ExclusionsChoice,
) -> ReportPdf | None:
    """Return the PDF that was asked for of a report, however far it is."""
    return ReportPdf.objects.filter(
        study=study, version=version, population=population, exclusions=exclusions
    ).first()


def failed_of(version: ReportVersion) -> ReportPdf | None:
    """Return a version's PDF that could not be made, if there is one."""
    return version.pdfs.filter(state=Job.State.FAILED).first()


def read_pdf(pdf: ReportPdf | None) -> bytes:
    """Return a PDF's bytes."""
    if pdf is not None and pdf.state == Job.State.FAILED:
        raise NotFoundError(
            "This PDF could not be made. Whoever may change the study can have it made "
            "again, and reads there why."
        )
    if pdf is None or pdf.state != Job.State.DONE:
        raise NotFoundError("This PDF is not there yet; ask for it and come back.")
    with default_storage.open(pdf.storage_key) as file:
        data: bytes = file.read()
    return data


def run_pdf(pdf_id: int) -> None:
    """Set a PDF; called by the worker, safe to call twice."""
    job = jobs.claim(ReportPdf, pdf_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job):
        data = _render(job)
        job.sha256 = hashlib.sha256(data).hexdigest()
        if not default_storage.exists(job.storage_key):
            default_storage.save(job.storage_key, ContentFile(data))
        with transaction.atomic():
            ReportPdf.objects.filter(pk=job.pk, lease=job.lease).update(
                sha256=job.sha256, size_bytes=len(data)
            )
            jobs.finish(job, now=timezone.now())


def _render(job: ReportPdf) -> bytes:
    try:
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
    except (ImportError, OSError) as error:
        raise DomainError(NO_LIBRARIES) from error
    # Importing weasyprint has Pillow take truncated images in the whole process, and
    # the worker that sets PDFs also decides which images a sample set keeps.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    page = _page(job)
    own = Own(page["study"], job.version)
    fonts = FontConfiguration()
    styles = [
        CSS(filename=path, url_fetcher=own.fetch, font_config=fonts)
        for path in _style_files()
    ]
    document = HTML(
        string=render_to_string("reports/report.html", page),
        base_url=BASE_URL,
        url_fetcher=own.fetch,
    )
    data: bytes = document.write_pdf(stylesheets=styles, font_config=fonts)
    return data


def _page(job: ReportPdf) -> dict[str, Any]:
    """Return what the page's template shows."""
    exclusions: ExclusionsChoice = "applied" if job.exclusions == "applied" else "none"
    population: Population = "people" if job.population == "people" else "simulated"
    base = {
        "page_base": "base_print.html",
        "study": job.study,
        "made_at": timezone.now(),
        # Whoever reads paper has no more links than a reader with one.
        "share_token": "",
    }
    if job.version is None:
        report = reports.build_report(
            job.study, population=population, exclusions=exclusions
        )
        drawn = list(
            figures.figures_of(job.study, population=population, exclusions=exclusions)
        )
        root = reverse("figure", args=[job.study.slug, 0, "svg"])
        base |= {"report": report, "figures": drawn}
    else:
        published = report_versions.read(job.version, exclusions=exclusions)
        report = published.report
        names = [job.study.slug, job.version.number]
        root = reverse("version_figure", args=[*names, 0, "svg"])
        base |= {
            "report": report,
            "figures": published.figures,
            "published": published,
        }
    return base | {
        "figure_root": root.removesuffix("0.svg"),
        "paper": paper.for_page(report),
    }


def _style_files() -> Iterator[str]:
    for name in STYLES:
        path = finders.find(f"hypeweb/css/{name}.css")
        if not isinstance(path, str):
            raise FileNotFoundError(f"the style {name}.css is not installed")
        yield path


class Own:
    """Hands the page what is its own: images of its sets, and its figures."""

    def __init__(self, study: Study, version: ReportVersion | None) -> None:
        self._study = study
        self._version = version
        self._sets = {
            study.real_set_id,
            *study.arms.values_list("sample_set", flat=True),
        }

    def fetch(self, url: str) -> "URLFetcherResponse":
        """Return what an address of the page stands for; refuse any other."""
        from weasyprint.urls import URLFetcherResponse

        data, kind = self._read(url)
        return URLFetcherResponse(url, body=data, headers={"Content-Type": kind})

    def _read(self, url: str) -> tuple[bytes, str]:
        path = urlsplit(url).path if url.startswith(BASE_URL) else ""
        try:
            match = resolve(path)
        except Resolver404:
            raise ValueError(f"a report does not fetch {url}") from None
        values = match.kwargs
        if match.url_name in {"sample_image", "sample_thumbnail"}:
            found = Sample.objects.get(pk=values["pk"], sample_set__in=self._sets)
            return samples.read_png(found), "image/png"
        if match.url_name == "figure":
            data = figures.read_figure(self._study, values["pk"], "svg")
            return data, figures.FORMATS["svg"]
        if match.url_name == "version_figure" and self._version is not None:
            data = report_versions.read_file(self._version, values["pk"], "svg")
            return data, figures.FORMATS["svg"]
        raise ValueError(f"a report does not fetch {url}")
