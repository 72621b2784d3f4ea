"""Encoders: Batch → Memory."""

from regard.registry import Table

ENCODERS = Table(
    "encoder",
    "regard.encoders",
    {"recurrent": "recurrent:RecurrentEncoder", "transformer": "transformer:TransformerEncoder"},
)
