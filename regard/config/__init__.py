"""Recipes: small frozen models, one per stage, and how a file and `--set a.b=c` become one of them.

Config lives here, at the edge. `build.py` turns it into objects; no module ever sees it.
"""

from regard.config.data import DataConfig, SideConfig
from regard.config.model import AttentionConfig, DecoderConfig, DropoutConfig, EncoderConfig, ModelConfig
from regard.config.recipe import BEFORE, Config, SearchConfig, adapted, dump, fill, load_recipe, parse, value_of
from regard.config.training import HardConfig, ScheduleConfig, TemperatureConfig, TrainingConfig

__all__ = [
    "BEFORE",
    "AttentionConfig",
    "Config",
    "DataConfig",
    "DecoderConfig",
    "DropoutConfig",
    "EncoderConfig",
    "HardConfig",
    "ModelConfig",
    "ScheduleConfig",
    "SearchConfig",
    "SideConfig",
    "TemperatureConfig",
    "TrainingConfig",
    "adapted",
    "dump",
    "fill",
    "load_recipe",
    "parse",
    "value_of",
]
