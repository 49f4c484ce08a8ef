import io
from dataclasses import replace

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from hypeweb.models import Generator, Upload
from hypeweb.services import generators, imports, projects, sampling, uploads
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.generators import Stated
from tests import onnx_files
from tests.factories import NOW, make_generator

pytestmark = pytest.mark.django_db

STATED = Stated(z_shape="4", n_classes=None, value_range="signed", layout="nchw")


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.GENERATOR_MEMORY_BYTES = 2**30
    settings.GENERATOR_BATCH_SECONDS = 30
    settings.GENERATOR_THREADS = 1


def test_a_good_generator_is_described_and_shown(researcher):
    made = make_generator(researcher, onnx_files.generator())
    assert (made.state, made.error) == ("done", "")
    assert (made.width, made.height, made.opset) == (8, 8, onnx_files.OPSET)
    assert made.n_operators == 5
    assert made.image_ms > 0
    assert len(made.sha256) == 64
    assert made.ports == [
        {"side": "input", "name": "z", "type": "tensor(float)", "shape": [None, 4]},
        {
            "side": "output",
            "name": "images",
            "type": "tensor(float)",
            "shape": [None, 3, 8, 8],
        },
    ]
    with Image.open(io.BytesIO(generators.read_preview(made))) as sheet:
        assert sheet.size == (640, 640)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (onnx_files.generator(channels=1, batch=1), {}),
        (onnx_files.generator(layout="nhwc", batch=3), {"layout": "nhwc"}),
        (onnx_files.generator(scale=0.5, offset=0.5), {"value_range": "unit"}),
        (onnx_files.generator(scale=127.5, offset=127.5), {"value_range": "byte"}),
        (onnx_files.generator(n_classes=3), {"n_classes": 3}),
        (onnx_files.generator(n_classes=3, one_hot=True), {"n_classes": 3}),
    ],
)
def test_every_kind_that_is_offered_can_be_sampled(researcher, data, fields):
    made = make_generator(researcher, data, **fields)
    assert (made.state, made.error) == ("done", "")


@pytest.mark.parametrize(
    ("data", "fields", "sentence"),
    [
        (b"PK\x03\x04 a zip", {}, "This is not an ONNX model"),
        (onnx_files.custom_operator(), {}, "com.example:Magic, which ONNX does not"),
        (onnx_files.external_data(), {}, "Its weights are in another file"),
        (onnx_files.generator(), {"z_shape": "5"}, "(n, 4), and (n, 5) was stated"),
        (onnx_files.three_inputs(), {}, "It has 3 inputs (z, w, v)"),
        (onnx_files.generator(layout="flat"), {}, "(16, 192), not that of a batch"),
        (onnx_files.generator(layout="nhwc"), {}, "it looks like NHWC"),
        (onnx_files.generator(scale=9.0), {}, "values lie outside [-1, 1]"),
        (
            onnx_files.generator(),
            {"value_range": "byte"},
            "from -1 to 1 only, of [0, 255]",
        ),
        (onnx_files.not_a_number(), {}, "values are NaN or infinite"),
        (onnx_files.constant(), {}, "every value is 0.25: the output is constant"),
        (onnx_files.hungry(), {}, "needs more memory than the 1.0 GiB"),
        (onnx_files.random_noise(), {}, "other images of the same z each time"),
    ],
)
def test_what_cannot_be_sampled_is_a_sentence(researcher, data, fields, sentence):
    made = make_generator(researcher, data, **fields)
    assert made.state == Generator.State.FAILED
    assert sentence in made.error
    assert made.sha256 == ""


def test_a_generator_that_loops_is_stopped(researcher, settings):
    settings.GENERATOR_BATCH_SECONDS = 2
    made = make_generator(researcher, onnx_files.endless())
    assert "took longer than 2 s, so it was stopped" in made.error


def test_a_second_inspection_changes_nothing(researcher):
    made = make_generator(researcher, onnx_files.generator())
    generators.run_inspection(made.pk)
    again = Generator.objects.get()
    assert (again.n_attempts, again.preview_key) == (1, made.preview_key)


def test_a_failed_inspection_runs_again(researcher, settings):
    settings.GENERATOR_MEMORY_BYTES = 64 * 2**20
    made = make_generator(researcher, onnx_files.generator())
    assert made.state == Generator.State.FAILED
    settings.GENERATOR_MEMORY_BYTES = 2**30
    generators.retry(made, stated=STATED)
    generators.run_inspection(made.pk)
    made.refresh_from_db()
    assert (made.state, made.error) == ("done", "")
    with pytest.raises(ConflictError, match="Only a generator that failed"):
        generators.retry(made, stated=replace(STATED, z_shape="9"))
    made.refresh_from_db()
    assert made.z_shape == "4"


