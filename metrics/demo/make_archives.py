"""Write the archive of real digits: ``python -m metrics.demo.make_archives``.

Needs scikit-learn, which only this script does: the archive is committed.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits

from metrics.demo.archives import REAL, Digits, sha256_of, write_archive


def read_published_digits() -> Digits:
    """Return the digits as scikit-learn ships them.

    Returns
    -------
    Digits
        1,797 images with their labels, in the published order.

    References
    ----------
    .. [1] Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI
       Machine Learning Repository (1998), doi:10.24432/C50P49.
    """
    bunch = load_digits()
    return Digits(bunch.images.astype(np.uint8), bunch.target.astype(np.int64))


def main() -> None:
    """Write the archive and print its hash."""
    REAL.parent.mkdir(exist_ok=True)
    write_archive(REAL, read_published_digits())
    size_bytes = REAL.stat().st_size
    sys.stdout.write(f"{REAL.name}  {size_bytes:,} bytes  sha256 {sha256_of(REAL)}\n")


if __name__ == "__main__":
    main()
