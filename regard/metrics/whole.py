"""Exact match of whole outputs: for pronunciations, inflections and labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

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


def accuracy(hypotheses: Sequence[str], references: References) -> Score:
    """The same as `exact`, by its name for labels."""
    return replace(exact(hypotheses, references), name="accuracy")


def macro_f1(hypotheses: Sequence[str], references: References) -> Score:
    """The mean over labels of F1, so that a rare label counts as much as a frequent one.

        F1 = 2 · right / (outputs of the label + references of the label)

    A label is one that occurs among the references or the outputs. Of several references, an output that equals one is
    held against that, any other against the first.
    """
    hypotheses, references = prepared(hypotheses, references)
    wanted = [said if said in texts else texts[0] for said, texts in zip(hypotheses, references, strict=True)]
    right = Counter(said for said, text in zip(hypotheses, wanted, strict=True) if said == text)
    counts = Counter(hypotheses) + Counter(wanted)
    value = sum(2 * right[label] / count for label, count in counts.items()) / len(counts)
    return Score("macro F1", 100.0 * value, f"{SIGNATURE}|labels:references or outputs", higher_is_better=True)
