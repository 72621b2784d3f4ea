"""Regard turns pairs into a model that shows what it regards.

    model = regard.load("runs/en-zh")
    alignment = model.translate(["Tom chases Jerry."])[0][0]
    print(regard.heatmap(alignment))

The public names below are imported when they are first used; nothing is computed here. In a notebook, an alignment as
the last line of a cell shows itself.
"""

import sys
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "Aligned": "regard.analysis.align",
    "Alignment": "regard.alignment.alignment",
    "Attention": "regard.attention.attention",
    "EncoderDecoder": "regard.model.encoder_decoder",
    "Evaluation": "regard.analysis.evaluate",
    "Hypothesis": "regard.search.hypothesis",
    "KerasLayers": "regard.run.keras_weights",
    "KerasWords": "regard.run.keras_weights",
    "RegardError": "regard.errors",
    "Run": "regard.run.directory",
    "Translator": "regard.translator",
    "align": "regard.api",
    "evaluate": "regard.api",
    "from_keras": "regard.run.keras_weights",
    "heatmap": "regard.views.terminal",
    "load": "regard.run.directory",
    "save_figure": "regard.views.figure",
    "save_page": "regard.views.page",
    "show": "regard.views.terminal",
    "train": "regard.api",
}

__all__ = ["__version__", *sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'regard' has no attribute {name!r}; expected one of {', '.join(_PLACES)}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
    from regard.views.notebook import register

    register(shell)
