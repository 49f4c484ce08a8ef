import csv
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2].parent / "shared"


def read_rows(path):
    if not path.exists():
        pytest.skip(f"needs {path}, which is not there")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def published_tables():
    """Every row of the publication's result tables."""
    return read_rows(SHARED / "reference" / "hype_published_tables.csv")


@pytest.fixture(scope="session")
def real_judgments():
    """What 328 people answered to 13 generators, one row per person."""
    return read_rows(SHARED / "data" / "human-judgments" / "dgm-eval-cifar10.csv")
