"""Names made to fit the place they have."""

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

NEVER_FIRST = "%↑↓"


def width_pt(text: str, *, size: float, weight: str = "normal") -> float:
    """Return how wide a line of text is drawn."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    wide, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(wide)


def fitted(
    text: str, room_pt: float, *, size: float, weight: str = "normal", n_lines: int = 2
) -> str:
    """Return text in lines that fit; what has no room goes from before its end.

    Names of a study's arms often differ in their ends alone.
    """

    def fits(line: str) -> bool:
        return width_pt(line, size=size, weight=weight) <= room_pt

    lines: list[str] = []
    rest = text
    while not fits(rest) and len(lines) < n_lines - 1:
        ends = [
            at
            for at in range(1, len(rest) - 1)
            if rest[at] == " " and rest[at + 1] not in NEVER_FIRST
        ]
        # A word that is too long breaks anywhere.
        ends = [at for at in ends if fits(rest[:at])] or [
            at for at in range(1, len(rest)) if at == 1 or fits(rest[:at])
        ]
        lines.append(rest[: ends[-1]])
        rest = rest[ends[-1] :].lstrip()
    if not fits(rest):
        tails = (f"…{rest[at:]}" for at in range(1, len(rest)))
        rest = next((tail for tail in tails if fits(tail)), "…")
    return "\n".join([*lines, rest])
