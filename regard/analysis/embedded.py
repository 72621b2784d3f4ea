"""Scores on the embedded corpus: BLEU, and alignment error against the links of the grammar."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.alignment.error_rate import alignment_errors
from regard.alignment.linking import Gold, links
from regard.alignment.units import regroup
from regard.data.embedded import GoldPair
from regard.metrics import METRICS
from regard.metrics.score import Score
from regard.translator import Translator


@dataclass(frozen=True)
class SplitScores:
    """One test split.

    Args:
        name: of the split.
        pairs: how many.
        bleu: of the translations, by sacrebleu on Chinese characters.
        alignment_error: in percent; one link per target word of the reference, to the source word of largest weight.
        outputs: the translations.
    """

    name: str
    pairs: int
    bleu: Score
    alignment_error: float
    outputs: tuple[str, ...]


def score_split(translator: Translator, name: str, pairs: Sequence[GoldPair]) -> SplitScores:
    """Translate the sources, force the references, and compare both with the gold. Training never uses them.

    Links are compared under forced decoding of the references: other translations have no gold links.
    """
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    outputs = tuple(best.target_text for best, *_ in translator.outputs(sources))
    found = []
    for pair, alignment in zip(pairs, translator.score(sources, targets, units="tokens"), strict=True):
        found.append(links(regroup(alignment, pair.source_spans, pair.target_spans)))
    errors = alignment_errors(found, [Gold(pair.sure, pair.possible) for pair in pairs])
    bleu = METRICS["bleu_zh"](outputs, [[target] for target in targets])
    return SplitScores(name, len(pairs), bleu, 100 * errors.error_rate, outputs)
