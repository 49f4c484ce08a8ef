import contextlib

import pytest
import torch

from metrics.processor import bfloat16_units


@pytest.mark.parametrize(
    ("capabilities", "units"),
    [
        ({"avx512_bf16": True, "amx_bf16": False, "avx2": True}, ("avx512_bf16",)),
        ({"avx512_f": True, "avx512_bf16": False}, ()),
        ({"neon": True, "bf16": True}, ("bf16",)),
    ],
)
def test_bfloat16_units_are_those_of_the_processor(monkeypatch, capabilities, units):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities)

    assert bfloat16_units("cpu") == units


@pytest.mark.parametrize(("is_supported", "units"), [(True, ("H1",)), (False, ())])
def test_bfloat16_units_of_a_gpu_are_its_own(monkeypatch, is_supported, units):
    asked = []

    def supported(*, including_emulation):
        return is_supported and not including_emulation

    def on(device):
        asked.append(device)
        return contextlib.nullcontext()

    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H1")

    assert bfloat16_units("cuda:1") == units
    assert asked == ["cuda:1"]
