"""The report's galleries, and where people and metrics part: words beside images."""

from dataclasses import dataclass

from hypeweb.services.image_findings import ArmImages, ImageFinding, StudyImages


@dataclass(frozen=True)
class ImageLine:
    """One image with what is said of it, and the real image beside it."""

    sample_id: int
    real_sample_id: int | None
    text: str


@dataclass(frozen=True)
class Gallery:
    """Images that stand out for one reason."""

    title: str
    origin: str
    statement: str
    lines: tuple[ImageLine, ...]


@dataclass(frozen=True)
class ImagesSection:
    """The images of a report that stand out, and those the two halves judge apart."""

    galleries: tuple[Gallery, ...]
    disagreements: tuple[Gallery, ...]
    statements: tuple[str, ...]


def images_section(found: StudyImages | None) -> ImagesSection | None:
    """Return the galleries of what the worker found; None before it looked."""
    if found is None:
        return None
    galleries, apart, statements = [], [], []
    for arm in found.arms:
        galleries += [*_deceptive(arm), *_outliers(arm)]
        apart += _apart(arm)
        if (
            arm.n_judged
            and arm.n_placed
            and not (arm.deceiving_outliers or arm.obvious_insiders)
        ):
            statements.append(
                f"“{arm.arm}”: of no image both halves are clear and contradict "
                "each other."
            )
    if found.reals and found.real_mean is not None:
        mean = f"{100 * found.real_mean:.0f} %"
        galleries.append(
            Gallery(
                title="Real images most often called fake",
                origin="real",
                statement=f"On average a real image is called fake in {mean}.",
                lines=tuple(_line(one, "called fake") for one in found.reals),
            )
        )
    return ImagesSection(tuple(galleries), tuple(apart), tuple(statements))


def _deceptive(arm: ArmImages) -> list[Gallery]:
    if not arm.most or arm.mean is None:
        return []
    differ = (
        f"{arm.n_above} of {arm.n_judged} images deceive clearly more than the mean, "
        f"{arm.n_below} clearly less."
        if arm.n_above or arm.n_below
        else f"Of {arm.n_judged} images none is clearly above or below the mean: "
        "the order below may be chance."
    )
    mean = f"On average an image is taken for real in {100 * arm.mean:.0f} %. {differ}"
    return [
        Gallery(
            f"Most deceptive of {arm.arm}",
            "generated",
            mean,
            tuple(_line(one, "taken for real") for one in arm.most),
        ),
        Gallery(
            f"Least deceptive of {arm.arm}",
            "generated",
            "",
            tuple(_line(one, "taken for real") for one in arm.least),
        ),
    ]


def _outliers(arm: ArmImages) -> list[Gallery]:
    if not arm.outliers:
        return []
    return [
        Gallery(
            f"Metric outliers of {arm.arm}",
            "generated",
            f"{arm.n_outside} of {arm.n_placed} images lie outside the real manifold; "
            "here those farthest from any real image.",
            tuple(_line(one, "taken for real") for one in arm.outliers),
        )
    ]


def _apart(arm: ArmImages) -> list[Gallery]:
    named = (
        (
            f"People say real, metrics say odd: {arm.arm}",
            (
                "Taken for real clearly more often than the mean, and outside the real "
                "manifold."
            ),
            arm.deceiving_outliers,
        ),
        (
            f"Metrics say fine, people say fake: {arm.arm}",
            (
                "Within the real manifold, and seen through clearly more often than "
                "the mean."
            ),
            arm.obvious_insiders,
        ),
    )
    return [
        Gallery(
            title,
            "generated",
            statement,
            tuple(_line(one, "taken for real") for one in found),
        )
        for title, statement, found in named
        if found
    ]


def _line(one: ImageFinding, what: str) -> ImageLine:
    said = "not judged"
    if one.rate is not None and one.low is not None and one.high is not None:
        said = (
            f"{what} {one.n_wrong} of {one.n_judged} times: {100 * one.rate:.0f} % "
            f"[{100 * one.low:.0f}, {100 * one.high:.0f}]"
        )
    where = {True: "; within", False: "; outside", None: ""}[one.is_inside]
    distance = "" if one.distance is None else f", {one.distance:.2f} to the nearest"
    return ImageLine(one.sample_id, one.real_sample_id, f"{said}{where}{distance}")
