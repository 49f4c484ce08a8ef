import dataclasses
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from metrics import features as features_module
from metrics.conventions import Conventions
from metrics.errors import MetricsError
from metrics.evaluation import Options, Progress, evaluate, extract_side
from metrics.images import ArraySource, FileSource, open_source
from metrics.metric_names import METRIC_NAMES, wanted_names
from metrics.moments import Moments
from metrics.options import check_options, choose_device
from metrics.statistics_files import (
    StoredFeatures,
    StoredStatistics,
    open_input,
    save_statistics,
)

DIGITS = Options(extractor="digits", replicates=20)
QUICK = Options(
    extractor="digits", metrics=("fid", "kid", "precision", "recall"), replicates=0
)


@pytest.fixture
def real(make_images):
    return ArraySource("real", make_images(80, seed=1))


@pytest.fixture
def fake(make_images):
    return ArraySource("fake", make_images(70, seed=2, low=40))


def codes(evaluation):
    return {finding.code for finding in evaluation.warnings}


def test_evaluate_gives_every_metric_as_plain_json(real, fake):
    evaluation = evaluate(real, fake, DIGITS)

    found = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))
    assert tuple(found["metrics"]) == METRIC_NAMES
    assert set(found["intervals"]) == set(METRIC_NAMES) - {
        "kid_std",
        "inception_score_std",
    }
    for name, (low, high) in found["intervals"].items():
        assert low <= found["metrics"][name] <= high, name
    assert found["provenance"]["counts"] == {"real": 80, "fake": 70}
    assert found["provenance"]["extractor"] == "digits"
    assert len(found["provenance"]["weights_sha256"]) == 64
    assert found["provenance"]["content_hash"] == {
        "real": real.content_hash(),
        "fake": fake.content_hash(),
    }
    assert "unequal-counts" in codes(evaluation)


def test_evaluate_of_a_set_with_itself_is_perfect(real):
    metrics = evaluate(real, real, DIGITS).metrics

    assert metrics["fid"] == pytest.approx(0, abs=1e-9)
    assert (metrics["precision"], metrics["recall"], metrics["coverage"]) == (1, 1, 1)
    assert metrics["pixel_distance"] == 0
    assert metrics["authenticity"] == 0


@pytest.mark.parametrize("change", [{"batch_size": 7}, {"workers": 1}])
def test_evaluate_does_not_depend_on_batches_or_workers(real, fake, change):
    whole = evaluate(real, fake, QUICK)

    found = evaluate(real, fake, Options(**{**QUICK.__dict__, **change}))

    assert found.metrics == pytest.approx(whole.metrics, rel=1e-6)


def test_evaluate_does_not_depend_on_the_order_of_images(real, make_images, fake):
    shuffled = ArraySource("shuffled", make_images(80, seed=1)[::-1])
    kid = Conventions(kernel_subset_size=20, kernel_subsets=10)
    options = Options(**{**QUICK.__dict__, "conventions": kid})

    found = evaluate(shuffled, fake, options)

    assert found.metrics == pytest.approx(
        evaluate(real, fake, options).metrics, rel=1e-6
    )


def test_evaluate_repeats_itself_with_one_seed_only(real, fake):
    conventions = Conventions(kernel_subset_size=20)
    one, same, other = (
        evaluate(
            real,
            fake,
            Options(
                extractor="digits",
                metrics=("kid",),
                seed=seed,
                conventions=conventions,
            ),
        ).metrics["kid_mean"]
        for seed in (1, 1, 2)
    )

    assert one == same != other


def test_evaluate_reads_a_cached_side_no_more(real, fake, tmp_path, monkeypatch):
    options = Options(**{**DIGITS.__dict__, "cache": tmp_path / "cache"})
    first = evaluate(real, fake, options)
    hashes = real.image_hashes()
    seen = []
    extract = features_module.extract_features

    class Sealed(ArraySource):
        def read(self, _index):
            raise AssertionError("the real images were read again")

        def image_hashes(self):
            return hashes

    def spy(source, *arguments, **options):
        seen.append(source.name)
        return extract(source, *arguments, **options)

    monkeypatch.setattr("metrics.evaluation.extract_features", spy)
    sealed = Sealed("real", np.zeros((80, 8, 8, 3), np.uint8))
    other = ArraySource("other", np.full((60, 8, 8, 3), 7, np.uint8) * range_of(60))

    again = evaluate(sealed, fake, options)
    evaluate(sealed, other, options)

    assert seen == ["other"]
    assert again.metrics == first.metrics


