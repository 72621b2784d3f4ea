"""The recipes of learning.py: one budget for each task, in which a row exchanges the mechanism."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from learning_rows import Row

from regard.cli.demo import demo_config
from regard.data.diagnostic import TASKS

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
DEMO = demo_config(1, small=False)
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
