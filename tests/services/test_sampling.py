import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import Evaluation, LeakAudit, SampleSet, Sampling, SamplingRun
from hypeweb.sandbox.process import OnnxProcess
from hypeweb.services import imports, jobs, samples, sampling
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.jobs import LeaseLostError
from hypeweb.services.sampling import Request, StudyWish
from tests import onnx_files
from tests.factories import NOW, make_generator, make_sample_set

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    settings.GENERATOR_BATCH_SECONDS = 30
    settings.GENERATOR_THREADS = 1


@pytest.fixture
def generator(researcher):
    return make_generator(researcher, onnx_files.generator(), step=300)


def ask(generator, *, truncations=(None,), n_samples=20, seed=7, **fields):
    request = Request(n_samples=n_samples, seed=seed, truncations=truncations, **fields)
    return sampling.request_sampling(
        generator=generator, requested_by=generator.owner, request=request
    )


def fill(made):
    for run in made.runs.all():
        sampling.run_sampling(run.pk)
    return list(made.runs.select_related("sample_set"))


def hashes(run):
    return list(run.sample_set.samples.values_list("content_hash", flat=True))


def test_each_truncation_becomes_a_described_set(generator):
    first, second = fill(ask(generator, truncations=(0.5, None)))
    assert (first.state, second.state) == ("done", "done")
    made = first.sample_set
    assert made.name == "a generator, truncation 0.5, seed 7"
    assert (made.model_name, made.step) == ("a model", 300)
    assert (made.truncation, made.sampling_seed) == (0.5, 7)
    assert (made.n_samples, made.width, made.height) == (20, 8, 8)
    assert made.origin == SampleSet.Origin.GENERATED
    assert second.sample_set.truncation is None
    assert made.content_hash != second.sample_set.content_hash
    assert len(set(hashes(first))) == 20
    known = {
        "generator_sha256": generator.sha256,
        "z_shape": [4],
        "value_range": "signed",
        "seed": 7,
        "truncation": 0.5,
        "class_counts": None,
        "batch_size": 16,
        "provider": "CPUExecutionProvider",
    }
    assert known.items() <= first.provenance.items()
    assert first.provenance["onnxruntime"]


def test_the_same_request_gives_the_same_images_again(generator):
    (first,) = fill(ask(generator, truncations=(0.7,)))
    found = hashes(first)
    first.sample_set.delete()
    (again,) = fill(ask(generator, truncations=(0.7,)))
    assert hashes(again) == found


def test_more_images_of_a_seed_begin_with_the_same(researcher, generator):
    (few,) = fill(ask(generator, n_samples=5))
    found = hashes(few)
    few.sample_set.delete()
    (many,) = fill(ask(generator, n_samples=37))
    assert hashes(many)[:5] == found


def test_classes_come_in_the_numbers_asked_for(researcher):
    data = onnx_files.generator(n_classes=3, gain=0.0)  # the image is the class alone
    generator = make_generator(researcher, data, n_classes=3)
    (uniform,) = fill(ask(generator, n_samples=7, seed=1))
    (counted,) = fill(ask(generator, n_samples=7, seed=2, class_counts=[0, 6, 1]))
    a, b, c = dict.fromkeys(hashes(uniform))
    assert hashes(uniform) == [a, a, a, b, b, c, c]
    assert hashes(counted) == [b] * 6 + [c]


def test_a_killed_worker_leaves_off_where_the_next_goes_on(generator, monkeypatch):
    made = ask(generator, n_samples=40)
    run = made.runs.get()
    process_run, calls = OnnxProcess.run, []

    def dies(self, *args, **kwargs):
        calls.append(1)
        if len(calls) > 2:
            raise LeaseLostError  # as good as dead: nobody notes its failure
        return process_run(self, *args, **kwargs)

    monkeypatch.setattr(OnnxProcess, "run", dies)
    with pytest.raises(LeaseLostError):
        sampling.run_sampling(run.pk)
    assert run.sample_set.samples.count() == 32
    assert not SampleSet.objects.get(pk=run.sample_set_id).is_ready
    SamplingRun.objects.update(lease_until=NOW)

    monkeypatch.setattr(OnnxProcess, "run", process_run)
    last = run.sample_set.samples.order_by("pk").last()
    (again,) = fill(made)
    assert (again.state, again.sample_set.n_samples) == ("done", 40)
    assert again.sample_set.samples.filter(pk__lte=last.pk).count() == 32
    found = hashes(again)
    again.sample_set.delete()
    (whole,) = fill(ask(generator, n_samples=40))
    assert hashes(whole) == found


def test_what_another_runtime_has_begun_is_begun_anew(generator):
    made = ask(generator, n_samples=20)
    (run,) = fill(made)
    kept = hashes(run)
    SampleSet.objects.update(n_samples=0, content_hash="")
    SamplingRun.objects.update(
        state="failed", provenance={**run.provenance, "onnxruntime": "0.1"}
    )
    sampling.retry(run)
    (again,) = fill(made)
    assert hashes(again) == kept
    assert again.provenance == run.provenance


def test_a_second_run_changes_nothing(generator):
    made = ask(generator)
    (run,) = fill(made)
    (again,) = fill(made)
    assert (again.n_attempts, again.sample_set.content_hash) == (
        1,
        run.sample_set.content_hash,
    )


