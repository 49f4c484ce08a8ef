"""Declare the torchvision operators that a CPU build of torch lacks.

torchvision has no CPU build in the package index: beside a CPU torch its compiled
operators do not load, and importing it (or a TorchScript file made with it) stops at
``torchvision::nms``. Declaring the schemas is enough, because nothing here calls them:
boxes are not suppressed and images are decoded with Pillow.
"""

from functools import cache

import torch

_SCHEMAS = {
    name: f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms")
}


@cache
def declare_missing_operators() -> tuple[torch.library.Library, ...]:
    """Return the libraries that declare what torchvision's import asks for.

    Returns
    -------
    tuple of torch.library.Library
        Empty where the operators exist. The result is cached, because a
        declaration lives as long as its library object.
    """
    libraries = []
    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library(  # type: ignore[no-untyped-call]
                "torchvision", "FRAGMENT"
            )
            library.define(schema)  # type: ignore[no-untyped-call]
            libraries.append(library)
    return tuple(libraries)
