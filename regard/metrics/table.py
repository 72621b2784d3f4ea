"""The table of metrics. To add one, write one file with a function and one line here; see `whole.py`."""

from regard.registry import Table

NEED_TEXT = {
    "wer": "divides by its length",
    "cer": "divides by its length",
    "exact": "asks whether an output equals it",
    "word_error": "asks whether an output equals it",
    "accuracy": "asks whether an output equals it",
    "macro_f1": "asks whether an output equals it",
}
"""Metrics that mean nothing for an empty reference, and why."""

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
        "accuracy": "whole:accuracy",
        "macro_f1": "whole:macro_f1",
        "edit_distance": "edits:edit_distance",
        "rouge1": "rouge:rouge1",
        "rouge2": "rouge:rouge2",
        "rougeL": "rouge:rouge_l",
        "rouge1_char": "rouge:rouge1_char",
        "rouge2_char": "rouge:rouge2_char",
        "rougeL_char": "rouge:rouge_l_char",
    },
    group="regard.metrics",
)
