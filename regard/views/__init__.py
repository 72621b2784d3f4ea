"""Alignment → terminal, picture, page. Each view takes Alignments and nothing else; none imports torch.

    labels     labels of a map, harmless and short; the sentence about the end marks
    ramp       weight → colour
    brush      one weight, one word in a terminal
    terminal   heatmap, show
    listing    the same as a list, if a map is too wide
    fonts      which fonts draw a text; font/ has the one that comes with Regard
    plotting   all use of matplotlib (the extra `plot`)
    figure     save_figure: PNG, SVG, PDF
    panel      one heat map of a picture
    notebook   an alignment as the result of a notebook's cell
    curves     save_curves: a score by length for several models
    chart      show_panels: numbers over steps or time, in the terminal
    panels     save_panels: the same as a picture
    binning    weights over seconds or boxes → columns or pixels, with their sum
    media      recordings and pictures made smaller, and as WAV and PNG files
    seconds, spectrum                        the axis and the spectrogram of a recording
    terminal_recording, terminal_picture     both in the terminal
    panel_recording, panel_picture           both in a picture
    heading    the texts around one panel of a picture
    page_media both in the page, with page-media.js
    panel_inside                             the words inside sentences, in a picture
    page       page, save_page: one HTML file, with page.html, page.css and five scripts

The names below are imported when they are first used, since rich and matplotlib are slow to import.
"""

from importlib import import_module
from typing import Any

PLACES = {
    "heatmap": "terminal",
    "show": "terminal",
    "save_figure": "figure",
    "save_curves": "curves",
    "show_panels": "chart",
    "save_panels": "panels",
    "font_for": "fonts",
    "save_page": "page",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module 'regard.views' has no attribute {name!r}")
    return getattr(import_module(f"regard.views.{PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(PLACES)
