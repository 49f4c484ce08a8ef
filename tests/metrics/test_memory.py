import pytest
import torch

from metrics.memory import is_out_of_memory


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shape '[5, 7]' is invalid"), False),
    ],
)
def test_is_out_of_memory_knows_kinds_and_words(error, is_memory):
    assert is_out_of_memory(error) == is_memory
