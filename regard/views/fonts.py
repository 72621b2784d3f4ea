"""Which fonts can draw a text.

For each character, matplotlib uses the first font of a list that has it. So the list is made for the text: a Latin font
first, then a Chinese one, then any font that has missing characters. `font/regard-hanzi.ttf` comes with Regard, so that
common Chinese can be drawn on a machine without a Chinese font.
"""

import warnings
from functools import cache
from pathlib import Path

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
OWN = "Regard Hanzi"
OWN_FILE = str(Path(__file__).parent / "font" / "regard-hanzi.ttf")
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
    """Font families that together draw the text, best first, and the characters that none has.

    A font that was installed after matplotlib made its list is found, too. The list ends in `sans-serif`, so that a
    browser can choose a font for the other characters.
    """
    families, missing = _chosen(text)
    if missing and _found_new():
        families, missing = _chosen(text)
    return [*families, "sans-serif"], "".join(sorted(missing))


def _chosen(text: str) -> tuple[list[str], set[str]]:
    missing = {character for character in text if not character.isspace()}
    installed = _installed()
    families = [family for family in LATIN if family in installed][:1] or ["DejaVu Sans"]
    missing -= _has(families[0], missing)
    for family in (*LATIN, *CHINESE, OWN, *installed):
        added = _has(family, missing) if missing else set()
        if added:
            families.append(family)
            missing -= added
    return families, missing


def font_for(text: str) -> str | None:
    """The one font that draws the whole text, by preference; None if there is none."""
    wanted = {character for character in text if not character.isspace()}
    families = (*LATIN, *CHINESE, OWN, *_installed())
    return next((family for family in families if _has(family, wanted) == wanted), None)


def character_count(family: str) -> int:
    """How many characters the font has."""
    return len(_covered(_installed()[family]))


def warn_missing(missing: str) -> None:
    """Warn, once in a process, that characters are drawn as boxes, and say what to install."""
    if not missing:
        return
    east_asian = any(low <= ord(character) <= high for character in missing for low, high in EAST_ASIAN)
    packages = "fonts-noto-cjk or fonts-wqy-zenhei" if east_asian else "fonts-noto-core"
    shown = missing[:12] + ("…" if len(missing) > 12 else "")
    _warn_once(
        f"No font here has {shown}: they are drawn as boxes. Install one, for instance: sudo apt install {packages} "
        "(an SVG or the HTML page shows them wherever the browser has a font)."
    )


@cache  # Python's own memory of warnings is lost with every `catch_warnings`
def _warn_once(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _has(family: str, characters: set[str]) -> set[str]:
    file = _installed().get(family)
    covered = _covered(file) if file else frozenset()
    return {character for character in characters if ord(character) in covered}


@cache
def _installed() -> dict[str, str]:
    """Family → file, of upright fonts, with the font that comes with Regard."""
    if all(entry.fname != OWN_FILE for entry in font_manager.fontManager.ttflist):
        font_manager.fontManager.addfont(OWN_FILE)
    entries = [entry for entry in font_manager.fontManager.ttflist if entry.style == "normal"]
    return {entry.name: entry.fname for entry in entries if not entry.name.startswith(UNREADABLE)}


@cache
def _covered(file: str) -> frozenset[int]:
    """Code points that the font has; none if matplotlib cannot read it."""
    try:
        return frozenset(font_manager.get_font(file).get_charmap())
    except (OSError, RuntimeError):  # pictures instead of outlines (colour emoji), or a broken file
        return frozenset()


def _found_new() -> bool:
    """Add the fonts that were installed after matplotlib made its list; whether there are any.

    matplotlib keeps its list in a file of the user's and does not look again.
    """
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    count = len(known)
    for file in font_manager.findSystemFonts():
        if file not in known:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError, ValueError, AttributeError, KeyError):  # no font that matplotlib can read
                continue
            known.add(file)
    _installed.cache_clear()
    return len(known) > count
