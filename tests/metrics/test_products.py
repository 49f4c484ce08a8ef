import pytest
import torch

from metrics import products
from metrics.products import row_products


@pytest.mark.parametrize("has_linear", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (300, 70, 2048)])
def test_row_products_are_those_of_float64(shape, dtype, has_linear, monkeypatch):
    monkeypatch.setattr(
        products,
        "_HAS_LINEAR",
        has_linear and products._HAS_LINEAR,  # noqa: SLF001 - nowhere else to ask
    )
    n1, n2, d = shape
    generator = torch.Generator().manual_seed(0)
    rows1, rows2 = (
        torch.randn(n, d, generator=generator, dtype=dtype) for n in (n1, n2)
    )

    found = row_products(rows1, rows2)

    assert found.dtype == dtype
    expected = rows1.double() @ rows2.double().T
    # at most d roundings of sums that wander to √d, half of them in either direction
    error = 4 * torch.finfo(dtype).eps * d
    assert (found - expected).abs().max() <= error
