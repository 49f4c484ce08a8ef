import numpy as np

from tests.bench.memory import peak_bytes_of

SIZE_BYTES = 64 << 20


def touch(size_bytes):
    return np.ones(size_bytes, np.uint8).sum()


def test_peak_bytes_of_counts_the_work_and_nothing_before_it():
    touch(4 * SIZE_BYTES)

    found = peak_bytes_of(lambda: touch(SIZE_BYTES))

    assert SIZE_BYTES / 2 < found < 2 * SIZE_BYTES
