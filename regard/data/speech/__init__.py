"""Recordings: samples → rows of features. numpy only.

framing    which samples, and which seconds, a row stands for
features   log-mel rows, and their normalisation
"""

from regard.data.speech.features import log_mel, normalize
from regard.data.speech.framing import Framing

__all__ = ["Framing", "log_mel", "normalize"]
