"""Decoders: `begin` once per source, `advance` once per token, `forward` for all tokens of a known target at once.
Output layers: what a decoder comes to → log-probabilities.
"""

from regard.decoders.table import DECODERS, OUTPUTS

__all__ = ["DECODERS", "OUTPUTS"]
