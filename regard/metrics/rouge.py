"""ROUGE, by rouge-score: what a summary shares with its reference.

Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries". The values are means of F1 over the
segments, without stemming; of several references, the one with the highest F1 counts.
"""

import unicodedata
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from regard.errors import RegardError
from regard.metrics.score import References, Score, prepared

try:
    from rouge_score.rouge_scorer import RougeScorer
except ImportError as missing:
    raise RegardError(
        "ROUGE needs rouge-score, which is not installed. Install it with: pip install 'regard[rouge]'"
    ) from missing


class CharacterTokenizer:
    """Every character that is not white space is a token, in lower case."""

    def tokenize(self, text: str) -> list[str]:
        """The characters. Those that a mark is written onto stay apart from it unless there is one for both."""
        return [each for each in unicodedata.normalize("NFC", text.lower()) if not each.isspace()]


def rouge1(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-1: words that both have. A word is a run of a-z and 0-9, in lower case."""
    return _score("ROUGE-1", "rouge1", None, hypotheses, references)


def rouge2(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-2: pairs of neighbouring words that both have."""
    return _score("ROUGE-2", "rouge2", None, hypotheses, references)


def rouge_l(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-L: the longest common subsequence of words."""
    return _score("ROUGE-L", "rougeL", None, hypotheses, references)


def rouge1_char(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-1 over characters: for Chinese, and any other script than Latin, of which the others see nothing."""
    return _score("ROUGE-1 (char)", "rouge1", CharacterTokenizer(), hypotheses, references)


def rouge2_char(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-2 over characters."""
    return _score("ROUGE-2 (char)", "rouge2", CharacterTokenizer(), hypotheses, references)


def rouge_l_char(hypotheses: Sequence[str], references: References) -> Score:
    """ROUGE-L over characters."""
    return _score("ROUGE-L (char)", "rougeL", CharacterTokenizer(), hypotheses, references)


def _score(name: str, kind: str, tokenizer: Any, hypotheses: Sequence[str], references: References) -> Score:
    hypotheses, references = prepared(hypotheses, references)
    scorer = RougeScorer([kind], use_stemmer=False, tokenizer=tokenizer)
    found = [scorer.score_multi(texts, said)[kind].fmeasure for said, texts in zip(hypotheses, references, strict=True)]
    several = max(map(len, references))
    nrefs = several if several == min(map(len, references)) else "var"
    tokens = "words" if tokenizer is None else "char"
    signature = f"rouge-score|F1|mean|nrefs:{nrefs}|stem:no|tok:{tokens}|version:{version('rouge-score')}"
    return Score(name, 100.0 * sum(found) / len(found), signature, higher_is_better=True)
