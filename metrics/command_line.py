"""``python -m metrics``: evaluate two image sources from the terminal."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, get_args

from metrics.cache import default_cache_folder
from metrics.doctor import doctor_text
from metrics.errors import MetricsError
from metrics.evaluation import Evaluation, evaluate, extract_side
from metrics.explain import explain, explain_text, read_evaluation
from metrics.extractors import Precision, parse_name
from metrics.image_checks import skipped_images
from metrics.images import open_source
from metrics.options import Options
from metrics.peers import PEERS, conventions_of
from metrics.plot import plot_evaluation
from metrics.progress import ProgressBar
from metrics.resize import RESIZES
from metrics.statistics_files import open_input, save_statistics
from metrics.whole_files import is_special, write_whole

EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise MetricsError(f"{message}; see {self.prog} --help")


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
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = _COMMANDS.get(words[0]) if words else None
    try:
        if command is not None:
            return command(words[1:])
        return _evaluate(words)
    except MetricsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED


def _evaluate(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="python -m metrics",
        description="All automated metrics of generated images against real ones.",
        epilog=f"Other commands: {', '.join(_COMMANDS)}; each has --help.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "real", help="folder, .zip, .tar, .npz/.npy, or a file of statistics"
    )
    parser.add_argument("fake", help="the generated images, in the same forms")
    parser.add_argument(
        "--metrics", default="all", help="names with commas between them, or all"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the result")
    _add_options(parser)
    given = parser.parse_args(words)
    if given.json is not None:
        _check_place(given.json)
    real, fake = open_input(given.real), open_input(given.fake)
    bar = ProgressBar(sys.stderr, quiet=given.quiet)
    try:
        evaluation = evaluate(real, fake, options_of(given), progress=bar.show)
    finally:
        bar.close()
    if given.json is not None:
        text = json.dumps(evaluation.as_json(), indent=2, ensure_ascii=False)
        _write(given.json, text + "\n")
    if not given.quiet:
        sys.stdout.write(table(evaluation))
    return 0


def _statistics(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="python -m metrics statistics",
        description="Write mean and covariance as an npz that every library reads.",
        allow_abbrev=False,
    )
    parser.add_argument("source", help="folder, archive or array of images")
    parser.add_argument("out", type=Path, help="the npz to write")
    parser.set_defaults(metrics="fid")
    _add_options(parser)
    given = parser.parse_args(words)
    _check_place(given.out)
    bar = ProgressBar(sys.stderr, quiet=given.quiet)
    try:
        side, provenance = extract_side(
            open_source(given.source), options_of(given), progress=bar.show
        )
    finally:
        bar.close()
    save_statistics(given.out, side.moments(), provenance)
    for finding in skipped_images(side.skipped, name="given", n_used=len(side)):
        if not given.quiet:
            sys.stderr.write(f"warning {finding.code}: {finding.message}\n")
    return 0


def _doctor(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="python -m metrics doctor",
        description="Device, versions, weights found and free memory.",
    )
    parser.parse_args(words)
    sys.stdout.write(doctor_text())
    return 0


def _explain(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="python -m metrics explain",
        description="What makes two results incomparable.",
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    given = parser.parse_args(words)
    found = explain(read_evaluation(given.first), read_evaluation(given.second))
    sys.stdout.write(explain_text(found))
    return 0


def _plot(words: Sequence[str]) -> int:
    parser = _Parser(
        prog="python -m metrics plot",
        description="Draw a result: PNG, PDF or SVG by the name of the output.",
    )
    parser.add_argument("result", type=Path, help="what --json wrote")
    parser.add_argument("--out", type=Path, help="default: RESULT.png")
    given = parser.parse_args(words)
    out = given.out or given.result.with_suffix(".png")
    plot_evaluation(read_evaluation(given.result), out)
    sys.stdout.write(f"{out}\n")
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "doctor": _doctor,
    "explain": _explain,
    "plot": _plot,
    "statistics": _statistics,
}


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
        workers=given.workers,
        skip_broken=given.skip_broken,
        conventions=conventions_of(given.conventions),
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


def _check_place(path: Path) -> None:
    """Refuse a file that could not be written, before the work is done."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise MetricsError(f"the folder of {path} does not exist; make it first")
    if path.is_dir():
        raise MetricsError(f"{path} is a folder; name a file in it")
    if not is_special(path) and not os.access(folder, os.W_OK):
        raise MetricsError(f"the folder of {path} cannot be written; name another")


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise MetricsError(
            f"{path} cannot be written ({error.strerror}); name another place"
        ) from None


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


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads images takes."""
    defaults = Options()
    add = parser.add_argument
    add("--extractor", default=defaults.extractor, help="network, or network:layer")
    add(
        "--weights",
        action="append",
        default=[],
        metavar="FILE",
        help="weights of the network, or NETWORK=FILE; may be repeated",
    )
    add(
        "--as",
        dest="conventions",
        default=defaults.conventions.name,
        metavar="LIBRARY",
        help=f"the conventions of a library: {', '.join(PEERS)}",
    )
    add("--resize", choices=RESIZES, help="default: that of the conventions")
    add("--device", default=defaults.device, help="auto, cpu or cuda")
    add("--precision", default=defaults.precision, choices=get_args(Precision))
    add("--batch-size", type=int, default=defaults.batch_size)
    add("--limit", type=int, help="images a side at most, drawn by the seed")
    add("--seed", type=int, default=defaults.seed)
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR")
    add("--no-cache", action="store_true", help="neither read nor keep features")
    add("--workers", type=int, default=defaults.workers, help="threads that decode")
    add("--skip-broken", action="store_true", help="leave out unusable images")
    add("--replicates", type=int, default=defaults.replicates, help="for intervals")
    add("--quiet", action="store_true", help="no progress and no table")
