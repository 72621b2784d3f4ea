"""Recipes: small frozen models, one per stage, and how a file and `--set a.b=c` become one of them.

Config lives here, at the edge. The section of a kind of source, an encoder, a decoder or an output layer builds it,
`model/build.py` puts the model together; no module ever sees a section.
"""

from regard.config.data import DataConfig
from regard.config.model import AttentionConfig, EmbeddingsConfig, ModelConfig
from regard.config.recipe import BEFORE, Config, adapted, dump, fill, load_recipe, parse, value_of
from regard.config.search import SearchConfig
from regard.config.section import Section
from regard.config.sources import SideConfig, TextConfig
from regard.config.stage import (
    DecoderConfig,
    DecoderParts,
    DropoutConfig,
    EncoderConfig,
    EncoderParts,
    OutputConfig,
    OutputParts,
    SourceConfig,
)
from regard.config.training import (
    GuidedAlignmentConfig,
    HardConfig,
    ScheduleConfig,
    TemperatureConfig,
    TrainingConfig,
)

__all__ = [
    "BEFORE",
    "AttentionConfig",
    "Config",
    "DataConfig",
    "DecoderConfig",
    "DecoderParts",
    "DropoutConfig",
    "EmbeddingsConfig",
    "EncoderConfig",
    "EncoderParts",
    "GuidedAlignmentConfig",
    "HardConfig",
    "ModelConfig",
    "OutputConfig",
    "OutputParts",
    "ScheduleConfig",
    "SearchConfig",
    "Section",
    "SideConfig",
    "SourceConfig",
    "TemperatureConfig",
    "TextConfig",
    "TrainingConfig",
    "adapted",
    "dump",
    "fill",
    "load_recipe",
    "parse",
    "value_of",
]
