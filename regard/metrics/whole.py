"""Is the whole output right? What counts for pronunciations and inflections."""

from collections.abc import Sequence

from regard.metrics.score import References, Score, check

SIGNATURE = "whole segments|any reference|white space at the ends ignored"


def exact(hypotheses: Sequence[str], references: References) -> Score:
    """Per cent of the outputs that equal one of their references."""
    check(hypotheses, references)
    pairs = zip(hypotheses, references, strict=True)
    right = sum(said.strip() in {text.strip() for text in texts} for said, texts in pairs)
    return Score("exact", 100.0 * right / len(hypotheses), SIGNATURE, higher_is_better=True)


def word_error(hypotheses: Sequence[str], references: References) -> Score:
    """Per cent of the outputs that equal none: the word error rate of grapheme-to-phoneme conversion."""
    return Score("word error", 100.0 - exact(hypotheses, references).value, SIGNATURE, higher_is_better=False)
