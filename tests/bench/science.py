"""How fast and how true the statistics are, as ratios and as shares of 2,000 studies.

python -m tests.bench.science             speed, as ratios to scipy.stats.bootstrap
python -m tests.bench.science --coverage  coverage, bias and spread by simulation
python -m tests.bench.science --rows N    time and memory to score N judgments
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from scipy import stats
from scipy.special import ndtr

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.arm_scores import Settings
from hypeweb.science.errors import Resample, error_replicates
from hypeweb.science.psychometric import fit_threshold
from hypeweb.science.sequential import difference_sequence
from hypeweb.science.simulation import simulate_session
from hypeweb.science.staircase import PRESETS
from hypeweb.science.table_scores import score_file
from hypeweb.science.thresholds import combine_thresholds

N_EVALUATORS, N_IMAGES, N_BOOTSTRAP = 30, 100, 10_000
LIMITS_MS = (100, 1000)
FRAME_MS = 1000 / 60
SD_PEOPLE, SD_IMAGES = 0.35, 0.6
TRUE_ERROR = float(ndtr(-0.6 / np.sqrt(1 + SD_PEOPLE**2 + SD_IMAGES**2)))


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def study(*, pool, rng, n_evaluators=N_EVALUATORS):
    """Probit evaluators and images, half of the images real."""
    half = N_IMAGES // 2
    hard = rng.normal(0, SD_IMAGES, 2 * pool)
    people = []
    for lean in rng.normal(0, SD_PEOPLE, n_evaluators):
        sample = np.concatenate(
            [rng.choice(pool, half, replace=False) + part * pool for part in (0, 1)]
        )
        truth = np.repeat([False, True], half)
        wrong = rng.random(2 * half) < ndtr(-0.6 + lean + hard[sample])
        people.append(EvaluatorAnswers(truth, truth ^ wrong, sample))
    return people


def seconds(run, *, n=7):
    """Return the median time of a call, the first one left out."""
    times = []
    for _ in range(n + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times[1:])


def speed():
    rng = np.random.default_rng(1)
    everybody = study(pool=N_IMAGES // 2, rng=rng)
    sparse = study(pool=5000, rng=rng)
    errors = np.array([answers.wrong.mean() for answers in everybody])

    def ours(people, resample: Resample):
        return lambda: error_replicates(
            people, rng=rng, n_bootstrap=N_BOOTSTRAP, resample=resample
        )

    plain = seconds(
        lambda: stats.bootstrap(
            (errors,),
            np.mean,
            n_resamples=N_BOOTSTRAP,
            method="percentile",
            rng=rng,
        )
    )
    say(f"scipy.stats.bootstrap, evaluators only: {1e3 * plain:.0f} ms")
    for name, run in (
        ("evaluators", ours(everybody, "evaluators")),
        ("evaluators and images, 100 shared", ours(everybody, "auto")),
        ("evaluators and images, pool of 2 x 5000", ours(sparse, "auto")),
    ):
        took = seconds(run)
        say(f"{name}: {1e3 * took:.0f} ms, {took / plain:.2f} times scipy's call")


def two_way_coverage(n_studies):
    for pool in (5000, 200, 100):
        rng = np.random.default_rng(2)
        covered = {"evaluators": 0, "auto": 0}
        for _ in range(n_studies):
            people = study(pool=pool, rng=rng)
            for resample in covered:
                drawn = error_replicates(
                    people, rng=rng, n_bootstrap=1000, resample=resample
                )
                low, high = np.quantile(drawn.replicates[:, 2], [0.025, 0.975])
                covered[resample] += low <= TRUE_ERROR <= high
        say(
            f"pool {pool}: two-way covers {covered['auto'] / n_studies:.1%}, "
            f"evaluators alone {covered['evaluators'] / n_studies:.1%}"
        )


def threshold_coverage(n_studies):
    for preset in ("hype-2019", "weighted-75"):
        for threshold_ms in (150.0, 250.0, 400.0):
            walks = simulate_session(
                PRESETS[preset],
                thresholds_ms=np.full(n_studies, threshold_ms),
                n_blocks=3,
                n_trials=150,
                rng=np.random.default_rng(3),
            )
            shown = np.rint(walks.exposures_ms / FRAME_MS) * FRAME_MS
            fits = [
                fit_threshold(ms, right, limits_ms=LIMITS_MS)
                for ms, right in zip(shown, walks.correct, strict=True)
            ]
            found = np.array([fit.threshold_ms or np.nan for fit in fits])
            covered = [
                (fit.low_ms or 0) <= threshold_ms <= (fit.high_ms or np.inf)
                for fit in fits
            ]
            say(
                f"{preset}, {threshold_ms:.0f} ms, 450 trials: bias "
                f"{np.nanmean(found) - threshold_ms:+.1f} ms, SD "
                f"{np.nanstd(found):.1f} ms, interval covers {np.mean(covered):.1%}"
            )


def arm_threshold_coverage(n_studies):
    rng = np.random.default_rng(4)
    found, covered = [], 0
    for _ in range(n_studies):
        walks = simulate_session(
            PRESETS["hype-2019"],
            thresholds_ms=250 * np.exp(rng.normal(0, 0.25, 8)),
            n_blocks=3,
            n_trials=50,
            rng=rng,
        )
        fits = [
            fit_threshold(ms, right, limits_ms=LIMITS_MS)
            for ms, right in zip(walks.exposures_ms, walks.correct, strict=True)
        ]
        arm = combine_thresholds(fits, limits_ms=LIMITS_MS).threshold
        found.append(arm.value or np.nan)
        covered += (arm.low or 0) <= 250 <= (arm.high or np.inf)
    say(
        f"arm of 8 evaluators, 250 ms, 150 trials each: bias "
        f"{np.nanmean(found) - 250:+.1f} ms, SD {np.nanstd(found):.1f} ms, interval "
        f"covers {covered / n_studies:.1%}"
    )


def sequence_coverage(n_studies):
    rng = np.random.default_rng(5)

    def errors(mean):
        concentration = mean * (1 - mean) / 0.08**2 - 1
        rates = rng.beta(mean * concentration, (1 - mean) * concentration, 200)
        return rng.binomial(100, rates) / 100

    missed, needed = 0, []
    for _ in range(n_studies):
        sequence = difference_sequence(errors(0.3), errors(0.2), bounds=(0, 1))
        missed += bool(((sequence.low > 0.1) | (sequence.high < 0.1)).any())
        needed.append(int(np.argmax(sequence.low > 0)) + 1)
    say(
        f"sequence, error rates 30 and 20 %: covers {1 - missed / n_studies:.1%} under "
        f"200 looks, separates after {np.median(needed):.0f} pairs (median)"
    )
    missed = 0
    for _ in range(n_studies):
        first, second = (rng.random((2, 200)) < 0.5).astype(float)
        sequence = difference_sequence(first, second, bounds=(0, 1))
        missed += sequence.decision() == "separated"
    say(f"sequence, scores of 0 and 1: covers {1 - missed / n_studies:.1%}")


def many_rows(n_rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "judgments.csv"
        with path.open("w") as file:
            file.write("evaluator,arm,sample,truth,answer,rt_ms\n")
            for row in range(n_rows):
                person, image = divmod(row, 100)
                truth = "real" if image % 2 else "fake"
                answer = "real" if (row * 2654435761 >> 7) % 3 else "fake"
                file.write(
                    f"e{person},a{person % 4},{row * 7 % 5000},{truth},{answer},"
                    f"{400 + row % 900}\n"
                )
        start = time.perf_counter()
        score_file(path, seed=1, settings=Settings())
        took = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"{n_rows} judgments scored in {took:.0f} s with at most {used:.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args()
    if options.rows:
        many_rows(options.rows)
        return
    if not options.coverage:
        speed()
        return
    for run in (
        sequence_coverage,
        threshold_coverage,
        two_way_coverage,
        arm_threshold_coverage,
    ):
        run(options.studies)


if __name__ == "__main__":
    main()
