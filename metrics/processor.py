"""What the processor or GPU at hand is fast at."""

import torch

_UNITS = ("avx512_bf16", "amx_bf16", "sve_bf16", "bf16")


def bfloat16_units(device: str) -> tuple[str, ...]:
    """Return what speeds up bfloat16 on a device.

    Parameters
    ----------
    device : str
        ``cpu`` or a ``cuda`` device.

    Returns
    -------
    tuple of str
        Names of the processor's instructions, or of the GPU; empty where bfloat16 is
        imitated, and so slower than float32.
    """
    if device.startswith("cuda"):
        with torch.cuda.device(device):
            has_units = torch.cuda.is_bf16_supported(including_emulation=False)
            return (torch.cuda.get_device_name(),) if has_units else ()
    capabilities = torch.cpu.get_capabilities()
    return tuple(unit for unit in _UNITS if capabilities.get(unit))
