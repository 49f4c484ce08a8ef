import pytest

from hypeweb.models import Evaluation, Job, LabelCount, MetricResult
from hypeweb.services import drafts, evaluations, imports, jobs
from hypeweb.services.errors import ConflictError
from metrics.images import DetailedSource, hash_of_set
from tests.factories import NOW, draft_study, make_sample_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation(study):
    return evaluations.request_evaluations(study)[0]


def test_each_pair_is_requested_once(study):
    first = evaluations.request_evaluations(study)
    again = evaluations.request_evaluations(study)
    assert first == again
    assert Evaluation.objects.count() == 2


def test_the_metrics_of_an_arm_are_stored_with_their_provenance(evaluation):
    evaluations.run_evaluation(evaluation.pk)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.error) == (Job.State.DONE, "")
    # Twelve images are too few for a line over their number.
    assert set(evaluations.METRICS) - {"fid_infinity"} == set(
        evaluation.results.values_list("name", flat=True)
    )
    assert evaluation.details == {}
    assert evaluation.provenance["extractor"] == "digits"
    assert evaluation.results.get(name="fid").value > 0


def test_what_fid_is_at_fewer_images_is_stored(study, tmp_path):
    many = make_sample_set(
        study.owner, "many", folder=tmp_path, origin="generated", n=40
    )
    pair = Evaluation.objects.create(
        real_set=study.real_set, sample_set=many, extractor="digits"
    )
    evaluations.run_evaluation(pair.pk)
    pair.refresh_from_db()
    line = pair.details["fid_by_size"]
    assert line["sizes"][-1] == 40
    assert line["value"] == pair.results.get(name="fid_infinity").value


@pytest.mark.parametrize("n_images", [2, 3, 5])
def test_a_few_images_still_have_a_distance_and_a_score(study, tmp_path, n_images):
    few = make_sample_set(
        study.owner, "few", folder=tmp_path, origin="generated", n=n_images
    )
    pair = Evaluation.objects.create(real_set=few, sample_set=few, extractor="digits")
    evaluations.run_evaluation(pair.pk)
    pair.refresh_from_db()
    assert (pair.state, pair.error) == (Job.State.DONE, "")
    found = set(pair.results.values_list("name", flat=True))
    assert found >= {"fid", "inception_score_mean", "inception_score_std"}


def test_a_stored_source_names_and_hashes_its_images_in_order(study):
    source = evaluations.StoredSource(study.real_set)
    samples = list(study.real_set.samples.order_by("position"))
    assert isinstance(source, DetailedSource)
    assert source.image_hashes() == tuple(sample.content_hash for sample in samples)
    assert hash_of_set(source.image_hashes()) == source.content_hash()
    assert source.image_name(0) == f"{study.real_set.name}/{samples[0].source_name}"
    assert (source.decode(1).pixels == source.read(1)).all()


def test_running_twice_leaves_one_result(evaluation):
    evaluations.run_evaluation(evaluation.pk)
    before = list(MetricResult.objects.values_list("pk", "value"))
    evaluations.run_evaluation(evaluation.pk)
    assert list(MetricResult.objects.values_list("pk", "value")) == before


def test_an_abandoned_run_is_finished_once(evaluation):
    jobs.claim(Evaluation, evaluation.pk, now=NOW)  # and killed
    evaluations.run_evaluation(evaluation.pk)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.n_attempts) == (Job.State.DONE, 2)
    assert evaluation.results.filter(name="fid").count() == 1


def test_a_failure_is_a_sentence_and_can_be_retried(evaluation, settings, tmp_path):
    settings.METRICS_CACHE = tmp_path
    Evaluation.objects.filter(pk=evaluation.pk).update(extractor="no-such-network")
    evaluations.run_evaluation(evaluation.pk)
    evaluation.refresh_from_db()
    assert evaluation.state == Job.State.FAILED
    assert "no-such-network" in evaluation.error
    assert not evaluation.results.exists()
    Evaluation.objects.filter(pk=evaluation.pk).update(extractor="digits")
    evaluations.retry(evaluation)
    evaluations.run_evaluation(evaluation.pk)
    evaluation.refresh_from_db()
    assert evaluation.state == Job.State.DONE


def test_only_a_failed_evaluation_is_retried(evaluation):
    with pytest.raises(ConflictError, match="Only a failed"):
        evaluations.retry(evaluation)


def test_a_set_compared_with_itself_has_no_distance(study):
    pair = Evaluation.objects.create(
        real_set=study.real_set, sample_set=study.real_set, extractor="digits"
    )
    evaluations.run_evaluation(pair.pk)
    numbers = dict(pair.results.values_list("name", "value"))
    assert numbers["fid"] == pytest.approx(0, abs=1e-6)
    assert numbers["precision"] == numbers["recall"] == 1.0


def test_each_generated_image_has_its_nearest_real_one(evaluation):
    evaluations.run_evaluation(evaluation.pk)
    generated = evaluation.sample_set.samples.values_list("pk", flat=True)
    found = evaluations.nearest_real(evaluation, sample_ids=generated)
    assert set(found) == set(generated)
    assert {row.real_sample.sample_set_id for row in found.values()} == {
        evaluation.real_set_id
    }
    inside = [row.is_inside for row in found.values()]
    precision = evaluation.results.get(name="precision").value
    assert sum(inside) / len(inside) == pytest.approx(precision)
    assert evaluations.latest_of(evaluation.sample_set) == evaluation


def test_an_image_of_the_set_itself_is_its_own_nearest(study):
    pair = Evaluation.objects.create(
        real_set=study.real_set, sample_set=study.real_set, extractor="digits"
    )
    evaluations.run_evaluation(pair.pk)
    for row in pair.nearest.all():
        assert (row.real_sample_id, row.distance) == (row.sample_id, 0.0)
        assert not row.is_authentic


def test_the_classes_of_a_set_are_counted_once_for_all_its_runs(study):
    for run in evaluations.request_evaluations(study):
        evaluations.run_evaluation(run.pk)
        counts = evaluations.label_counts(study.real_set)
        assert sum(count.n for count in counts) == study.real_set.n_samples
    assert LabelCount.objects.filter(sample_set=study.real_set).count() == len(counts)


def test_a_set_no_run_has_looked_at_has_no_neighbours(study):
    assert evaluations.latest_of(study.real_set) is None
    assert evaluations.label_counts(study.real_set) == []


def test_a_set_goes_with_its_numbers_once_no_study_uses_it(researcher, tmp_path):
    study = draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    for run in evaluations.request_evaluations(study):
        evaluations.run_evaluation(run.pk)
    made, kept = study.sample_sets.order_by("pk")
    drafts.delete_draft(study=study, actor=researcher)
    imports.delete_sample_set(made)
    assert [run.sample_set for run in Evaluation.objects.all()] == [kept]
    imports.delete_sample_set(study.real_set)
    assert not Evaluation.objects.exists()
