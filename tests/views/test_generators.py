import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from hypeweb.models import Generator, SampleSet, SamplingRun, Study
from hypeweb.services import projects
from tests import factories, onnx_files

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    settings.GENERATOR_THREADS = 1


@pytest.fixture
def generator(researcher):
    return factories.make_generator(researcher, onnx_files.generator())


def text(response):
    return response.content.decode()


def upload(client, data, *, filename="g.onnx", **fields):
    return client.post(
        reverse("generator_new"),
        {
            "name": "digits GAN",
            "model_name": "GAN",
            "file": SimpleUploadedFile(filename, data),
            "z_shape": "4",
            "value_range": "signed",
            "layout": "nchw",
            **fields,
        },
        follow=True,
    )


SAMPLE = {
    "truncations": "0.5, 1",
    "without_truncation": "on",
    "n_samples": 20,
    "seed": 3,
    "protocol": "hype_inf",
    "extractor": "digits",
}


def sample(client, generator, **fields):
    address = reverse("generator_sample", args=[generator.pk])
    return client.post(address, {**SAMPLE, **fields}, follow=True)


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_tried_and_shown(researcher_client):
    page = text(upload(researcher_client, onnx_files.generator()))
    generator = Generator.objects.get()
    assert generator.state == Generator.State.DONE
    assert "Inputs and outputs" in page
    assert "n \N{MULTIPLICATION SIGN} 3 \N{MULTIPLICATION SIGN} 8" in page
    preview = researcher_client.get(reverse("generator_preview", args=[generator.pk]))
    assert preview["Content-Type"] == "image/png"
    assert "digits GAN" in text(researcher_client.get(reverse("generators")))


@pytest.mark.django_db(transaction=True)
def test_a_bad_generator_is_a_sentence_on_its_page(researcher_client):
    page = text(upload(researcher_client, onnx_files.custom_operator()))
    assert "com.example:Magic" in page
    assert "Sample it" not in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"filename": "g.pt"}, "The file must end in .onnx; got g.pt"),
        ({"z_shape": "four"}, "Write sizes with commas between"),
        ({"n_classes": 1}, "greater than or equal to 2"),
    ],
)
def test_a_wrong_upload_is_refused_in_the_form(researcher_client, fields, sentence):
    response = upload(researcher_client, onnx_files.generator(), **fields)
    assert response.status_code == 400
    assert sentence in text(response)
    assert not Generator.objects.exists()


def test_too_large_a_file_is_refused_in_the_form(researcher_client, settings):
    settings.GENERATOR_MAX_BYTES = 10
    response = upload(researcher_client, onnx_files.generator())
    assert response.status_code == 400
    assert "takes at most 10" in text(response)


