"""Attention: score, window, select, mix. Imports torch and nothing of Regard; the tables below import nothing at all.

    score      how well does each key answer the query     one file per score
    window     which positions may be looked at            window.py, local.py
    select     scores → weights                            select.py, sparse.py, hard.py, monotonic.py
    history    what a mechanism remembers of earlier steps history.py, noise.py
    attention  the four put together, once for all         attention.py; multihead.py for several heads
    pooling    a sequence in one vector                    pooling.py
    positions  where a position is                         positions.py
    sequences  self-attention, and its cache               self_attention.py, cache.py
    rules      combinations that are refused, exceptions   rules.py
    build      from names to an Attention                  build.py

Add a score: one file with `prepare` and `forward`, one line in `SCORES`; or, in a package of your own, an entry point
of `regard.scores` (see `registry.py`). It is built as `Score(query_size, key_size)`, with keyword options that have
defaults. A docstring says what the mechanism is, its formula, its source, its options, its cost (for all target
positions of a batch, forward and backward, beyond inputs, parameters and their gradients) and an example;
`docs/mechanisms.md` is made of them by `make docs`.
"""

from regard.registry import Table

SCORES = Table(
    "attention score",
    "regard.attention",
    {
        "dot": "dot:DotScore",
        "scaled_dot": "scaled_dot:ScaledDotScore",
        "general": "general:GeneralScore",
        "additive": "additive:AdditiveScore",
        "cosine": "cosine:CosineScore",
        "location": "location:LocationScore",
        "location_sensitive": "location_sensitive:LocationSensitiveScore",
        "coverage": "coverage:CoverageScore",
    },
    group="regard.scores",
)
SELECTIONS = Table(
    "attention selection",
    "regard.attention",
    {
        "softmax": "select:Softmax",
        "uniform": "select:Uniform",
        "sparsemax": "sparse:Sparsemax",
        "entmax15": "sparse:Entmax15",
        "hard": "hard:Hard",
        "hard_argmax": "hard:HardArgmax",
        "gumbel_softmax": "hard:GumbelSoftmax",
        "monotonic": "monotonic:Monotonic",
    },
    group="regard.selections",
)
WINDOWS = Table(
    "attention window",
    "regard.attention",
    {"global": "window:GlobalWindow", "local_m": "local:LocalMWindow", "local_p": "local:LocalPWindow"},
    group="regard.windows",
)
POOLINGS = Table(
    "pooling",
    "regard.attention",
    {"attention": "pooling:AttentionPooling", "max": "pooling:MaxPooling", "gated": "pooling:GatedPooling"},
)
