import dataclasses
import time

import numpy as np
import pytest
import torch

from metrics import features as features_module
from metrics.errors import BrokenImageError, MetricsError
from metrics.extractors import Extractor, Setup, load_extractor
from metrics.features import Reading, extract_features
from metrics.images import ArraySource

LAYERS = frozenset({"64", "logits"})


@pytest.fixture(scope="module")
def digits():
    return load_extractor("digits", Setup())


class Means:
    """A network whose only feature is the mean of each colour; it may run short."""

    def __init__(self, fits=1000):
        self.fits = fits
        self.batches = []

    def extractor(self):
        return Extractor(
            name="means",
            layers={"3": 3},
            n_classes=None,
            default_layer="3",
            weights_sha256="0" * 64,
            weights_are_published=True,
            settings="none fp32",
            input_size=None,
            device="cpu",
            prepare=lambda images: images.float().mean(dim=(2, 3)),
            run=self.run,
        )

    def run(self, images, wanted):
        if len(images) > self.fits:
            raise torch.OutOfMemoryError("out of memory")
        self.batches.append(len(images))
        return dict.fromkeys(wanted, images)


class MixedSizes:
    """Images of three sizes; the one numbered `broken` cannot be read."""

    name = "mixed"

    def __init__(self, broken=None):
        self.broken = broken

    def __len__(self):
        return 10

    def read(self, index):
        if index == self.broken:
            raise BrokenImageError("mixed/4.png is truncated")
        return np.full((1 + index % 3, 4, 3), index, dtype=np.uint8)

    def content_hash(self):
        return "mixed"


def means(source, reading, network=None):
    network = network or Means()
    return extract_features(
        source, network.extractor(), frozenset({"3"}), reading=reading
    )


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (3, 2), (64, 4)])
def test_extract_features_does_not_depend_on_batches(
    digits, make_images, batch_size, workers
):
    source = ArraySource("a", make_images(20))
    whole = extract_features(source, digits, LAYERS, reading=Reading(batch_size=20))

    found = extract_features(
        source, digits, LAYERS, reading=Reading(batch_size=batch_size, workers=workers)
    )

    for layer in LAYERS:
        # float32 sums in another order
        np.testing.assert_allclose(
            found.layers[layer], whole.layers[layer], rtol=1e-5, atol=1e-5
        )
    assert found.facts == whole.facts


class Tf32Recorder(torch.nn.Module):
    """A network that notes which arithmetic a GPU would be allowed."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def forward(self, images):
        backends = torch.backends
        self.seen.add((backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32))
        return images


@pytest.fixture(params=[(True, True), (False, True), (True, False)])
def tf32(request):
    """Set and return what the caller allows: TF32 in convolutions, in products."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, matmul.allow_tf32)
    cudnn.allow_tf32, matmul.allow_tf32 = request.param
    yield request.param
    cudnn.allow_tf32, matmul.allow_tf32 = before


def test_extract_features_runs_the_network_without_tf32(tf32):
    network, recorder = Means(), Tf32Recorder()
    network.run = lambda images, wanted: dict.fromkeys(wanted, recorder(images))

    means(MixedSizes(), Reading(), network)

    assert recorder.seen == {(False, False)}
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    assert (cudnn.allow_tf32, matmul.allow_tf32) == tf32
    assert cudnn.enabled


def test_extract_features_keeps_the_order_of_mixed_sizes():
    found = means(MixedSizes(), Reading(batch_size=4))

    assert found.layers["3"][:, 0].tolist() == list(range(10))
    assert [fact.height for fact in found.facts] == [1, 2, 3] * 3 + [1]
    assert len(found) == 10


def test_extract_features_tells_facts(make_images):
    gray = np.full((1, 2, 5, 3), 8, np.uint8)

    found = means(ArraySource("a", gray), Reading())

    (fact,) = found.facts
    assert (fact.name, fact.width, fact.height) == ("a[0]", 5, 2)
    assert fact.is_gray
    assert not means(ArraySource("a", make_images(1)), Reading()).facts[0].is_gray