def test_what_was_stated_wrongly_is_corrected_without_the_file(researcher):
    made = make_generator(researcher, onnx_files.generator(layout="nhwc"), z_shape="5")
    with pytest.raises(DomainError, match="The z_shape cannot be used"):
        generators.retry(made, stated=replace(STATED, z_shape="four"))
    made.refresh_from_db()
    assert (made.state, made.z_shape) == ("failed", "5")
    generators.retry(made, stated=replace(STATED, layout="nhwc"))
    generators.run_inspection(made.pk)
    made.refresh_from_db()
    assert (made.state, made.z_shape, made.layout) == ("done", "4", "nhwc")


def test_a_taken_name_leaves_no_file(researcher):
    make_generator(researcher, onnx_files.generator())
    n_files = len(default_storage.listdir("generators")[1])
    with pytest.raises(ConflictError, match="already a generator named"):
        make_generator(researcher, onnx_files.generator())
    assert len(default_storage.listdir("generators")[1]) == n_files


def test_too_large_a_file_is_refused(researcher, settings):
    settings.GENERATOR_MAX_BYTES = 100
    with pytest.raises(DomainError, match="takes at most 100"):
        make_generator(researcher, onnx_files.generator())


@pytest.mark.parametrize("z_shape", ["", "x", "0", "-4", "4,", "1,2,3,4,5", "4;4"])
def test_a_shape_that_is_none_is_refused(researcher, z_shape):
    with pytest.raises(DomainError, match="The z_shape cannot be used"):
        make_generator(researcher, onnx_files.generator(), z_shape=z_shape)


def test_deleting_takes_the_files_along(researcher):
    made = make_generator(researcher, onnx_files.generator())
    keys = (made.file_key, made.preview_key)
    generators.delete_generator(made)
    assert not Generator.objects.exists()
    assert not any(default_storage.exists(key) for key in keys)


def test_a_generator_whose_sets_are_deleted_can_be_deleted(researcher):
    made = make_generator(researcher, onnx_files.generator())
    asked = sampling.request_sampling(
        generator=made,
        requested_by=researcher,
        request=sampling.Request(n_samples=2, seed=1, truncations=[None]),
    )
    with pytest.raises(ConflictError, match="could not be made again"):
        generators.delete_generator(made)
    imports.delete_sample_set(asked.runs.get().sample_set)
    assert not sampling.history_of(made).samplings
    generators.delete_generator(made)
    assert not Generator.objects.exists()


def upload(owner, data, *, name="g.onnx"):
    begun = uploads.begin(
        owner=owner, name=name, size_bytes=len(data), fingerprint="", now=NOW
    )
    return uploads.receive(upload=begun, offset=0, data=data, sha256="", now=NOW)


def described(owner, **fields):
    return Generator(
        **{
            "name": "sent in parts",
            "model_name": "GAN",
            "z_shape": "4",
            "owner": owner,
            "project": projects.personal_project(owner),
            **fields,
        }
    )


@pytest.mark.django_db(transaction=True)
def test_an_upload_becomes_a_generator_once(researcher):
    sent = upload(researcher, onnx_files.generator())
    keys = list(sent.parts.values_list("storage_key", flat=True))
    made = generators.create_from_upload(generator=described(researcher), upload=sent)
    generators.run_inspection(made.pk)
    made.refresh_from_db()
    assert (made.state, made.size_bytes) == ("done", sent.size_bytes)
    assert not Upload.objects.exists()
    assert not any(default_storage.exists(key) for key in keys)
    with pytest.raises(ConflictError, match="taken over already"):
        generators.create_from_upload(
            generator=described(researcher, name="again"), upload=sent
        )


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("g.zip", {}, "must end in .onnx; got g.zip"),
        ("g.onnx", {"z_shape": "x"}, "The z_shape cannot be used"),
        ("g.onnx", {"n_classes": 10**6}, "less than or equal to 100000"),
    ],
)
def test_an_upload_that_is_no_generator_stays(researcher, name, fields, sentence):
    sent = upload(researcher, onnx_files.generator(), name=name)
    with pytest.raises(DomainError, match=sentence):
        generators.create_from_upload(
            generator=described(researcher, **fields), upload=sent
        )
    assert Upload.objects.get() == sent
    assert not Generator.objects.exists()


def test_half_an_upload_is_no_generator(researcher):
    begun = uploads.begin(
        owner=researcher, name="g.onnx", size_bytes=9, fingerprint="", now=NOW
    )
    with pytest.raises(ConflictError, match="only 0 of 9 bytes have arrived"):
        generators.create_from_upload(generator=described(researcher), upload=begun)


def test_a_lost_file_is_a_sentence(researcher):
    made = make_generator(researcher, onnx_files.custom_operator())
    default_storage.delete(made.file_key)
    generators.retry(made, stated=STATED)
    generators.run_inspection(made.pk)
    made.refresh_from_db()
    assert "Its file is no longer stored" in made.error


def test_a_file_elsewhere_is_copied_for_the_run(researcher, settings):
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": memory}
    made = make_generator(researcher, onnx_files.generator())
    assert (made.state, made.error) == ("done", "")