class PlainSource:
    """A source without hashes of its images."""

    def __init__(self, name, images):
        self.name, self._images = name, images

    def __len__(self):
        return len(self._images)

    def read(self, index):
        return self._images[index]

    def content_hash(self):
        return ArraySource("", self._images).content_hash()


def test_evaluate_keeps_the_order_of_a_cached_source_without_hashes(
    real, make_images, tmp_path
):
    images = make_images(40, seed=2)
    forth, back = PlainSource("forth", images), PlainSource("back", images[::-1])
    options = Options(extractor="digits", metrics=("inception_score",), replicates=0)
    cached = dataclasses.replace(options, cache=tmp_path / "cache")

    evaluate(real, forth, cached)
    found = evaluate(real, back, cached)

    assert found.metrics == pytest.approx(evaluate(real, back, options).metrics)


@pytest.mark.parametrize("kind", [ArraySource, PlainSource])
def test_extract_side_names_cached_images_after_the_source(kind, make_images, tmp_path):
    options = Options(extractor="digits", cache=tmp_path / "cache")
    images = make_images(3)

    extract_side(kind("first", images), options)
    side, _ = extract_side(kind("second", images), options)

    names = sorted(fact.name for fact in side.facts)
    assert names == ["second[0]", "second[1]", "second[2]"]


def range_of(n):
    return np.arange(n, dtype=np.uint8)[:, None, None, None]


def test_evaluate_survives_a_cache_that_cannot_be_written(
    real, fake, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "metrics.evaluation.FeatureCache.store",
        lambda *_args, **_named: "the cache is full",
    )

    evaluation = evaluate(real, fake, Options(**{**QUICK.__dict__, "cache": tmp_path}))

    assert "cache-not-written" in codes(evaluation)
    assert "fid" in evaluation.metrics


def test_evaluate_tells_progress_and_stops_when_told(real, fake):
    seen = []
    evaluate(real, fake, QUICK, progress=seen.append)
    assert seen[0] == Progress("real images", 0, 80)
    assert Progress("fake images", 70, 70) in seen
    assert seen[-1].stage == "done"

    def stop(_progress):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        evaluate(real, fake, QUICK, progress=stop)


def test_evaluate_limits_by_a_seeded_draw(real, fake):
    options = Options(**{**QUICK.__dict__, "limit": 30})

    first, second = (evaluate(real, fake, options) for _ in range(2))

    assert first.provenance["counts"] == {"real": 30, "fake": 30}
    assert first.metrics == second.metrics


def test_evaluate_limits_either_side_by_a_draw_of_its_own(make_images):
    # one set on both sides: paired draws would find every image beside itself
    images = make_images(80)
    rows = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    options = Options(
        extractor="digits", metrics=("fid", "authenticity"), replicates=0, limit=30
    )

    for given in (ArraySource("a", images), StoredFeatures("a.npy", rows, None)):
        assert evaluate(given, given, options).metrics["fid"] > 0.01


def test_evaluate_limits_by_images_and_not_by_their_order(real, make_images, fake):
    options = dataclasses.replace(QUICK, limit=30)
    shuffled = ArraySource("shuffled", make_images(80, seed=1)[::-1])

    found = evaluate(shuffled, fake, options)

    expected = evaluate(real, fake, options).metrics
    assert found.metrics == pytest.approx(expected, rel=1e-6)


def test_neighbours_in_limited_features_are_told_by_their_row_in_the_file():
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    one = StoredFeatures("a.npy", rows, None)
    two = StoredFeatures("b.npy", rows[::-1], None)

    found = evaluate(
        one, two, Options(metrics=("authenticity",), replicates=0, limit=25)
    )

    same = [
        pair
        for pair in found.details["nearest_real"]["nearest"]
        if not pair["distance"]
    ]
    assert same
    assert all(pair["real"] == 39 - pair["fake"] for pair in same)


