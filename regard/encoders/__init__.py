"""Encoders: Batch → Memory."""

from regard.encoders.table import ENCODERS

__all__ = ["ENCODERS"]
