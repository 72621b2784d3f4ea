"""Decoders: `begin` once per source, `advance` once per token, `forward` for all tokens of a known target at once.
Output layers: what a decoder comes to → log-probabilities.

The tables name the section of each, which says what keys a recipe has for it and builds it: `config/stage.py` shows how
to add one.
"""

from regard.registry import Table

DECODERS = Table(
    "decoder",
    "regard.config",
    {
        "bahdanau": "decoders:BahdanauDecoderConfig",
        "luong": "decoders:LuongDecoderConfig",
        "conditional": "decoders:ConditionalDecoderConfig",
        "fixed": "decoders:FixedDecoderConfig",
        "transformer": "decoders:TransformerDecoderConfig",
    },
    group="regard.decoders",
)

OUTPUTS = Table("output layer", "regard.config", {"linear": "outputs:LinearOutputConfig"}, group="regard.outputs")