def test_evaluate_takes_statistics_in_place_of_images(real, fake, tmp_path):
    side, provenance = extract_side(real, QUICK)
    save_statistics(tmp_path / "real.npz", side.moments(), provenance)
    stored = open_input(tmp_path / "real.npz")

    found = evaluate(stored, fake, Options(extractor="digits"))

    whole = evaluate(real, fake, Options(**{**QUICK.__dict__, "metrics": ("fid",)}))
    assert found.metrics["fid"] == pytest.approx(whole.metrics["fid"], rel=1e-8)
    assert "inception_score_mean" in found.metrics
    assert "precision" not in found.metrics
    missing = [w.message for w in found.warnings if w.code == "metric-not-computed"]
    assert len(missing) == 2
    assert missing[0].startswith(
        "fid_infinity, kid_mean, kid_std, cmmd, mean_euclidean"
    )
    assert missing[1].startswith("pixel_distance cannot be computed: ")
    assert found.provenance["content_hash"]["real"] == real.content_hash()
    for name in ("frechet_univariate_mean", "mean_feature_distance"):
        exact = evaluate(real, fake, Options(**{**QUICK.__dict__, "metrics": (name,)}))
        assert found.metrics[name] == pytest.approx(exact.metrics[name], rel=1e-8)
    with pytest.raises(MetricsError, match=r"precision cannot be computed: .*mean and"):
        evaluate(stored, fake, Options(extractor="digits", metrics=("precision",)))


@pytest.mark.parametrize(
    ("key", "value"),
    [("resize", "clean"), ("settings", "area bf16"), ("layer", "logits")],
)
def test_evaluate_refuses_statistics_of_another_origin(real, fake, key, value):
    side, provenance = extract_side(real, QUICK)
    stored = StoredStatistics("a.npz", side.moments(), {**provenance, key: value})
    del provenance[key]
    silent = StoredStatistics("a.npz", side.moments(), provenance)

    with pytest.raises(
        MetricsError, match=rf"a\.npz was made with {key} {value}, this"
    ):
        evaluate(stored, fake, QUICK)
    with pytest.raises(MetricsError, match=rf"was made with {key} unknown, this run"):
        evaluate(silent, fake, QUICK)


def test_evaluate_refuses_statistics_of_another_dimension(fake):
    mean = np.zeros(3)
    stored = open_input_of(mean, np.eye(3))

    with pytest.raises(MetricsError, match="features of 3 dimensions and fake of 64"):
        evaluate(stored, fake, Options(extractor="digits", metrics=("fid",)))


def open_input_of(mean, cov):
    from metrics.moments import Moments  # noqa: PLC0415

    return StoredStatistics("a.npz", Moments(0, mean, cov), {})


def test_evaluate_takes_features_without_a_network():
    rng = np.random.default_rng(0)
    one, two = (
        StoredFeatures(name, rng.normal(size=(50, 4)).astype(np.float32), None)
        for name in ("a.npy", "b.npy")
    )

    found = evaluate(one, two, Options(replicates=10))

    assert found.provenance["extractor"] is None
    hashes = found.provenance["content_hash"]
    assert hashes["real"] != hashes["fake"]
    limited = evaluate(one, two, Options(replicates=0, limit=20))
    assert limited.provenance["counts"] == {"real": 20, "fake": 20}
    assert "recall" in found.metrics
    assert "pixel_distance" not in found.metrics


@pytest.mark.parametrize("n_rows", [0, 1])
def test_evaluate_refuses_too_few_rows_before_the_work(real, n_rows):
    few = StoredFeatures("few.npy", np.zeros((n_rows, 64), np.float32), None)
    seen = []

    with pytest.raises(MetricsError, match=rf"few\.npy holds {n_rows or 'no'} row of"):
        evaluate(real, few, QUICK, progress=seen.append)
    assert seen == []


def test_evaluate_says_that_features_do_not_tell_their_network(fake):
    rows = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)

    found = evaluate(StoredFeatures("a.npy", rows, None), fake, QUICK)

    (told,) = [w for w in found.warnings if w.code == "features-without-origin"]
    assert told.message.startswith("a.npy does not say which network")


def test_evaluate_takes_no_neighbours_from_features_of_another_network(fake):
    rows = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    stored = StoredFeatures("a.npy", rows, None)
    elsewhere = Conventions(name="peer", neighbour_extractor="vgg16-fc2")

    found = evaluate(stored, stored, dataclasses.replace(QUICK, conventions=elsewhere))

    assert "fid" in found.metrics
    assert "precision" not in found.metrics
    (missing,) = [w.message for w in found.warnings if "precision" in w.message]
    assert missing.startswith("precision, recall cannot be computed: a.npy holds feat")
    assert "the conventions of peer take vgg16-fc2 here" in missing


