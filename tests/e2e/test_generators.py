"""A generator from upload to a sweep's draft, and the curves of a sweep's report."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Evaluation, MetricResult, SampleSet, Study, StudyFigure
from hypeweb.services import evaluations, figures
from tests import factories, onnx_files

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings, monkeypatch):
    # What a draft's workers do next takes seconds, and has tests of its own.
    monkeypatch.setattr("hypeweb.tasks.begin_study", lambda _: None)
    settings.GENERATOR_MEMORY_BYTES = 2**30
    settings.GENERATOR_THREADS = 1


@pytest.fixture
def owner(tmp_path):
    user = factories.make_user("researcher")
    factories.make_sample_set(user, "Real digits", folder=tmp_path, origin="real", n=24)
    return user


def log_in(page, live_server, path):
    page.goto(f"{live_server.url}/accounts/login/?next={path}")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")


def upload(page, tmp_path, data, name):
    path = tmp_path / "generator.onnx"
    path.write_bytes(data)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("ONNX file").set_input_files(path)
    page.get_by_label("Shape of z").fill("4")
    page.get_by_label("Classes").fill("3")
    page.get_by_label("Model").fill("GAN")
    page.get_by_label("Checkpoint step").fill("4000")
    page.get_by_role("button", name="Upload and try it").click()


def test_a_generator_becomes_three_sets_and_a_draft(
    page, live_server, owner, tmp_path, check_page
):
    log_in(page, live_server, "/generators/")
    check_page("generators-empty")
    page.get_by_role("link", name="Add a generator").click()
    check_page("generator-new")
    upload(page, tmp_path, onnx_files.custom_operator(), "GAN with magic")
    expect(page.locator("#generator")).to_contain_text("com.example:Magic")
    check_page("generator-failed")

    page.get_by_role("link", name="Generators").first.click()
    page.get_by_role("link", name="Add a generator").click()
    upload(page, tmp_path, onnx_files.generator(n_classes=3), "GAN 4000")
    expect(page.get_by_role("heading", name="Sample it")).to_be_visible()
    page.get_by_label("Truncations").fill("0.5, 1")
    page.get_by_label("Images in each set").fill("24")
    study_name = page.get_by_label("Name of the study")
    expect(study_name).to_be_hidden()
    page.get_by_label("Then draft a study").check()
    study_name.fill("Truncation of GAN")
    page.get_by_label("Real set", exact=True).select_option(label="Real digits")
    page.get_by_label("Network for the metrics").select_option("digits")
    check_page("generator-ready")
    page.get_by_role("button", name="Make the sample sets").click()
    expect(page.locator("#history")).to_contain_text("study: Truncation of GAN")
    check_page("generator-sampled")
    page.get_by_role("link", name="truncation 0.5").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("truncation 0.5")
    check_page("sample-set-sampled")
    page.goto(f"{live_server.url}/generators/")
    check_page("generators")
    study = Study.objects.get()
    page.goto(f"{live_server.url}/studies/{study.slug}/")
    arms = page.get_by_role("region", name="Table of arms")
    expect(arms).to_contain_text("truncation 0.5")
    expect(arms).to_contain_text("no truncation")
    assert SampleSet.objects.filter(origin="generated").count() == 3
    assert study.sweep_axis == Study.SweepAxis.TRUNCATION


def test_a_sweeps_report_shows_its_curves(page, live_server, owner, check_page):
    study = factories.open_study(owner, protocol="hype_inf", n_arms=3)
    for arm, value in zip(study.arms.all(), (0.5, 1.0, float("inf")), strict=True):
        arm.axis_value = value
        arm.save()
    Study.objects.update(sweep_axis="truncation")
    numbers = [(30, 0.9, 0.2), (24, 0.8, 0.4), (27, 0.6, 0.7)]
    runs = evaluations.request_evaluations(study)
    for run, values in zip(runs, numbers, strict=True):
        Evaluation.objects.filter(pk=run.pk).update(state="done")
        for name, value in zip(("fid", "precision", "recall"), values, strict=True):
            MetricResult.objects.create(
                evaluation=run,
                name=name,
                value=value,
                low=value * 0.9,
                high=value * 1.1,
            )
    figures.draw_study(study.pk, now=timezone.now())
    log_in(page, live_server, f"/studies/{study.slug}/report/")
    curve = page.get_by_role("img", name="FID over truncation, lower is better.")
    expect(curve).to_be_visible()
    expect(curve).to_have_js_property("complete", True)
    assert curve.evaluate("image => image.naturalWidth") > 0
    check_page("report-sweep")
    figure = StudyFigure.objects.first()
    page.goto(f"{live_server.url}/studies/{study.slug}/figures/{figure.pk}.svg")
