"""Training: one visible loop over finished objects.

Read in this order: loop.py (the loop), objective.py (what it makes small; score_function.py where the attention
samples), session.py (what happens between two updates), learner.py (what an update changes), checkpoint.py (how that
survives a kill), distributed.py (several workers as one); then schedules, temperature, stopping, averaging, and the
listeners.
"""

from importlib import import_module
from typing import Any

from regard.training.table import OPTIMIZERS, SCHEDULES

_PLACES = {
    "Annealing": "temperature",
    "Checkpoints": "checkpoint",
    "CrossEntropy": "objective",
    "Goal": "stopping",
    "Interrupted": "interrupt",
    "Learner": "learner",
    "Limits": "stopping",
    "MetricsFile": "metrics_file",
    "MovingAverage": "averaging",
    "Plan": "plan",
    "Progress": "progress",
    "ProgressBar": "progress_bar",
    "ScoreFunction": "score_function",
    "TensorBoard": "tensorboard",
    "World": "distributed",
    "apply": "weights",
    "load_weights": "weights",
    "mean_loss": "validation_loss",
    "save_weights": "weights",
    "train": "loop",
}

__all__ = ["OPTIMIZERS", "SCHEDULES", *sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'regard.training' has no attribute {name!r}")
    return getattr(import_module(f"regard.training.{_PLACES[name]}"), name)
