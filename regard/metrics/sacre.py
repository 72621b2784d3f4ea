"""BLEU, chrF and TER, by sacrebleu and with its signatures.

Sources: Papineni et al. 2002 (BLEU), Popović 2015 and 2017 (chrF, chrF++), Snover et al. 2006 (TER); Post 2018 for the
signatures. All take detokenised text, and tokenise it themselves as the signature says.
"""

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from regard.metrics.score import References, Score, prepared


def bleu(hypotheses: Sequence[str], references: References) -> Score:
    """BLEU, sacrebleu's default: 13a tokens, four-grams, case counts."""
    return _score("BLEU", BLEU(tokenize="13a", force=True), hypotheses, references)


def bleu_zh(hypotheses: Sequence[str], references: References) -> Score:
    """BLEU of Chinese text: every Chinese character is a token, the rest as in 13a."""
    return _score("BLEU (zh)", BLEU(tokenize="zh", force=True), hypotheses, references)


def bleu_char(hypotheses: Sequence[str], references: References) -> Score:
    """BLEU over characters, for any script."""
    return _score("BLEU (char)", BLEU(tokenize="char", force=True), hypotheses, references)


def bleu_none(hypotheses: Sequence[str], references: References) -> Score:
    """BLEU over what stands between spaces, for text that is tokenised already."""
    return _score("BLEU (none)", BLEU(tokenize="none", force=True), hypotheses, references)


def chrf(hypotheses: Sequence[str], references: References) -> Score:
    """chrF2: an F-score over character n-grams up to 6, recall counting twice."""
    return _score("chrF", CHRF(), hypotheses, references)


def chrf_plus_plus(hypotheses: Sequence[str], references: References) -> Score:
    """chrF2++: word unigrams and bigrams, too."""
    return _score("chrF++", CHRF(word_order=2), hypotheses, references)


def ter(hypotheses: Sequence[str], references: References) -> Score:
    """TER: edits and shifts of whole phrases, over words of the reference. Lower is better."""
    return _score("TER", TER(), hypotheses, references, higher_is_better=False)


def _score(
    name: str, metric: Any, hypotheses: Sequence[str], references: References, higher_is_better: bool = True
) -> Score:
    """`force` above says that tokenised periods are meant, so that sacrebleu prints no warning about them."""
    hypotheses, references = prepared(hypotheses, references)
    most = max(map(len, references))
    streams = [[texts[place] if place < len(texts) else None for texts in references] for place in range(most)]
    value = float(metric.corpus_score(list(hypotheses), streams).score)
    return Score(name, value, str(metric.get_signature()), higher_is_better)
