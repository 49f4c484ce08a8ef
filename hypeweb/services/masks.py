"""The masks of a HYPE_time study, made of its own images."""

import numpy as np
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from hypeweb.models import Mask, Sample, SampleSet, Study
from hypeweb.models.studies import N_MASKS
from hypeweb.science.masks import block_scramble, phase_scramble
from hypeweb.services import samples, tokens
from hypeweb.services.images import decode, encode
from hypeweb.services.preparation import store_png

BLOCKS_PER_SIDE = 8


@transaction.atomic
def make_masks(study_id: int) -> None:
    """Make a timed study's masks once, half of real and half of generated images."""
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    if not study.is_timed or study.masks.exists():
        return
    rng = np.random.default_rng(study.seed)
    generated = [arm.sample_set for arm in study.arms.select_related("sample_set")]
    for position in range(N_MASKS):
        sample_set = (
            study.real_set
            if position % 2
            else generated[position // 2 % len(generated)]
        )
        pixels = _scramble(_draw(sample_set, rng), rng)
        encoded = encode(Image.fromarray(pixels), size=None)
        key = f"masks/{encoded.content_hash}.png"
        store_png(key, encoded.png)
        Mask.objects.create(
            study=study, position=position, token=tokens.make(), storage_key=key
        )


def maskless() -> list[int]:
    """Return timed studies that still wait for their masks."""
    timed = Study.objects.filter(protocol=Study.Protocol.HYPE_TIME, masks__isnull=True)
    return list(timed.values_list("pk", flat=True))


def read_png(mask: Mask) -> bytes:
    """Return the stored bytes of a mask."""
    with default_storage.open(mask.storage_key) as file:
        data: bytes = file.read()
    return data


def _draw(sample_set: SampleSet, rng: np.random.Generator) -> Image.Image:
    position = int(rng.integers(sample_set.n_samples))
    sample = Sample.objects.get(sample_set=sample_set, position=position)
    return decode(samples.read_png(sample))


def _scramble(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Scramble places, then phases: neither objects nor their layout survive."""
    n_per_side = min(BLOCKS_PER_SIDE, *image.size)
    blocks = block_scramble(np.asarray(image), n_per_side=n_per_side, rng=rng)
    return phase_scramble(blocks, rng)
