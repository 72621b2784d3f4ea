"""Which installed fonts can draw a text.

matplotlib takes, for each character, the first font of a list that has it. So the list is made for the text: a
Latin font first, then whichever installed font covers most of what is still missing.
"""

import warnings
from functools import cache

from regard.views.plotting import font_manager

LATIN = ("Inter", "Source Sans 3", "Noto Sans", "Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
# Chinese first in the forms of the mainland; any other installed font is tried after these.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Heiti SC",
    "SimHei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)
UNREADABLE = ("Last Resort", "LastResort")  # boxes for every character: drawing them is not covering them
EAST_ASIAN = (
    (0x1100, 0x11FF),
    (0x2E80, 0xA4CF),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)


def fonts_for(text: str) -> tuple[list[str], str]:
    """Font families that together draw the text, best first, and the characters that no installed font has.

    The list ends in `sans-serif`, which lets the reader's browser go on where the fonts of this machine stop.
    """
    missing = {character for character in text if not character.isspace()}
    installed = _installed()
    families = [family for family in LATIN if family in installed][:1] or ["DejaVu Sans"]
    missing -= _has(families[0], missing)
    for family in (*LATIN, *CHINESE, *installed):
        added = _has(family, missing) if missing else set()
        if added:
            families.append(family)
            missing -= added
    return [*families, "sans-serif"], "".join(sorted(missing))


def font_for(text: str) -> str | None:
    """The one installed font that draws the whole text, by preference; None if there is none."""
    wanted = {character for character in text if not character.isspace()}
    return next((family for family in (*LATIN, *CHINESE, *_installed()) if _has(family, wanted) == wanted), None)


def warn_of(missing: str) -> None:
    """One warning that says which characters are drawn as boxes and what to install; nothing if none are."""
    if not missing:
        return
    east_asian = any(low <= ord(character) <= high for character in missing for low, high in EAST_ASIAN)
    packages = "fonts-noto-cjk or fonts-wqy-zenhei" if east_asian else "fonts-noto-core"
    shown = missing[:12] + ("…" if len(missing) > 12 else "")
    warnings.warn(
        f"No installed font has {shown}: they are drawn as boxes. Install one, for instance: sudo apt install "
        f"{packages} (an SVG or the HTML page shows them wherever the browser has a font).",
        stacklevel=3,
    )


def _has(family: str, characters: set[str]) -> set[str]:
    file = _installed().get(family)
    covered = _covered(file) if file else frozenset()
    return {character for character in characters if ord(character) in covered}


@cache
def _installed() -> dict[str, str]:
    """Family → file, of the fonts in an upright style."""
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.style == "normal"]
    return {entry.name: entry.fname for entry in entries if not entry.name.startswith(UNREADABLE)}


@cache
def _covered(file: str) -> frozenset[int]:
    """Code points that the font has; none if matplotlib cannot read it."""
    try:
        return frozenset(font_manager.get_font(file).get_charmap())
    except (OSError, RuntimeError):  # pictures instead of outlines (colour emoji), or a broken file
        return frozenset()
