"""How fast a large set comes in and is browsed, beside bare decoding and bare files.

    python -m tests.bench.sample_sets [--images 50000] [--side 64] [--format JPEG]

Uses a database and a file storage of its own, in a temporary folder.
"""

import argparse
import io
import os
import resource
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

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


def peak_mib() -> float:
    """Return the most memory this process took, and as much as any of its children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


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
    print("images  decode/s   write/s  import/s  peak MiB  KB each")  # noqa: T201
    for n in (LEAST_IMAGES, options.images):
        path = folder / f"{n}.zip"
        write_zip(path, n=n, side=options.side, kind=options.format)
        decode_s = decode_all(path)
        import_s = _import(owner, path)
        n_bytes = _mean_bytes(str(n))
        write_s = write_all(folder / f"bare {n}", n=n, n_bytes=n_bytes)
        print(  # noqa: T201
            f"{n:6d} {n / decode_s:9.0f} {n / write_s:9.0f} {n / import_s:9.0f} "
            f"{peak_mib():9.0f} {n_bytes / 1000:8.0f}"
        )
    _browse(owner, options.images)


def _import(owner, path: Path) -> float:
    from hypeweb.models import SampleSet  # noqa: PLC0415
    from hypeweb.services import imports  # noqa: PLC0415

    started = time.perf_counter()
    imports.import_directly(
        sample_set=SampleSet(name=path.stem, owner=owner, origin="real"),
        source=str(path),
        size=None,
    )
    return time.perf_counter() - started


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
