"""What the loops of the recurrent decoders share when they run as programs of `regard.unroll`."""

from jaxtyping import Float
from torch import Tensor

from regard.attention.additive import AdditiveScore
from regard.attention.attention import Attention
from regard.attention.select import Softmax
from regard.attention.source import Source
from regard.attention.window import GlobalWindow
from regard.decoders.recurrence import Recurrence
from regard.decoders.step import Unrolled
from regard.unroll import Gru, Linear, Look, Lstm, Program, Tensors, serves


def runs(attention: Attention, source: Source, *recurrences: Recurrence) -> bool:
    """Whether a program knows this attention and these recurrences, and may run on their tensors."""
    return (
        type(attention.score) is AdditiveScore
        and type(attention.select) is Softmax
        and type(attention.window) is GlobalWindow
        and attention.heads is None
        and all(each.num_layers == 1 for each in recurrences)
        and source.mask.numel() > 0
        and serves(source.prepared, source.values, *attention.parameters(), *recurrences[0].parameters())
    )


def attend(query: str) -> Program:
    """Additive attention with what stands in this register; see `looking` for its parameters."""
    return (Linear(query, "project_query", "asked"), Look("asked", "weights", "context"))


def looking(attention: Attention, source: Source) -> Tensors:
    """The parameters of `attend`."""
    score = attention.score
    return {
        "project_query": score.project_query.weight,
        "vector": score.energy.weight.squeeze(0),
        "keys": source.prepared,
        "values": source.values,
    }


def cell(recurrence: Recurrence, gates: str, before: str, into: str, name: str = "") -> tuple[Program, Tensors]:
    """One step of a recurrence of one layer, and its parameters; their names end with `name`."""
    tensors = {f"recurrent{name}": recurrence.weight("weight_hh"), f"bias{name}": recurrence.weight("bias_hh")}
    moved = f"moved{name}"
    project = Linear(before, f"recurrent{name}", moved, bias=f"bias{name}")
    if recurrence.cell == "gru":
        return (project, Gru(gates, moved, before, into)), tensors
    project = Linear(before, f"recurrent{name}", moved, bias=f"bias{name}", plus=gates)
    return (project, Lstm(moved, "memory", into)), tensors


def answer(features: Float[Tensor, "batch target features"], weights: Float[Tensor, "target batch source"]) -> Unrolled:
    """The answer for a whole target; nothing was sampled."""
    shown = weights.transpose(0, 1)
    nothing = shown.new_zeros(()).expand(shown.shape[:2])
    return Unrolled(features, shown, nothing, nothing, (shown.unsqueeze(1),))
