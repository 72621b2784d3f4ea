"""Decoders: `begin` once per source, `advance` once per token, `forward` for all tokens of a known target at once."""

from regard.registry import Table

DECODERS = Table(
    "decoder",
    "regard.decoders",
    {
        "bahdanau": "bahdanau:BahdanauDecoder",
        "luong": "luong:LuongDecoder",
        "conditional": "conditional:ConditionalDecoder",
        "fixed": "fixed:FixedDecoder",
        "transformer": "transformer:TransformerDecoder",
    },
)