def test_a_failure_is_on_the_run_and_can_be_gone_on_from(generator, settings):
    made = ask(generator)
    settings.GENERATOR_MEMORY_BYTES = 64 * 2**20
    (run,) = fill(made)
    assert run.state == SamplingRun.State.FAILED
    assert "memory" in run.error
    settings.GENERATOR_MEMORY_BYTES = 2**30
    sampling.retry(run)
    (run,) = fill(made)
    assert (run.state, run.sample_set.n_samples) == ("done", 20)
    with pytest.raises(ConflictError, match="Only a sampling that failed"):
        sampling.retry(run)


def test_another_file_under_the_generator_is_noticed(generator):
    type(generator).objects.update(sha256="0" * 64)
    (run,) = fill(ask(generator))
    assert "no longer the one that was tried" in run.error


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"n_samples": 0}, "Between 1 and 100000 images"),
        ({"n_samples": 100_001}, "got 100001"),
        ({"seed": -1}, "The seed must be 0 to"),
        ({"seed": 2**63}, "The seed must be 0 to"),
        ({"truncations": ()}, "Between 1 and 20 truncations"),
        ({"truncations": (0.5, None, 0.5)}, "given twice"),
        ({"truncations": (None, None)}, "given twice"),
        ({"truncations": (0.001,)}, "must be 0.01 to 100, got 0.001"),
        ({"truncations": (float("nan"),)}, "must be 0.01 to 100, got nan"),
        ({"class_counts": [1, 2]}, "has no classes"),
    ],
)
def test_what_cannot_be_made_is_a_sentence_and_no_row(generator, fields, sentence):
    with pytest.raises(DomainError, match=sentence):
        ask(generator, **fields)
    assert not SampleSet.objects.exists()
    assert not Sampling.objects.exists()


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([10, 10], "each of the 3 classes is needed"),
        ([21, -1, 0], "none below 0"),
        ([1, 1, 1], "add up to 3 images, and 20 are wanted"),
    ],
)
def test_classes_that_do_not_add_up_are_a_sentence(researcher, counts, sentence):
    data = onnx_files.generator(n_classes=3)
    generator = make_generator(researcher, data, n_classes=3)
    with pytest.raises(DomainError, match=sentence):
        ask(generator, class_counts=counts)


def test_a_taken_name_makes_no_set_at_all(generator):
    ask(generator, truncations=(0.5,))
    with pytest.raises(ConflictError, match="already has a sample set named"):
        ask(generator, truncations=(0.3, 0.5))
    assert SampleSet.objects.count() == 1


def test_an_untried_generator_is_not_sampled(researcher):
    generator = make_generator(researcher, b"not onnx")
    with pytest.raises(ConflictError, match="has not been tried yet"):
        ask(generator)


@pytest.fixture
def real(researcher, tmp_path):
    return make_sample_set(researcher, "real", folder=tmp_path, origin="real")


def wish(real, **fields):
    return StudyWish(
        **{
            "name": "Truncated",
            "real_set": real,
            "protocol": "hype_inf",
            "extractor": "digits",
            **fields,
        }
    )


def test_the_study_is_drafted_once_when_all_sets_are_there(generator, real):
    made = ask(generator, truncations=(None, 0.5), study=wish(real))
    first, second = made.runs.all()
    sampling.run_sampling(first.pk)
    assert sampling.undrafted() == []
    assert sampling.draft_study(made.pk) is None
    sampling.run_sampling(second.pk)
    assert sampling.undrafted() == [made.pk]
    study = sampling.draft_study(made.pk)
    assert (study.name, study.state, study.sweep_axis) == (
        "Truncated",
        "draft",
        "truncation",
    )
    assert (study.n_real, study.n_fake) == (12, 12)
    assert [arm.label for arm in study.arms.all()] == [
        "truncation 0.5",
        "no truncation",
    ]
    assert LeakAudit.objects.filter(study=study).exists()
    assert Evaluation.objects.count() == 2
    assert sampling.draft_study(made.pk) is None
    assert sampling.undrafted() == []
    made.refresh_from_db()
    assert made.study == study


def test_why_no_study_came_of_it_is_kept(generator, real):
    made = ask(generator, study=wish(real))
    fill(made)
    SampleSet.objects.filter(pk=real.pk).update(origin="generated")
    assert sampling.draft_study(made.pk) is None
    made.refresh_from_db()
    assert "is not a real set" in made.study_error
    assert sampling.undrafted() == []


def test_the_database_refuses_a_wish_without_a_real_set(generator):
    made = ask(generator)
    with pytest.raises(IntegrityError), transaction.atomic():
        Sampling.objects.filter(pk=made.pk).update(study_name="x")


def test_history_says_whether_somebody_is_busy(generator, real):
    made = ask(generator, study=wish(real))
    assert sampling.history_of(generator).is_active
    fill(made)
    assert sampling.history_of(generator).is_active  # the study is still to come
    sampling.draft_study(made.pk)
    history = sampling.history_of(generator)
    assert (history.samplings, history.is_active) == ((made,), False)


def test_the_images_are_what_every_import_stores(generator):
    (run,) = fill(ask(generator, n_samples=1))
    sample = run.sample_set.samples.get()
    assert samples.read_png(sample).startswith(b"\x89PNG")
    assert sample.source_name == "000000"


def test_a_run_whose_worker_died_is_found_by_the_sweep(generator):
    run = ask(generator).runs.get()
    jobs.claim(SamplingRun, run.pk, now=NOW)
    assert jobs.waiting(SamplingRun, now=NOW.replace(year=2030)) == [run.pk]


def test_the_real_set_of_a_wish_stays_with_its_sampling(generator, real):
    ask(generator, study=wish(real))
    with pytest.raises(ConflictError, match="stays with them"):
        imports.delete_sample_set(real)
    assert real.samples.count() == 12
