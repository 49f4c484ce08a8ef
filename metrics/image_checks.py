"""What the images themselves say about how far to trust the numbers."""

from collections import Counter
from collections.abc import Sequence

from metrics.features import ImageFacts
from metrics.findings import Finding

_MUCH_ENLARGED = 2
_LOSSY = frozenset({"JPEG", "WEBP", "JPEG2000", "MPO"})
_MANY = 0.5
_EXAMPLES = 3


def check_images(
    real: Sequence[ImageFacts],
    fake: Sequence[ImageFacts],
    *,
    input_size: tuple[int, int] | None,
) -> list[Finding]:
    """Return what is remarkable about the images of two sides.

    Parameters
    ----------
    real, fake : sequence of ImageFacts
        Facts of either side; empty where only features are known.
    input_size : tuple of int or None
        The network's (height, width); None where it takes any size.

    Returns
    -------
    list of Finding
        ``duplicates``, ``overlap``, ``low-resolution``, ``grayscale``,
        ``size-mismatch``, ``mixed-sizes``, ``encoding-mismatch`` and ``converted``.
    """
    sides = (("real", real), ("generated", fake))
    findings: list[Finding] = []
    for name, facts in sides:
        if facts:
            findings += duplicate_images(facts, name=name)
            findings += mixed_sizes(facts, name=name)
            findings += converted_images(facts, name=name)
            if input_size is not None:
                findings += low_resolution(facts, name=name, input_size=input_size)
    if real and fake:
        findings += overlapping_images(real, fake)
        findings += gray_images(real, fake, is_resized=input_size is not None)
        findings += mismatched_sizes(real, fake)
        findings += mismatched_encodings(real, fake)
    return findings


def skipped_images(skipped: Sequence[str], *, name: str, n_used: int) -> list[Finding]:
    """Return a finding where images of a side could not be used.

    Parameters
    ----------
    skipped : sequence of str
        Why each was left out, one sentence each.
    name : str
        What the message calls the side.
    n_used : int
        Number of images that were used.

    Returns
    -------
    list of Finding
        ``skipped``, or nothing.
    """
    if not skipped:
        return []
    more = len(skipped) - _EXAMPLES
    return [
        Finding(
            "skipped",
            f"{len(skipped)} of the {len(skipped) + n_used} {name} images were left "
            f"out: {'; '.join(skipped[:_EXAMPLES])}"
            + (f"; and {more} more, all listed in the result." if more > 0 else "."),
        )
    ]


def duplicate_images(facts: Sequence[ImageFacts], *, name: str) -> list[Finding]:
    """Return a finding where a side holds the same pixels more than once.

    Parameters
    ----------
    facts : sequence of ImageFacts
        Facts of one side.
    name : str
        What the message calls the side.

    Returns
    -------
    list of Finding
        ``duplicates``, or nothing.
    """
    counts = Counter(fact.pixel_hash for fact in facts)
    extra = len(facts) - len(counts)
    if not extra:
        return []
    example = next(fact.name for fact in facts if counts[fact.pixel_hash] > 1)
    return [
        Finding(
            "duplicates",
            f"{extra} of the {len(facts)} {name} images repeat the pixels of another "
            f"({example} is one): neighbour-based metrics shrink their balls, and "
            "intervals are too narrow.",
        )
    ]


def overlapping_images(
    real: Sequence[ImageFacts], fake: Sequence[ImageFacts]
) -> list[Finding]:
    """Return a finding where the same pixels stand on both sides.

    Parameters
    ----------
    real, fake : sequence of ImageFacts
        Facts of either side.

    Returns
    -------
    list of Finding
        ``overlap``, or nothing.
    """
    known = {fact.pixel_hash for fact in real}
    copies = [fact for fact in fake if fact.pixel_hash in known]
    if not copies:
        return []
    return [
        Finding(
            "overlap",
            f"{len(copies)} of the {len(fake)} generated images are also among the "
            f"real ones ({copies[0].name} is one): copies look perfect to every "
            "metric but authenticity.",
        )
    ]


def mixed_sizes(facts: Sequence[ImageFacts], *, name: str) -> list[Finding]:
    """Return a finding where the images of a side differ in size.

    Parameters
    ----------
    facts : sequence of ImageFacts
        Facts of one side.
    name : str
        What the message calls the side.

    Returns
    -------
    list of Finding
        ``mixed-sizes``, or nothing.
    """
    sizes = {(fact.width, fact.height) for fact in facts}
    if len(sizes) == 1:
        return []
    small, large = min(sizes), max(sizes)
    return [
        Finding(
            "mixed-sizes",
            f"The {name} images have {len(sizes)} sizes, from {small[0]} x {small[1]} "
            f"to {large[0]} x {large[1]}: each was resized by itself.",
        )
    ]


