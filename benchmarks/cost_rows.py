"""The rows of cost.py, read from the tables of mechanisms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from regard.attention import SCORES, SELECTIONS, WINDOWS

FIXED: dict[str, dict[str, Any]] = {
    "fixed, at the start": {"decoder": {"kind": "fixed", "context": "start"}},
    "fixed, every step": {"decoder": {"kind": "fixed", "context": "every"}},
}
SHAPES: dict[str, dict[str, Any]] = {
    "four heads": {"attention": {"num_heads": 4}},
    "transformer": {
        "encoder": {"kind": "transformer", "hidden_size": 128, "num_layers": 2, "source_bridging": False},
        "decoder": {"kind": "transformer", "num_layers": 2},
        "attention": {"score": "scaled_dot", "num_heads": 4},
    },
}
COMPARED = ("dot", "scaled_dot", "general", "additive")
PLAIN = ", no kernels"


@dataclass(frozen=True)
class Row:
    """One mechanism: the group it stands in, what it changes in the model, and in the environment of its process."""

    group: str
    model: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


def rows() -> dict[str, Row]:
    """Every row by its name."""
    found = {name: Row("no attention", model) for name, model in FIXED.items()}
    for score in SCORES:
        found[score] = Row("score, with softmax", {"attention": {"score": score}})
    for score in COMPARED:
        group = "the same, nothing compiled"
        found[score + PLAIN] = Row(group, {"attention": {"score": score}}, {"REGARD_KERNELS": "torch"})
    for select in SELECTIONS:
        if select != "softmax":
            found[select] = Row("selection, of additive scores", {"attention": {"select": select}})
    for window in WINDOWS:
        if window != "global":
            found[window] = Row("window, of additive scores", {"attention": {"window": window}})
    return found | {name: Row("shape", model) for name, model in SHAPES.items()}