def test_evaluate_says_where_an_interval_is_missing(real, fake, make_images):
    side, provenance = extract_side(real, QUICK)
    stored = StoredStatistics("a.npz", side.moments(), provenance)
    few = ArraySource("few", make_images(9))
    wanted = dataclasses.replace(DIGITS, metrics=("fid", "kid", "authenticity"))

    def told(one, other, options):
        return [
            finding.message
            for finding in evaluate(one, other, options).warnings
            if finding.code == "interval-not-computed"
        ]

    assert told(real, fake, wanted) == []
    assert told(stored, fake, wanted) == [
        "fid without an interval: a.npz holds mean and covariance only"
    ]
    assert told(few, few, wanted) == [
        "kid_mean without an interval: there are too few images"
    ]
    assert told(stored, fake, dataclasses.replace(wanted, replicates=0)) == []


@pytest.mark.parametrize("n_images", [0, 1])
def test_evaluate_refuses_too_few_images(real, n_images):
    few = ArraySource("few", np.zeros((n_images, 4, 4, 3), np.uint8))

    with pytest.raises(MetricsError, match=rf"few holds {n_images or 'no'} "):
        evaluate(real, few, QUICK)


def test_evaluate_of_two_images_tells_what_it_cannot_compute(make_images):
    few = ArraySource("few", make_images(2))

    found = evaluate(few, few, DIGITS)

    assert "fid" in found.metrics
    assert "recall" not in found.metrics
    assert "metric-not-computed" in codes(found)


@pytest.mark.parametrize(
    ("n_images", "metrics", "expected"),
    [
        (
            3,
            ("fid", "inception_score_mean", "precision"),
            ["fid", "inception_score_mean"],
        ),
        (4, ("fid", "precision", "recall"), ["fid", "precision", "recall"]),
        (5, ("precision", "density"), ["precision"]),
        (6, ("density", "coverage"), ["density", "coverage"]),
    ],
)
def test_evaluate_of_few_images_leaves_out_what_they_do_not_allow(
    make_images, n_images, metrics, expected
):
    few = ArraySource("few", make_images(n_images))

    found = evaluate(few, few, Options(extractor="digits", metrics=metrics))

    assert list(found.metrics) == expected
    assert ("metric-not-computed" in codes(found)) == (len(expected) < len(metrics))


def test_evaluate_refuses_when_nothing_can_be_computed(make_images):
    few = ArraySource("few", make_images(3))

    with pytest.raises(MetricsError, match="recall cannot be computed: there are too"):
        evaluate(few, few, Options(extractor="digits", metrics=("recall",)))


def test_evaluate_skips_broken_files_if_asked(real, tmp_path, make_images):
    for index, image in enumerate(make_images(12)):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "5.png").write_bytes(b"broken")
    source = open_source(tmp_path)
    assert isinstance(source, FileSource)

    with pytest.raises(MetricsError, match=r"5\.png is not an image"):
        evaluate(real, source, QUICK)
    found = evaluate(real, source, Options(**{**QUICK.__dict__, "skip_broken": True}))

    assert found.provenance["counts"]["fake"] == 11
    assert len(found.provenance["skipped"]["fake"]) == 1


def test_pixels_are_compared_in_pairs_although_a_file_is_broken(tmp_path, make_images):
    images = make_images(12)
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "5.png").write_bytes(b"broken")
    options = Options(extractor="digits", metrics=("pixel_distance",), skip_broken=True)

    found = evaluate(ArraySource("a", images), open_source(tmp_path), options)

    assert found.metrics == {"pixel_distance": 0}
    assert found.details["pixel_pairs"] == 11