@pytest.mark.django_db(transaction=True)
def test_one_click_gives_three_sets_and_a_draft(
    researcher, researcher_client, generator, tmp_path
):
    real = factories.make_sample_set(
        researcher, "real", folder=tmp_path, origin="real", n=30
    )
    page = sample(
        researcher_client,
        generator,
        wants_study="on",
        study_name="Truncation of GAN",
        real_set=real.pk,
    )
    names = SampleSet.objects.filter(origin="generated").values_list("name", flat=True)
    assert sorted(names) == [
        "a generator, no truncation, seed 3",
        "a generator, truncation 0.5, seed 3",
        "a generator, truncation 1, seed 3",
    ]
    study = Study.objects.get()
    assert [arm.label for arm in study.arms.all()] == [
        "truncation 0.5",
        "truncation 1",
        "no truncation",
    ]
    assert reverse("study", args=[study.slug]) in text(page)
    assert study.leak_audit.state == "done"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"truncations": "0.5, x"}, "Write the truncations with commas between"),
        ({"truncations": "0.001"}, "A truncation must be at least 0.01, got 0.001"),
        ({"truncations": "nan"}, "A truncation must be at least 0.01, got nan"),
        ({"truncations": "0.5, 0.5"}, "A truncation is given twice"),
        ({"truncations": "", "without_truncation": ""}, "at least one truncation"),
        ({"wants_study": "on"}, "The study needs it; fill it in."),
        ({"n_samples": 10**9}, "less than or equal to 100000"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_a_wrong_wish_is_refused_in_the_form(
    researcher_client, generator, fields, sentence
):
    response = sample(researcher_client, generator, **fields)
    assert response.status_code == 400
    assert sentence in text(response)
    assert not SampleSet.objects.exists()


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"classes": "uniform"}, [7, 7, 6]),
        ({"classes": "single", "single_class": 2}, [0, 0, 20]),
        ({"classes": "counts", "class_counts": "1, 19, 0"}, [1, 19, 0]),
    ],
)
def test_classes_are_chosen_in_three_ways(
    researcher, researcher_client, fields, counts
):
    data = onnx_files.generator(n_classes=3)
    generator = factories.make_generator(researcher, data, n_classes=3)
    assert sample(researcher_client, generator, **fields).status_code == 200
    assert generator.samplings.get().class_counts == counts


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"classes": "single", "single_class": 3}, "Give the class, 0 to 2; got 3."),
        ({"classes": "single"}, "Give the class, 0 to 2; got None."),
        ({"classes": "counts", "class_counts": "1, 2"}, "each of the 3 classes"),
        ({"classes": "counts", "class_counts": "a"}, "Write the numbers of images"),
    ],
)
def test_wrong_classes_are_refused_in_the_form(
    researcher, researcher_client, fields, sentence
):
    data = onnx_files.generator(n_classes=3)
    generator = factories.make_generator(researcher, data, n_classes=3)
    response = sample(researcher_client, generator, **fields)
    assert response.status_code == 400
    assert sentence in text(response)


def test_a_failed_run_is_told_and_gone_on_with(researcher_client, generator):
    sample(researcher_client, generator)
    SamplingRun.objects.update(state="failed", error="It failed for a reason.")
    page = text(researcher_client.get(reverse("generator", args=[generator.pk])))
    assert page.count("It failed for a reason.") == 3
    run = SamplingRun.objects.first()
    researcher_client.post(reverse("sampling_retry", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == SamplingRun.State.QUEUED


def test_a_generator_is_retried_and_deleted(researcher_client, generator):
    Generator.objects.update(state="failed", error="No.")
    address = reverse("generator_retry", args=[generator.pk])
    stated = {"z_shape": "8", "value_range": "unit", "layout": "nhwc"}
    wrong = researcher_client.post(address, {**stated, "z_shape": "four"})
    assert wrong.status_code == 400
    assert "Write sizes with commas between" in text(wrong)
    researcher_client.post(address, stated)
    generator.refresh_from_db()
    assert generator.state == Generator.State.QUEUED
    assert (generator.z_shape, generator.layout) == ("8", "nhwc")
    researcher_client.post(reverse("generator_delete", args=[generator.pk]))
    assert not Generator.objects.exists()


def test_a_sampled_generator_stays(researcher_client, generator):
    sample(researcher_client, generator)
    address = reverse("generator_delete", args=[generator.pk])
    response = researcher_client.post(address)
    assert response.status_code == 409
    assert "could not be made again without it" in text(response)


def test_others_see_nothing_and_viewers_change_nothing(researcher, generator):
    other = factories.make_user("other")
    client = Client()
    client.force_login(other)
    address = reverse("generator", args=[generator.pk])
    assert client.get(address).status_code == 404
    assert sample(client, generator).status_code == 404
    projects.add_member(
        project=generator.project, who="other", role="viewer", actor=researcher
    )
    page = client.get(address)
    assert page.status_code == 200
    assert "Sample it" not in text(page)
    assert "Delete this generator" not in text(page)
    assert sample(client, generator).status_code == 403
    assert not SampleSet.objects.exists()


def test_the_list_takes_as_many_queries_for_one_as_for_three(
    researcher, researcher_client, generator, django_assert_num_queries
):
    with django_assert_num_queries(4):
        researcher_client.get(reverse("generators"))
    for name in ("second", "third"):
        generator.pk, generator.name = None, name
        generator.save(force_insert=True)
    with django_assert_num_queries(4):
        researcher_client.get(reverse("generators"))
