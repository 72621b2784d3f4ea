"""Search: from a step function to outputs. It knows no model: `step(tokens, state) → Step`, `state.select(rows)`.

    greedy     the most probable token at every step        walking.py
    sample     drawn tokens                                 sampling.py
    force      the score of a given target                  forcing.py
    rank       what else could have stood at each step      forcing.py
    beam       the best outputs of a beam                   beams.py, with front.py, harvest.py and ranking.py
    Ensemble   several step functions as one                ensemble.py
    Shortlist  a step function over part of the vocabulary  shortlist.py

Into greedy search and a beam, further sentences can enter where others have ended (groups.py). Where there is compiled
code for the model, it takes the steps of both by itself (unattended.py, books.py, beam.c).
All searches return `Hypothesis`, each with its weights, and bound the output by a `LengthLimit`. A search opens no
gradient context of its own: call it under `torch.inference_mode()`. Names are imported when they are first used.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "Ensemble": "ensemble",
    "EnsembleState": "ensemble",
    "Hypothesis": "hypothesis",
    "LengthLimit": "limits",
    "ListedState": "shortlist",
    "ListedStep": "shortlist",
    "ProjectedStep": "choices",
    "Ranked": "forcing",
    "Ranking": "ranking",
    "Shortlist": "shortlist",
    "StepFunction": "choices",
    "beam": "beams",
    "force": "forcing",
    "greedy": "walking",
    "rank": "forcing",
    "sample": "sampling",
}

__all__ = [*sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; expected one of {', '.join(_PLACES)}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