@pytest.mark.parametrize("limit", [7, 2])
def test_pixels_are_compared_in_pairs_although_images_are_left_out(make_images, limit):
    images = make_images(10)
    sides = ArraySource("a", images), ArraySource("b", images // 2)
    options = Options(
        extractor="digits", metrics=("fid", "pixel_distance"), limit=limit, seed=1
    )

    found = evaluate(*sides, options)

    if limit == 2:  # drawn apart
        assert "pixel_distance" not in found.metrics
    else:
        half = images - images // 2.0
        assert found.metrics["pixel_distance"] == pytest.approx(half.mean(), rel=0.1)
        assert 4 <= found.details["pixel_pairs"] < 7


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_evaluate_refuses_features_that_float32_cannot_square(size):
    rows = np.random.default_rng(0).random((30, 4)).astype(np.float32)
    sides = StoredFeatures("a", rows, None), StoredFeatures("b", size * rows, None)

    with pytest.raises(MetricsError, match=r"of b reach .*: scale the network's out"):
        evaluate(*sides, QUICK)


def test_evaluate_refuses_statistics_that_nothing_could_be_made_of():
    small, large = (
        StoredStatistics(name, Moments(9, np.zeros(4), np.eye(4) * size), {})
        for name, size in (("a", 1), ("b", 1e300))
    )

    with pytest.raises(MetricsError, match=r"of b reach 1\.0e\+150 in size"):
        evaluate(small, large, Options(extractor="digits", metrics=("fid",)))


def test_kid_has_no_spread_where_every_subset_is_all_images(real, make_images):
    others = ArraySource("others", make_images(80, seed=3))

    found = evaluate(real, others, Options(extractor="digits", metrics=("kid",)))

    assert "kid_std" not in found.metrics
    assert found.metrics["kid_mean"] == pytest.approx(found.details["kid_unbiased"])
    assert "metric-not-computed" in codes(found)


@pytest.mark.parametrize("limit", [None, 30])
def test_neighbours_are_told_by_their_number_in_the_whole_source(
    tmp_path, make_images, limit
):
    # The other side holds the same images without the broken one: each sample's
    # nearest real image is itself, wherever it stands.
    images = make_images(40)
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    (tmp_path / "5.png").write_bytes(b"broken")
    kept = [index for index in range(40) if index != 5]
    options = Options(
        extractor="digits",
        metrics=("authenticity",),
        replicates=0,
        skip_broken=True,
        limit=limit,
    )

    found = evaluate(ArraySource("a", images[kept]), open_source(tmp_path), options)

    pairs = found.details["nearest_real"]["nearest"]
    assert all(
        kept[pair["real"]] == pair["fake"] for pair in pairs if pair["distance"] == 0
    )
    assert any(pair["fake"] > 5 for pair in pairs if pair["distance"] == 0)


def test_evaluate_skips_files_that_cannot_even_be_hashed(real, tmp_path, make_images):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index, image in enumerate(make_images(12)):
            archive.writestr(f"{index}.ppm", b"P6 8 8 255\n" + image.tobytes())
    raw = path.read_bytes()
    at = raw.index(b"5.ppm") + 40
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 255]) + raw[at + 1 :])
    skipping = {**QUICK.__dict__, "skip_broken": True, "cache": tmp_path / "cache"}

    with pytest.raises(MetricsError, match=r"5\.ppm is damaged inside the archive"):
        evaluate(real, open_source(path), QUICK)
    found = evaluate(real, open_source(path), Options(**skipping))

    assert found.provenance["counts"]["fake"] == 11
    (reason,) = found.provenance["skipped"]["fake"]
    assert "5.ppm is damaged" in reason
    # only the other side is kept: a set with skips is not
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_wanted_names_knows_groups():
    assert wanted_names("all") == METRIC_NAMES
    assert wanted_names(("kid", "fid")) == ("fid", "kid_mean", "kid_std")
    with pytest.raises(MetricsError, match="there is no metric fud; there are fid"):
        wanted_names(("fud",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "fp8"}, "precision must be fp32 or bf16, got fp8"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
        ({"workers": 0}, "workers must be 1 or more"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"limit": 1}, "limit must be 2 or more"),
    ],
)
def test_check_options_refuses_nonsense(change, message):
    with pytest.raises(MetricsError, match=message):
        check_options(Options(**change))


def test_choose_device_falls_back_to_the_cpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    assert choose_device("auto") == "cpu"
    with pytest.raises(MetricsError, match="torch sees no CUDA device"):
        choose_device("cuda")
    for device in ("tpu", "cuda:x", "cudafoo"):
        with pytest.raises(MetricsError, match=f"cuda or cuda:N, got {device}"):
            choose_device(device)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert choose_device("auto") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(
        MetricsError, match="sees 2 CUDA devices, so there is no cuda:2"
    ):
        choose_device("cuda:2")
