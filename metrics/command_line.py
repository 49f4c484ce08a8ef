"""``python -m metrics``: evaluate two image sources from the terminal."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from metrics.cache import default_cache_folder
from metrics.errors import MetricsError
from metrics.evaluation import Evaluation, Options, evaluate
from metrics.extractors import Precision, parse_name
from metrics.images import open_source
from metrics.progress import ProgressBar

EXIT_MISTAKE = 2


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise MetricsError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    arguments : sequence of str or None
        The words after ``python -m metrics``; None for those of the process.

    Returns
    -------
    int
        0, or 2 after a caller's mistake, told in one line on standard error.
    """
    try:
        given = _parser().parse_args(arguments)
        return _evaluate(given)
    except MetricsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


def _evaluate(given: argparse.Namespace) -> int:
    real, fake = open_source(given.real), open_source(given.fake)
    if given.json is not None and not given.json.resolve().parent.is_dir():
        raise MetricsError(f"the folder of {given.json} does not exist; make it first")
    bar = ProgressBar(sys.stderr, quiet=given.quiet)
    try:
        evaluation = evaluate(real, fake, options_of(given), progress=bar.show)
    finally:
        bar.close()
    if given.json is not None:
        text = json.dumps(evaluation.as_json(), indent=2, ensure_ascii=False)
        given.json.write_text(text + "\n", encoding="utf-8")
    if not given.quiet:
        sys.stdout.write(table(evaluation))
    return 0


def options_of(given: argparse.Namespace) -> Options:
    """Return the options that the command line asks for.

    Parameters
    ----------
    given : argparse.Namespace
        Parsed arguments.

    Returns
    -------
    Options
        What to evaluate and how.
    """
    return Options(
        metrics="all" if given.metrics == "all" else tuple(given.metrics.split(",")),
        extractor=given.extractor,
        weights=_weights(given.weights, given.extractor),
        resize=given.resize,
        device=given.device,
        precision=given.precision,
        batch_size=given.batch_size,
        limit=given.limit,
        seed=given.seed,
        cache=None if given.no_cache else given.cache,
        workers=given.workers or Options().workers,
        skip_broken=given.skip_broken,
        replicates=given.replicates,
    )


def table(evaluation: Evaluation) -> str:
    """Return the values, intervals and warnings of an evaluation for a terminal.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.

    Returns
    -------
    str
        Lines that end in a newline.
    """
    lines = []
    for name, value in evaluation.metrics.items():
        line = f"{name:<30} {value:>14.6g}"
        if name in evaluation.intervals:
            low, high = evaluation.intervals[name]
            line += f"   95 % [{low:.6g}, {high:.6g}]"
        lines.append(line)
    lines += [
        f"warning {finding.code}: {finding.message}" for finding in evaluation.warnings
    ]
    return "".join(f"{line}\n" for line in lines)


def _weights(given: Sequence[str], extractor: str) -> dict[str, Path]:
    """Return files by network from ``FILE`` and ``NETWORK=FILE``."""
    main, _ = parse_name(extractor)
    files = {}
    for text in given:
        name, found, file = text.partition("=")
        if found and not Path(text).exists():
            files[parse_name(name)[0]] = Path(file)
        else:
            files[main] = Path(text)
    return files


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m metrics",
        description="All automated metrics of generated images against real ones.",
        epilog="Other commands: doctor, explain A.json B.json, plot OUT.json.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("real", help="folder, .zip, .tar, .npz/.npy, or a file of statistics")
    add("fake", help="the generated images, in the same forms")
    add("--metrics", default="all", help="names with commas between them, or all")
    add("--extractor", default="inception-v3-fid", help="network, or network:layer")
    add(
        "--weights",
        action="append",
        default=[],
        metavar="FILE",
        help="weights of the network, or NETWORK=FILE; may be repeated",
    )
    add("--resize", choices=("legacy", "clean", "pytorch", "antialias"))
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--precision", default="fp32", choices=get_args(Precision))
    add("--batch-size", type=int, default=32)
    add("--limit", type=int, help="images a side at most, drawn by the seed")
    add("--seed", type=int, default=0)
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR")
    add("--no-cache", action="store_true", help="neither read nor keep features")
    add("--workers", type=int, help="threads that decode images")
    add("--skip-broken", action="store_true", help="leave out unusable images")
    add("--replicates", type=int, default=200, help="resamples behind an interval")
    add("--json", type=Path, metavar="OUT", help="write the result there")
    add("--quiet", action="store_true", help="no progress and no table")
    return parser
