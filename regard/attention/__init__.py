"""Attention: score, window, select, mix. Imports torch and nothing of Regard; the tables below import nothing at all.

    score      how well does each key answer the query     one file per score
    window     which positions may be looked at            window.py
    select     scores → weights                            select.py
    history    what a mechanism remembers of earlier steps history.py
    attention  the four put together, once for all         attention.py

Add a score: one file with `prepare` and `forward`, one line in `SCORES`.
"""

from regard.attention.table import Table

SCORES = Table(
    "attention score",
    "regard.attention",
    {
        "dot": "dot:DotScore",
        "scaled_dot": "scaled_dot:ScaledDotScore",
        "general": "general:GeneralScore",
        "additive": "additive:AdditiveScore",
    },
)
SELECTIONS = Table(
    "attention selection", "regard.attention", {"softmax": "select:Softmax", "uniform": "select:Uniform"}
)
WINDOWS = Table("attention window", "regard.attention", {"global": "window:GlobalWindow"})
