import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from hypeweb.models import ReportPdf
from hypeweb.services import (
    agreement,
    evaluations,
    figures,
    jobs,
    report_pdfs,
    report_versions,
    reports,
    scores,
)
from hypeweb.services.errors import NotFoundError
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def scored(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    return study


def made(pdf):
    try:
        import weasyprint  # noqa: F401, PLC0415
    except OSError as error:
        pytest.skip(f"{error}; run deploy/libraries")
    report_pdfs.run_pdf(pdf.pk)
    pdf.refresh_from_db()
    assert pdf.state == "done", pdf.error
    return report_pdfs.read_pdf(pdf)


def text_of(data, tmp_path):
    """Return what a reader of the PDF sees, by poppler's pdftotext."""
    pdftotext = shutil.which("pdftotext")
    if pdftotext is None:
        pytest.skip("pdftotext was not found (Debian: apt install poppler-utils)")
    path = tmp_path / "report.pdf"
    path.write_bytes(data)
    shown = subprocess.run(
        [pdftotext, "-layout", path, "-"], capture_output=True, check=True, text=True
    )
    return " ".join(shown.stdout.split())


@pytest.fixture
def ask(scored):
    return lambda: report_pdfs.request_pdf(
        study=scored, population="people", exclusions="none"
    )


def test_the_pdf_has_the_strings_of_the_page(scored, ask, tmp_path):
    report = reports.build_report(scored)
    text = text_of(made(ask()), tmp_path)
    for row in report.rows:
        assert row.arm_label in text
        for cell in row.cells:
            assert cell.text in text
            assert cell.interval_text in text
    for sentence in (*report.headline, *report.notes):
        # A line may break between any two words.
        assert " ".join(sentence.split()) in text
    assert re.search(r"1 ?/ ?\d", text)
    assert "not published" in text


def test_a_versions_pdf_names_the_version_on_every_page(scored, tmp_path):
    figures.draw_study(scored.pk, now=timezone.now())
    version = report_versions.publish(
        study=scored, population="people", note="", actor=scored.owner, now=NOW
    )
    (pdf,) = report_pdfs.request_pdfs_of(version)
    data = made(pdf)
    text = text_of(data, tmp_path)
    n_pages = int(re.search(r"1 ?/ ?(\d+)", text)[1])
    assert text.count("version 1, sha256") == n_pages > 1
    assert version.content_hash[:40] in text.replace(" ", "")
    # It is made once.
    assert report_pdfs.request_pdfs_of(version) == [pdf]
    assert jobs.claim(ReportPdf, pdf.pk, now=timezone.now()) is None


def test_a_worker_that_set_a_pdf_still_refuses_truncated_images(ask):
    made(ask())
    png = factories.png_bytes(np.random.default_rng(0))
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(png[:-30])).load()


def test_the_report_as_it_is_is_set_anew_when_asked(ask):
    first = ask()
    made(first)
    again = ask()
    assert again.pk == first.pk
    assert again.state == "queued"
    assert ask().state == "queued"
    with pytest.raises(NotFoundError, match="not there yet"):
        report_pdfs.read_pdf(again)


def test_a_pdf_fetches_nothing_but_what_the_report_shows(scored, researcher, tmp_path):
    own = report_pdfs.Own(scored, None)
    for address in (
        "https://example.com/a.png",
        "file:///etc/passwd",
        f"{report_pdfs.BASE_URL}studies/",
        f"{report_pdfs.BASE_URL}no/such/page",
    ):
        with pytest.raises(ValueError, match="does not fetch"):
            own.fetch(address)
    image = scored.real_set.samples.first()
    with default_storage.open(image.storage_key) as file:
        stored = file.read()
    fetched = own.fetch(f"{report_pdfs.BASE_URL}samples/{image.pk}/image.png")
    assert fetched.read() == stored


def test_missing_libraries_are_named(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    pdf = ask()
    report_pdfs.run_pdf(pdf.pk)
    pdf.refresh_from_db()
    assert pdf.state == "failed"
    assert "apt install libpango-1.0-0" in pdf.error
