"""Recordings: samples → rows of features. numpy only.

framing    which samples, and which seconds, a row stands for
features   log-mel rows, and their normalisation
augment    differences over time, and for training masks and other speeds
"""

from regard.data.speech.augment import change_speed, change_speed_of_samples, spec_augment, with_deltas
from regard.data.speech.features import log_mel, normalize
from regard.data.speech.framing import Framing

__all__ = [
    "Framing",
    "change_speed",
    "change_speed_of_samples",
    "log_mel",
    "normalize",
    "spec_augment",
    "with_deltas",
]
