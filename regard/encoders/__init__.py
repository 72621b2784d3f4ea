"""Encoders: Batch → Memory."""

from regard.attention.table import Table

ENCODERS = Table(
    "encoder",
    "regard.encoders",
    {"recurrent": "recurrent:RecurrentEncoder", "transformer": "transformer:TransformerEncoder"},
)
