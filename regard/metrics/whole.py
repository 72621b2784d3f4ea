"""Exact match of whole outputs, for pronunciations and inflections."""

from collections.abc import Sequence

from regard.metrics.score import References, Score, prepared

SIGNATURE = "whole segments|any reference|space:one"


def exact(hypotheses: Sequence[str], references: References) -> Score:
    """Per cent of the outputs that equal one of their references."""
    hypotheses, references = prepared(hypotheses, references)
    right = sum(said in texts for said, texts in zip(hypotheses, references, strict=True))
    return Score("exact", 100.0 * right / len(hypotheses), SIGNATURE, higher_is_better=True)


def word_error(hypotheses: Sequence[str], references: References) -> Score:
    """Per cent of the outputs that equal none: the word error rate of grapheme-to-phoneme conversion."""
    return Score("word error", 100.0 - exact(hypotheses, references).value, SIGNATURE, higher_is_better=False)