def mismatched_sizes(
    real: Sequence[ImageFacts], fake: Sequence[ImageFacts]
) -> list[Finding]:
    """Return a finding where the two sides come in different sizes.

    Parameters
    ----------
    real, fake : sequence of ImageFacts
        Facts of either side.

    Returns
    -------
    list of Finding
        ``size-mismatch``, or nothing.
    """
    here, there = (
        Counter((fact.width, fact.height) for fact in side).most_common(1)[0][0]
        for side in (real, fake)
    )
    if here == there:
        return []
    return [
        Finding(
            "size-mismatch",
            f"Real images are mostly {here[0]} x {here[1]}, generated ones "
            f"{there[0]} x {there[1]}: they were resized differently, which the "
            "metrics see; bring both to one size the same way.",
        )
    ]


def mismatched_encodings(
    real: Sequence[ImageFacts], fake: Sequence[ImageFacts]
) -> list[Finding]:
    """Return a finding where one side is lossily compressed and the other not.

    Parameters
    ----------
    real, fake : sequence of ImageFacts
        Facts of either side.

    Returns
    -------
    list of Finding
        ``encoding-mismatch``, or nothing.
    """
    here, there = (
        sum(fact.encoding in _LOSSY for fact in side) / len(side)
        for side in (real, fake)
    )
    if (here > _MANY) == (there > _MANY):
        return []
    return [
        Finding(
            "encoding-mismatch",
            f"{here:.0%} of the real and {there:.0%} of the generated images are "
            "JPEG or another lossy format: the metrics see its blocks; save both in "
            "the same way.",
        )
    ]


def low_resolution(
    facts: Sequence[ImageFacts], *, name: str, input_size: tuple[int, int]
) -> list[Finding]:
    """Return a finding where a side is enlarged to more than twice its size.

    Parameters
    ----------
    facts : sequence of ImageFacts
        Facts of one side.
    name : str
        What the message calls the side.
    input_size : tuple of int
        The network's (height, width).

    Returns
    -------
    list of Finding
        ``low-resolution``, or nothing.
    """
    small = [
        fact
        for fact in facts
        if fact.height * _MUCH_ENLARGED <= input_size[0]
        or fact.width * _MUCH_ENLARGED <= input_size[1]
    ]
    if not small:
        return []
    least = min(small, key=lambda fact: fact.width * fact.height)
    return [
        Finding(
            "low-resolution",
            f"{len(small)} of the {len(facts)} {name} images are enlarged to "
            f"{input_size[1]} x {input_size[0]} from as little as {least.width} x "
            f"{least.height}: the choice of resize moves the numbers; compare only "
            "with results of the same size.",
        )
    ]


def gray_images(
    real: Sequence[ImageFacts], fake: Sequence[ImageFacts], *, is_resized: bool
) -> list[Finding]:
    """Return a finding where images are gray, above all on one side only.

    Parameters
    ----------
    real, fake : sequence of ImageFacts
        Facts of either side.
    is_resized : bool
        Whether the network is one for photographs of a fixed size; others may well be
        made for gray images.

    Returns
    -------
    list of Finding
        ``grayscale``, or nothing.
    """
    here, there = (sum(f.is_gray for f in side) / len(side) for side in (real, fake))
    if max(here, there) <= _MANY or (min(here, there) > _MANY and not is_resized):
        return []
    return [
        Finding(
            "grayscale",
            f"{here:.0%} of the real and {there:.0%} of the generated images are gray: "
            "a network trained on colour photographs judges them outside its domain.",
        )
    ]


def converted_images(facts: Sequence[ImageFacts], *, name: str) -> list[Finding]:
    """Return a finding where files were not plain 8-bit RGB or gray.

    Parameters
    ----------
    facts : sequence of ImageFacts
        Facts of one side.
    name : str
        What the message calls the side.

    Returns
    -------
    list of Finding
        ``converted``, or nothing.
    """
    counts = Counter(kind for fact in facts for kind in fact.conversions)
    if not counts:
        return []
    what = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    examples = [fact.name for fact in facts if fact.conversions][:_EXAMPLES]
    return [
        Finding(
            "converted",
            f"Some {name} images were converted to upright 8-bit RGB ({what}): "
            f"{', '.join(examples)}; convert them yourself if they should look "
            "otherwise.",
        )
    ]
