"""Alignment: units of the source, units of the target, and the weights between them. numpy only.

    alignment    the record that every view takes
    units        tokens → units → words, or any given segmentation
    inside       the words inside sentences that were made of them
    shown        which units a reader is shown
    linking      weights → links
    pharaoh      links ⇄ `0-0 1-2`
    symmetrize   the links of two directions made into one
    agreement    links of a whole corpus, from its words alone: two Markov models agree
    markov       the model of one direction
    error_rate   AER, precision, recall
    pointing     weights against gold stretches of a recording and boxes of a picture
    io           JSON and NPZ

The names below are imported when they are first used.
"""

from importlib import import_module
from typing import Any

from regard.alignment.table import JOINS, SYMMETRIZATIONS

_PLACES = {
    "Alignment": "alignment",
    "AlignmentErrors": "error_rate",
    "Gold": "linking",
    "Links": "linking",
    "Pointing": "pointing",
    "Unit": "alignment",
    "agreed_links": "agreement",
    "align": "units",
    "alignment_errors": "error_rate",
    "blind_centre": "pointing",
    "blind_diagonal": "pointing",
    "blind_uniform": "pointing",
    "format_gold": "pharaoh",
    "format_links": "pharaoh",
    "likely_links": "agreement",
    "links": "linking",
    "links_above": "linking",
    "load_json": "io",
    "load_npz": "io",
    "mean_pointing": "pointing",
    "parse_gold": "pharaoh",
    "parse_links": "pharaoh",
    "pointing_scores": "pointing",
    "regroup": "units",
    "regrouped": "shown",
    "reverse": "linking",
    "save_json": "io",
    "save_npz": "io",
    "to_record": "io",
    "word_spans": "units",
    "words": "units",
}

__all__ = ["JOINS", "SYMMETRIZATIONS", *sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; expected one of {', '.join(_PLACES)}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
