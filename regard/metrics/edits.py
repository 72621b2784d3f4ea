"""Word and character error rate, and edit distance, by jiwer.

    WER = (substitutions + deletions + insertions) / words of the reference, over the corpus

For pronunciations and other strings of symbols, WER is the error rate of the symbols. Of several references, the one
with the fewest edits counts (the longest among equals).
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import jiwer

from regard.metrics.score import References, Score, prepared


def wer(hypotheses: Sequence[str], references: References) -> Score:
    """Edits of words, in per cent of the words of the references; can exceed 100."""
    return _rate("WER", jiwer.process_words, hypotheses, references)


def cer(hypotheses: Sequence[str], references: References) -> Score:
    """Edits of characters, in per cent of the characters of the references; can exceed 100. A single space is one."""
    return _rate("CER", jiwer.process_characters, hypotheses, references)


def edit_distance(hypotheses: Sequence[str], references: References) -> Score:
    """Mean edits of characters from an output to its reference (Levenshtein 1966), as SIGMORPHON reports beside
    accuracy. A number of characters, no per cent."""
    hypotheses, references = prepared(hypotheses, references)
    pairs = [(said, text) for said, texts in zip(hypotheses, references, strict=True) for text in texts]
    both = [(said, text) for said, text in pairs if said and text]
    output = jiwer.process_characters([text for _, text in both], [said for said, _ in both]) if both else None
    found = iter([sum(map(_edits, chunks)) for chunks in output.alignments] if output else [])
    distances = iter([next(found) if said and text else len(said or text) for said, text in pairs])
    least = [min(next(distances) for _ in texts) for texts in references]
    signature = _signature(references, "characters")
    return Score("edit distance", sum(least) / len(least), signature, higher_is_better=False)


def _rate(name: str, process: Callable[..., Any], hypotheses: Sequence[str], references: References) -> Score:
    hypotheses, references = prepared(hypotheses, references)
    rights = [text for texts in references for text in texts]
    if not all(rights):
        raise ValueError(f"{name}: a reference is empty; expected at least one symbol. Leave such segments out.")
    said = [said for said, texts in zip(hypotheses, references, strict=True) for _ in texts]
    output = process(rights, said)
    costs = iter(
        (sum(_edits(chunk) for chunk in chunks), -len(right))
        for chunks, right in zip(output.alignments, output.references, strict=True)
    )
    best = [min(next(costs) for _ in texts) for texts in references]
    edits, symbols = sum(cost for cost, _ in best), -sum(length for _, length in best)
    return Score(name, 100.0 * edits / symbols, _signature(references), higher_is_better=False)


def _signature(references: References, unit: str = "") -> str:
    several = max(map(len, references))
    nrefs = several if several == min(map(len, references)) else "var"
    return f"jiwer|nrefs:{nrefs}|space:one|{f'unit:{unit}|' if unit else ''}version:{version('jiwer')}"


def _edits(chunk: Any) -> int:
    if chunk.type == "equal":
        return 0
    return max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
