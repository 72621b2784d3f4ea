"""Training: one loop over objects that are already built. Read in this order:

loop             the training loop
objective        the loss; `score_function` is the loss for attention that samples, and `coverage`,
                 `doubly_stochastic`, `ctc` are terms beside it
session          what happens between two updates: count, report, validate, save, stop
learner          everything that an update reads and changes
checkpoint       saves it, so that a run can be resumed after a kill
distributed      several workers that train one model
schedules, temperature, stopping, averaging, validation_loss
events           what the loop tells its listeners: metrics_file, progress_bar, tensorboard
table            the names of optimisers and schedules in a recipe
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
