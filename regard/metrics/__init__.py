"""Metrics: `METRICS[name](hypotheses, references) → Score`. One list of references for each segment.

Each is computed by its own library, which is imported when its name is first looked up, and says how in a signature.
`by_length` gives any of them by the length of the source.
"""

from regard.attention.table import Table

NEED_TEXT = frozenset({"wer", "cer"})
"""Metrics that divide by the length of the references, and raise ValueError for one that is empty."""

METRICS = Table(
    "metric",
    "regard.metrics",
    {
        "bleu": "sacre:bleu",
        "bleu_zh": "sacre:bleu_zh",
        "bleu_char": "sacre:bleu_char",
        "bleu_none": "sacre:bleu_none",
        "chrf": "sacre:chrf",
        "chrf++": "sacre:chrf_plus_plus",
        "ter": "sacre:ter",
        "wer": "edits:wer",
        "cer": "edits:cer",
        "exact": "whole:exact",
        "word_error": "whole:word_error",
    },
)