class Counted(MixedSizes):
    """Images of 48 bytes that note how many were read before the network's turn."""

    def __init__(self, broken=None):
        super().__init__(broken)
        self.n_read = 0

    def __len__(self):
        return 40

    def read(self, index):
        self.n_read += 1
        if index == self.broken:
            raise BrokenImageError("mixed/4.png is truncated")
        return np.full((4, 4, 3), index, dtype=np.uint8)


@pytest.mark.parametrize("limit_bytes", [1, 3 * 48])
def test_extract_features_decodes_few_bytes_ahead(monkeypatch, limit_bytes):
    monkeypatch.setattr(features_module, "_BYTES_AHEAD", limit_bytes)
    network, source, ahead = Means(), Counted(), []
    run = network.run

    def slow(images, wanted):
        time.sleep(0.005)  # time to run ahead, if the threads may
        ahead.append(source.n_read - 2 * len(network.batches) - 2)
        return run(images, wanted)

    network.run = slow
    found = means(source, Reading(batch_size=2, workers=2), network)

    assert found.layers["3"][:, 0].tolist() == list(range(40))
    # what is held, one image a thread beyond it, and the one next in line
    assert max(ahead) <= -(-limit_bytes // 48) + 2


def test_extract_features_ends_its_threads_at_a_broken_image(monkeypatch):
    monkeypatch.setattr(features_module, "_BYTES_AHEAD", 1)

    with pytest.raises(BrokenImageError, match=r"mixed/4\.png is truncated"):
        means(Counted(broken=4), Reading(batch_size=8))


def test_extract_features_halves_batches_that_do_not_fit():
    network = Means(fits=3)

    found = means(MixedSizes(), Reading(batch_size=8), network)

    assert found.layers["3"][:, 0].tolist() == list(range(10))
    assert network.batches == [2, 2, 2, 2, 2]


def test_extract_features_says_when_one_image_does_not_fit():
    with pytest.raises(MetricsError, match="does not fit into the memory of cpu"):
        means(MixedSizes(), Reading(), Means(fits=0))


def test_extract_features_lets_other_errors_pass():
    network = Means()
    network.run = lambda _images, _wanted: (_ for _ in ()).throw(RuntimeError("bug"))

    with pytest.raises(RuntimeError, match="bug"):
        means(MixedSizes(), Reading(), network)


def test_extract_features_stops_at_a_broken_image():
    with pytest.raises(BrokenImageError, match=r"mixed/4\.png is truncated"):
        means(MixedSizes(broken=4), Reading())


def test_extract_features_skips_broken_images_if_asked():
    found = means(MixedSizes(broken=4), Reading(skip_broken=True))

    assert found.layers["3"][:, 0].tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert found.skipped == ("mixed/4.png is truncated",)


def test_extract_features_refuses_a_source_of_broken_images():
    source = MixedSizes(broken=0)
    source.__class__ = type("One", (MixedSizes,), {"__len__": lambda _: 1})

    with pytest.raises(MetricsError, match="no usable image: mixed/4"):
        means(source, Reading(skip_broken=True))


def test_extract_features_refuses_nan(digits, make_images):
    def run(images, wanted):
        values = torch.zeros(len(images), 2)
        values[1] = torch.nan
        return dict.fromkeys(wanted, values)

    broken = dataclasses.replace(digits, run=run)

    with pytest.raises(MetricsError, match=r"digits gives features .* for a\[1\]"):
        extract_features(
            ArraySource("a", make_images(3)),
            broken,
            frozenset({"64"}),
            reading=Reading(),
        )


def test_extract_features_tells_progress():
    seen = []

    extract_features(
        MixedSizes(),
        Means().extractor(),
        frozenset({"3"}),
        reading=Reading(batch_size=4),
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(4, 10), (8, 10), (10, 10)]
