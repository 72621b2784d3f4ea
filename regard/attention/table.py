"""The tables of attention: scores, selections, windows, poolings.

To add a score, write one file with `prepare` and `forward`, and one line in `SCORES`; or, in a package of your own, an
entry point of `regard.scores` (see `registry.py`). It is built as `Score(query_size, key_size)`, with keyword options
that have defaults. A docstring says what the mechanism is, its formula, its source, its options, its cost (for all
target positions of a batch, forward and backward, beyond inputs, parameters and their gradients) and an example;
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
    {
        "attention": "pooling:AttentionPooling",
        "self_attentive": "self_attentive:SelfAttentivePooling",
        "max": "pooling:MaxPooling",
        "gated": "pooling:GatedPooling",
    },
)
