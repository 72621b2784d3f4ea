"""The mechanisms of learning.py, what was expected of each, and their recipes: one budget for each task."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regard.cli.demo import SINGLE, demo_config
from regard.data.diagnostic import TASKS

WINDOW = {"local_m": {"radius": 5}, "local_p": {"radius": 5}}
COUNTS = "states know their position and their neighbours"


@dataclass(frozen=True)
class Row:
    """One mechanism.

    Args:
        name: for `--only` and the table.
        reverse, shifted_copy: whether it should solve the task.
        because: why, in a phrase.
        model: what it changes in the model of the recipe.
        training: what it adds to the training; the budget is the same for all.
    """

    name: str
    reverse: bool
    shifted_copy: bool
    because: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def expected(self) -> dict[str, bool]:
        """Task → whether it should be solved."""
        return {"reverse": self.reverse, "shifted_copy": self.shifted_copy}


def _with(score: str = "additive", select: str = "softmax", window: str = "global") -> dict[str, Any]:
    return {"attention": {"score": score, "select": select, "window": window, "options": WINDOW}}


ROWS = (
    # Scores, each with softmax over everything.
    Row("additive", True, True, f"compares query and key with a learned layer; {COUNTS}", _with()),
    Row("dot", True, True, f"compares; encoder and decoder can learn one common space; {COUNTS}", _with("dot")),
    Row("scaled_dot", True, True, "as dot, with smaller scores at the start", _with("scaled_dot")),
    Row("general", True, True, f"compares with a learned matrix; {COUNTS}", _with("general")),
    Row(
        "cosine",
        True,
        True,
        "as dot; the learned factor starts at 8, which is enough for weights near one",
        _with("cosine"),
    ),
    Row(
        "location",
        False,
        True,
        "does not read keys, and gaps move the right position; but step + 3 is a position",
        _with("location"),
    ),
    Row("location_sensitive", True, True, "additive, and it knows where it looked before", _with("location_sensitive")),
    Row("coverage", True, True, "additive, and it knows how much it has looked at each position", _with("coverage")),
    # Selections, each over additive scores.
    Row("uniform", False, False, "the mean of the whole source, the same at every step", _with(select="uniform")),
    Row(
        "sparsemax",
        True,
        True,
        "can give one position all the weight",
        _with(select="sparsemax"),
    ),
    Row("entmax15", True, True, "as sparsemax", _with(select="entmax15")),
    Row(
        "hard_argmax",
        True,
        True,
        "both tasks need one position; it uses the gradient of softmax",
        _with(select="hard_argmax"),
    ),
    Row(
        "monotonic",
        False,
        True,
        "never goes back; a shifted copy goes once from left to right",
        _with(select="monotonic"),
    ),
    Row(
        "gumbel_softmax",
        True,
        True,
        "noise in training, the best position in the test",
        _with(select="gumbel_softmax"),
        {"temperature": {"start": 1.0, "min": 0.3, "rate": 0.001}},  # falls over most of the 1,500 updates
    ),
    Row(
        "hard",
        True,
        True,
        "samples one position; its gradient is noisy, so it may be the slowest",
        _with(select="hard"),
    ),
    # Windows, each over additive scores with softmax; radius 5, so that a window is smaller than the source.
    Row(
        "local_m",
        False,
        True,
        "the window moves forwards with the step, and reverse begins at the end",
        _with(window="local_m"),
    ),
    Row(
        "local_p",
        True,
        True,
        "predicts the position, with gaps only roughly; the window is wide enough for that",
        _with(window="local_p"),
    ),
    # Shapes.
    Row("four heads", True, True, "four heads; one is enough", {"attention": {"num_heads": 4}}),
    Row(
        "transformer",
        True,
        True,
        "compares; sinusoids give the position, self-attention the neighbour",
        {
            "encoder": {"kind": "transformer", "hidden_size": 64, "num_layers": 2, "source_bridging": False},
            "decoder": {"kind": "transformer", "num_layers": 2},
            "attention": {"score": "scaled_dot", "num_heads": 4},
        },
    ),
    # States of one feature a direction, with the symbol beside them: next to no order in the memory.
    Row(
        "additive, bare symbols",
        False,
        False,
        "keys know no neighbour and no position, so equal symbols have equal keys",
        _with() | {"encoder": {"hidden_size": 1}},
    ),
    Row(
        "location, bare symbols",
        False,
        True,
        "asks for a position, and needs no key for that",
        _with("location") | {"encoder": {"hidden_size": 1}},
    ),
    # Without attention.
    Row(
        "fixed, at the start",
        False,
        False,
        "up to 54 bits in one vector, which is read once",
        {"decoder": {"kind": "fixed", "context": "start"}},
    ),
    Row(
        "fixed, every step",
        False,
        False,
        "the same vector, read at every step",
        {"decoder": {"kind": "fixed", "context": "every"}},
    ),
)

SIDE = {"tokenizer": "symbols", "vocab_size": 32}
DIAGNOSTIC: dict[str, Any] = {
    "data": {"source": SIDE, "target": SIDE, "batch_by": "sentences", "batch_size": 32},
    "model": {
        "embedding_size": 32,
        # Small states with the symbol beside them: a state tells the neighbourhood and the place, not the whole text.
        "encoder": {"hidden_size": 16, "source_bridging": True},
        "decoder": {"kind": "luong", "hidden_size": 64},
        "attention": {"end": True},  # as when docs/learning.md was measured
    },
    "training": {
        "learning_rate": 0.004,
        "schedule": {"kind": "linear", "warmup_steps": 100},
        "max_steps": 1500,
        "validate_every": 250,
    },
    "search": {"beam_size": 1, "max_ratio": 1.0, "max_extra": 5},  # no target is longer than its source
}
DEMO = demo_config(1, small=False, changes=SINGLE)
# As wide as the memory, so that the scores without a projection fit.
WIDTH = {"hidden_size": 2 * DEMO.model.encoder.hidden_size + DEMO.model.embedding_size}


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, the second over the first."""
    result = dict(values)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


EMBEDDED = merged(
    DEMO.model_dump(mode="json", exclude_defaults=True),
    {"model": {"decoder": WIDTH, "attention": {"end": True}}, "training": {"max_epochs": 2}},
)
RECIPES = dict.fromkeys(TASKS, DIAGNOSTIC) | {"embedded": EMBEDDED}
METRIC = dict.fromkeys(TASKS, "exact") | {"embedded": "bleu_zh"}


def recipe(row: Row, task: str, seed: int) -> dict[str, Any]:
    """The recipe of a task, with a row's mechanism in it."""
    return merged(RECIPES[task], {"model": row.model, "training": {"seed": seed, **row.training}})


def digest(values: Mapping[str, Any]) -> str:
    """Names a recipe: a result of another one is not this one's."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
