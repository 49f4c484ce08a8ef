import json
import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hypeweb.models import ReportLink, ReportPdf, ReportVersion
from hypeweb.services import (
    agreement,
    evaluations,
    figures,
    projects,
    scores,
    studies,
)
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def text(response):
    return response.content.decode()


def results(response):
    """Return the page from the headline on, where versions and reports are alike."""
    page = text(response)
    start = page.index('<div class="headline">')
    main = page[start : page.index("</main>")]
    # The one switch of a report that is not frozen.
    switch = re.compile(r'<a href="[^"]*exclusions=\w+">.*?</a>', re.DOTALL)
    alone = switch.sub("", main)
    # A version has files of its own.
    return re.sub(r'="/studies/[^"]*/figures/', '="', alone).split()


@pytest.fixture
def scored(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    figures.draw_study(study.pk, now=timezone.now())
    return study


@pytest.fixture
def publish(scored, researcher_client):
    def post(client=researcher_client, **data):
        return client.post(
            reverse("report_versions", args=[scored.slug]),
            {"population": "people", "note": "for a paper", **data},
        )

    return post


@pytest.fixture
def version(publish):
    publish()
    return ReportVersion.objects.get()


def of(version, name="report_version", **more):
    kwargs = {"slug": version.study.slug, "number": version.number, **more}
    return reverse(name, kwargs=kwargs)


def test_a_version_looks_like_the_report(researcher_client, scored, version):
    report = researcher_client.get(reverse("report", args=[scored.slug]))
    page = researcher_client.get(of(version))
    assert results(page) == results(report)
    assert version.content_hash in text(page)
    assert "Report\n      version 1" in text(page)


def test_a_version_stays_when_the_report_moves_on(researcher_client, scored, version):
    before = text(researcher_client.get(of(version)))
    walk(join(scored), "wwww")
    scores.score_study(scored.pk, now=NOW)
    report = researcher_client.get(reverse("report", args=[scored.slug]))
    assert results(report) != results(researcher_client.get(of(version)))

    def without_token(page):
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)

    after = text(researcher_client.get(of(version)))
    assert without_token(after) == without_token(before)


def test_a_version_is_had_as_files(researcher_client, scored, version):
    document = researcher_client.get(of(version, "report_version_file", form="json"))
    assert text(document) == version.document
    table = researcher_client.get(of(version, "report_version_file", form="csv"))
    now = researcher_client.get(reverse("report_csv", args=[scored.slug]))
    assert text(table) == text(now)
    assert f"{scored.slug}-v1.csv" in table["Content-Disposition"]


def test_the_list_says_what_was_published_and_retracted(
    researcher_client, scored, version
):
    address = reverse("report_versions", args=[scored.slug])
    assert "for a paper" in text(researcher_client.get(address))
    refused = researcher_client.post(of(version, "report_version_retract"), {})
    assert refused.status_code == 400
    assert "This field is required" in text(refused)
    researcher_client.post(
        of(version, "report_version_retract"), {"reason": "<b>wrong</b> set"}
    )
    for page in (address, of(version)):
        shown = text(researcher_client.get(page))
        assert "&lt;b&gt;wrong&lt;/b&gt; set" in shown
    assert "Retract this version" not in text(researcher_client.get(of(version)))


def test_what_cannot_be_published_is_said(researcher_client, scored, publish):
    scored.comparisons.all().delete()
    page = publish()
    assert page.status_code == 400
    assert "every finished session yet" in text(page)
    assert publish(population="preview").status_code == 400
    assert not ReportVersion.objects.exists()


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("editor", True)])
def test_editors_publish_and_viewers_read(scored, version, publish, role, may):
    factories.make_user(role)
    projects.add_member(project=scored.project, who=role, role=role, actor=scored.owner)
    client = Client()
    client.login(username=role, password="a-long-password")
    page = text(client.get(of(version)))
    assert ("Retract this version" in page) is may
    listed = text(client.get(reverse("report_versions", args=[scored.slug])))
    assert ("Publish a version" in listed) is may
    assert publish(client).status_code == (302 if may else 403)
    refused = client.post(of(version, "report_version_retract"), {"reason": "x"})
    assert refused.status_code == (302 if may else 403)


def test_strangers_see_no_version(version):
    client = Client()
    assert client.get(of(version)).status_code == 302
    client.force_login(factories.make_user("other"))
    for name, more in (
        ("report_version", {}),
        ("report_version_file", {"form": "json"}),
        ("version_figure", {"pk": 1, "suffix": "svg"}),
    ):
        assert client.get(of(version, name, **more)).status_code == 404


