import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from hypeweb.models import Judgment, SampleSet, Score, Session, Study
from hypeweb.science.observers import OBSERVERS
from tests import factories
from tests.factories import images_zip, make_user, zip_bytes

pytestmark = pytest.mark.django_db


def import_samples(tmp_path, data, *arguments, name="digits"):
    path = tmp_path / "images.zip"
    path.write_bytes(data)
    call_command("import_samples", name, str(path), "--origin=real", *arguments)


def test_import_samples_says_what_it_kept_and_skipped(tmp_path, capsys):
    make_user("root", is_superuser=True)
    files = {"notes.txt": b"x"}
    data = images_zip(2, seed=0)
    import_samples(tmp_path, data, "--model=M", "--step=7", "--truncation=0.5")
    assert capsys.readouterr().out == (
        "digits: 2 images of 8 x 8, 0 duplicates, 0 files skipped\n"
    )
    sample_set = SampleSet.objects.get()
    assert (sample_set.model_name, sample_set.step, sample_set.truncation) == (
        "M",
        7,
        0.5,
    )
    with pytest.raises(CommandError, match="holds no usable image"):
        import_samples(tmp_path, zip_bytes(files), name="other")
    assert SampleSet.objects.count() == 1


def test_import_samples_needs_an_owner(tmp_path):
    with pytest.raises(CommandError, match="There is no admin yet"):
        import_samples(tmp_path, images_zip(1, seed=0))
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        import_samples(tmp_path, images_zip(1, seed=0), "--owner=nobody")


def test_report_prints_the_table_and_writes_json(study, tmp_path, capsys):
    path = tmp_path / "report.json"
    call_command("report", study.slug, f"--json={path}")
    assert "\n\narm " in capsys.readouterr().out
    assert json.loads(path.read_text())["slug"] == study.slug


def test_report_names_the_studies_there_are(study):
    with pytest.raises(CommandError, match="no study 'x'; there are: a-study"):
        call_command("report", "x")


@pytest.mark.django_db(transaction=True)
def test_simulate_walks_the_http_interface_and_is_marked(study, capsys):
    call_command("simulate", study.slug, evaluators=4, error=0.0, seed=1)
    sessions = Session.objects.filter(population="simulated", state="finished")
    assert sessions.count() == 4
    assert Judgment.objects.count() == 16
    assert Score.objects.filter(exclusions="none", kind="hype_inf").count() == 2
    assert not Score.objects.filter(population="people").exists()


@pytest.mark.django_db(transaction=True)
def test_simulate_walks_every_arm_of_a_study_within_subjects(researcher, capsys):
    study = factories.open_study(researcher, protocol="hype_inf", design="within")
    call_command("simulate", study.slug, evaluators=2, error=0.0, seed=1)
    sessions = Session.objects.filter(population="simulated", state="finished")
    assert sorted(sessions.values_list("sequence", flat=True)) == [0, 1]
    for session in sessions:
        judged = session.trials.filter(judgment__isnull=False)
        assert set(judged.values_list("arm", flat=True)) == set(
            study.arms.values_list("pk", flat=True)
        )
    assert Score.objects.filter(exclusions="none", kind="hype_inf").count() == 2


@pytest.mark.django_db(transaction=True)
def test_simulate_recovers_the_error_it_was_given(researcher, capsys):
    from tests.factories import open_study  # noqa: PLC0415

    study = open_study(researcher, protocol="hype_inf", n_real=10, n_fake=10)
    call_command(
        "simulate",
        study.slug,
        evaluators=12,
        arm_error=["made 0=0.0", "made 1=0.6"],
    )
    everyone = Score.objects.filter(exclusions="none")
    low, high = (
        everyone.get(arm__label=label, kind="hype_inf").value
        for label in ("made 0", "made 1")
    )
    assert low < 0.15
    assert high == pytest.approx(0.6, abs=0.15)


@pytest.mark.django_db(transaction=True)
def test_simulate_walks_a_timed_study(timed_study, capsys):
    call_command("simulate", timed_study.slug, evaluators=2, threshold_ms=200.0)
    score = Score.objects.get(exclusions="none", kind="hype_time")
    assert score.n_evaluators == 2
    assert 400 <= score.value <= 520


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_simulate_recovers_the_threshold_it_was_given(researcher, capsys):
    study = factories.open_study(
        researcher,
        protocol="hype_time",
        n_arms=1,
        n_images=50,
        n_blocks=1,
        images_per_block=100,
    )
    call_command("simulate", study.slug, evaluators=6, threshold_ms=250.0)
    score = Score.objects.get(exclusions="none", kind="threshold_ms")
    assert (score.n_evaluators, score.n_judgments) == (6, 600)
    # 450 trials of one evaluator leave an SD of 9 % (docs/science.md), 600 trials 8 %;
    # six people who differ by 10 % add 4 %. Four of their joint SDs.
    assert score.value == pytest.approx(250, rel=0.36)
    assert score.low < score.value < score.high


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("protocol", ["hype_inf", "hype_time"])
def test_every_kind_of_observer_walks(researcher, protocol, capsys):
    study = factories.open_study(researcher, protocol=protocol, n_arms=1)
    for kind in OBSERVERS:
        call_command(
            "simulate", study.slug, evaluators=1, observer=kind, leaves_after=2
        )
    states = Session.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [
        "left" if kind == "drop-out" else "finished" for kind in OBSERVERS
    ]
    assert Score.objects.filter(population="simulated").exists()
    fast = Score.objects.get(exclusions="none", kind="response_ms")
    assert fast.note.startswith("Evaluators with more than one answer in ten under 150")


@pytest.mark.django_db(transaction=True)
def test_simulate_takes_every_trait_of_an_observer(study, capsys):
    call_command(
        "simulate",
        study.slug,
        evaluators=2,
        slope=3.0,
        lapse=0.01,
        bias=8.0,
        learning=0.1,
        arm_threshold_ms=["made 0=120", "made 1=600"],
    )
    assert set(Judgment.objects.values_list("answer", flat=True)) == {"real"}


@pytest.mark.django_db(transaction=True)
def test_a_simulated_drop_out_leaves(study, capsys):
    Study.objects.update(n_real=12, n_fake=12)
    call_command("simulate", study.slug, evaluators=1, observer="drop-out")
    session = Session.objects.get()
    assert session.state == Session.State.LEFT
    assert Judgment.objects.filter(trial__session=session).count() == 20


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"error": 2.0}, "untimed_error must lie between 0 and 1"),
        ({"lapse": 0.5}, "lapse must be at least 0 and below 0.25"),
        ({"arm_threshold_ms": ["made 0=soon"]}, "could not convert"),
        ({"arm_error": ["made 0=lots"]}, "could not convert"),
    ],
)
def test_simulate_refuses_an_observer_that_cannot_be(study, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("simulate", study.slug, **options)


@pytest.mark.django_db(transaction=True)
def test_simulate_says_why_a_closed_study_takes_nobody(study):
    Study.objects.update(state="closed", closed_at=study.opened_at)
    with pytest.raises(CommandError, match="409"):
        call_command("simulate", study.slug, evaluators=1)


def test_simulate_needs_a_study_that_is_there(db):
    with pytest.raises(CommandError, match="There is no study 'x'"):
        call_command("simulate", "x")
