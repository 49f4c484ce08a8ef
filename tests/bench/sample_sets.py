"""How fast a large set comes in and is browsed, beside what bounds it.

That is: decoding on one core; decoding and packing on all; writing bare files on one.

    python -m tests.bench.sample_sets [--images 50000] [--side 64] [--format JPEG]

Uses a database and a file storage of its own, in a temporary folder.
"""

import argparse
import io
import multiprocessing
import os
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench.memory import peak_bytes_with_children

LEAST_IMAGES = 2000
N_REQUESTS = 20


def write_zip(path: Path, *, n: int, side: int, kind: str) -> None:
    """Write smooth random images, all different, as a stored zip."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(n):
            coarse = rng.integers(0, 256, (side // 4, side // 4, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize(
                (side, side), Image.Resampling.BICUBIC
            )
            buffer = io.BytesIO()
            image.save(buffer, kind)
            archive.writestr(f"{number:06d}.{kind.lower()}", buffer.getvalue())


def decode_all(path: Path) -> float:
    """Return the seconds that Pillow takes to decode every file of a zip."""
    started = time.perf_counter()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with Image.open(io.BytesIO(archive.read(name))) as image:
                image.convert("RGB").load()
    return time.perf_counter() - started


def write_all(folder: Path, *, n: int, n_bytes: int) -> float:
    """Return the seconds that writing as many files of that size takes."""
    data = os.urandom(n_bytes)
    folder.mkdir()
    started = time.perf_counter()
    for number in range(n):
        with (folder / str(number)).open("xb", buffering=0) as file:
            file.write(data)
    return time.perf_counter() - started


def pack_all(path: Path, *, n: int) -> float:
    """Return the seconds that all cores take to decode, pack and hash the files.

    It is the same work that an import does, by the same functions, with no pipe, file
    or row: as fast as an import could be.
    """
    from hypeweb.services.preparation import KEEP_MEMORY  # noqa: PLC0415

    os.environ.update(KEEP_MEMORY)
    n_cores = os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_cores, mp_context=spawn) as pool:
        for names in (range(n_cores), range(n)):  # the first until all have started
            parts = [names[first::n_cores] for first in range(n_cores)]
            times = list(pool.map(_pack, [path] * n_cores, parts))
    starts, ends = zip(*times, strict=True)
    return max(ends) - min(starts)


def _pack(path: Path, numbers: range) -> tuple[float, float]:
    """Return when packing these files of a zip began and when it ended."""
    from hypeweb.services.entries import Entry  # noqa: PLC0415
    from hypeweb.services.processing import process  # noqa: PLC0415

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        started = time.monotonic()
        entries = (Entry(names[i], archive.read(names[i])) for i in numbers)
        process(entries, size=None, store=lambda *_: None)
        return started, time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--format", default="JPEG", choices=["JPEG", "PNG"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hypeweb-bench-") as folder:
        os.environ["HYPE_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "hypeweb.settings"
        os.environ["DEBUG"] = "1"  # static files without collecting them
        import django  # noqa: PLC0415 - settings read the folder

        django.setup()
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("bench")
    n_cores = os.cpu_count() or 1
    print(  # noqa: T201
        " images  KB each  decode/s  pack/s  write/s  import/s  "
        "of pack  of pack and write  peak MiB"
    )
    for n in (LEAST_IMAGES, options.images):
        path = folder / f"{n}.zip"
        write_zip(path, n=n, side=options.side, kind=options.format)
        decode_s = decode_all(path)
        pack_s = pack_all(path, n=n)
        import_s, peak_bytes = _import(owner, path)
        n_bytes = _mean_bytes(str(n))
        write_s = write_all(folder / f"bare {n}", n=n, n_bytes=n_bytes)
        print(  # noqa: T201
            f"{n:7d} {n_bytes / 1000:8.0f} {n / decode_s:9.0f} {n / pack_s:7.0f} "
            f"{n / write_s:8.0f} {n / import_s:9.0f} {pack_s / import_s:8.2f} "
            f"{(pack_s + write_s / n_cores) / import_s:18.2f} "
            f"{peak_bytes / 2**20:9.0f}"
        )
    _browse(owner, options.images)


def _import(owner, path: Path) -> tuple[float, int]:
    """Return the seconds that an import takes, and its memory with its children's."""
    from hypeweb.models import SampleSet  # noqa: PLC0415
    from hypeweb.services import imports  # noqa: PLC0415

    sample_set = SampleSet(name=path.stem, owner=owner, origin="real")
    started = time.perf_counter()
    peak_bytes = peak_bytes_with_children(
        lambda: imports.import_directly(
            sample_set=sample_set, source=str(path), size=None
        )
    )
    return time.perf_counter() - started, peak_bytes


def _mean_bytes(name: str) -> int:
    from django.db.models import Avg  # noqa: PLC0415

    from hypeweb.models import Sample  # noqa: PLC0415

    found = Sample.objects.filter(sample_set__name=name)
    return int(found.aggregate(mean=Avg("size_bytes"))["mean"])


def _browse(owner, n: int) -> None:
    from django.test import Client  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415

    from hypeweb.models import SampleSet  # noqa: PLC0415

    client = Client(headers={"host": "localhost"})
    client.force_login(owner)
    made = SampleSet.objects.get(name=str(n))
    for name, query in (
        ("sample_set", {"page": "1"}),
        ("sample_set", {"page": str(n // 120)}),
        ("sample_set_report", {}),
    ):
        seconds = []
        for _ in range(N_REQUESTS):
            started = time.perf_counter()
            assert client.get(reverse(name, args=[made.pk]), query).status_code == 200
            seconds.append(time.perf_counter() - started)
        print(  # noqa: T201
            f"{name} {query}: median {1000 * np.median(seconds):.1f} ms, "
            f"longest {1000 * max(seconds):.1f} ms"
        )


if __name__ == "__main__":
    main()