def test_a_pdf_that_failed_is_made_again(researcher_client, scored, version, client):
    ReportPdf.objects.update(state="failed", error="The worker lacks Pango.")
    link = share(researcher_client, version, days=0)
    studies.close_study(study=scored, actor=scored.owner, now=timezone.now())
    shared = client.get(reverse("shared_report", args=[link.token]))
    assert "Pango" not in text(shared)
    refused = client.get(reverse("shared_report_file", args=[link.token, "pdf"]))
    assert refused.status_code == 404
    assert "could not be made" in text(refused)
    assert "The worker lacks Pango." in text(researcher_client.get(of(version)))
    address = of(version, "report_version_pdf")
    assert client.post(address).status_code == 302
    assert ReportPdf.objects.get().state == "failed"
    assert researcher_client.post(address).url == of(version)
    assert ReportPdf.objects.get().state == "queued"
    assert "Make it again" not in text(researcher_client.get(of(version)))


def test_figures_and_images_are_had_without_the_document(
    researcher_client, scored, version, client
):
    link = share(researcher_client, version, days=0)
    studies.close_study(study=scored, actor=scored.owner, now=timezone.now())
    figure = version.files.filter(name__endswith=".svg").first().name.split(".")[0]
    image = scored.real_set.samples.first()
    for address in (
        of(version, "version_figure", pk=figure, suffix="svg"),
        reverse("shared_figure", args=[link.token, figure, "svg"]),
        reverse("shared_image", args=[link.token, image.pk]),
    ):
        with CaptureQueriesContext(connection) as queries:
            assert researcher_client.get(address).status_code == 200
        assert not any('"document"' in query["sql"] for query in queries)


def test_files_of_what_was_retracted_are_named_so(researcher_client, version):
    researcher_client.post(of(version, "report_version_retract"), {"reason": "wrong"})
    for form in ("json", "csv"):
        had = researcher_client.get(of(version, "report_version_file", form=form))
        assert f"-v1-retracted.{form}" in had["Content-Disposition"]


def share(client, version, **data):
    client.post(
        reverse("report_links", args=[version.study.slug]),
        {"shows": version.number, **data},
    )
    return ReportLink.objects.latest("pk")


def test_a_link_for_good_shows_the_version_and_no_more(
    researcher_client, scored, version, client
):
    link = share(researcher_client, version, days=0)
    assert link.expires_at is None
    assert link.version == version
    page = client.get(reverse("shared_report", args=[link.token]))
    assert page.status_code == 200
    assert version.content_hash in text(page)
    for path in ("studies/", "/samples/", "Retract"):
        assert path not in text(page)
    data = client.get(reverse("shared_report_file", args=[link.token, "json"]))
    assert json.loads(text(data))["number"] == 1
    walk(join(scored), "wwww")
    scores.score_study(scored.pk, now=NOW)
    again = client.get(reverse("shared_report", args=[link.token]))
    assert text(again) == text(page)
    researcher_client.post(of(version, "report_version_retract"), {"reason": "wrong"})
    retracted = text(client.get(reverse("shared_report", args=[link.token])))
    assert "Do not rely on it" in retracted
    assert "for this reason: wrong" in " ".join(retracted.split())
    researcher_client.post(reverse("report_link_revoke", args=[scored.slug, link.pk]))
    gone = client.get(reverse("shared_report", args=[link.token]))
    assert gone.status_code == 404


def test_a_link_hands_out_no_images_while_people_may_take_part(
    researcher_client, scored, version, client
):
    ReportPdf.objects.update(
        state="done", sha256="0" * 64, size_bytes=4, finished_at=NOW
    )
    pdf = ReportPdf.objects.get()
    default_storage.save(pdf.storage_key, ContentFile(b"%PDF"))
    link = share(researcher_client, version, days=0)
    address = reverse("shared_report_file", args=[link.token, "pdf"])
    page = reverse("shared_report", args=[link.token])
    refused = client.get(address)
    assert refused.status_code == 404
    assert "once the study is closed" in text(refused)
    assert address not in text(client.get(page))
    studies.close_study(study=scored, actor=scored.owner, now=timezone.now())
    assert client.get(address).content == b"%PDF"
    assert address in text(client.get(page))


def test_a_link_to_the_report_hands_out_no_files(researcher_client, scored, client):
    researcher_client.post(
        reverse("report_links", args=[scored.slug]), {"shows": 0, "days": 7}
    )
    token = ReportLink.objects.get().token
    refused = client.get(reverse("shared_report_file", args=[token, "json"]))
    assert refused.status_code == 404
    assert "Only a published version" in text(refused)


def test_the_list_takes_the_same_queries_for_one_and_many(
    researcher_client, scored, version, publish, django_assert_num_queries
):
    address = reverse("report_versions", args=[scored.slug])
    with django_assert_num_queries(6):
        researcher_client.get(address)
    publish()
    publish()
    with django_assert_num_queries(6):
        researcher_client.get(address)
