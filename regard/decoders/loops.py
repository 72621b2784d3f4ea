"""What the recurrent decoders share when they run as programs of `regard.recurrent`: over all steps, or one by one."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention.additive import AdditiveScore
from regard.attention.attention import Attention
from regard.attention.select import Softmax
from regard.attention.source import Source
from regard.attention.window import GlobalWindow
from regard.compiled.records import Seen
from regard.compiled.step import Steps, powers, steps_serve
from regard.compiled.token_cache import VECTORS, Entered
from regard.decoders.recurrence import Cells, Recurrence
from regard.decoders.state import AttentiveState
from regard.decoders.step import Advance, Unrolled
from regard.recurrent.autograd import serves
from regard.recurrent.program import Gru, Linear, Look, Lstm, Program, Tensors, written


def knows(attention: Attention, *recurrences: Recurrence) -> bool:
    """Whether a program can be made of this attention and these recurrences."""
    return (
        type(attention.score) is AdditiveScore
        and type(attention.select) is Softmax
        and type(attention.window) is GlobalWindow
        and attention.heads is None
        and all(each.num_layers == 1 for each in recurrences)
    )


def compiles(attention: Attention, *recurrences: Recurrence) -> bool:
    """Whether compiled code can take single steps with these."""
    return knows(attention, *recurrences) and steps_serve(*attention.parameters())


def runs(attention: Attention, source: Source, *recurrences: Recurrence) -> bool:
    """Whether a program knows this attention and these recurrences, and may run on their tensors."""
    return (
        knows(attention, *recurrences)
        and source.mask.numel() > 0
        and serves(source.prepared, source.values, *attention.parameters(), *recurrences[0].parameters())
    )


Programs = tuple[Program, Program, Tensors]
"""What a step makes of its token alone, the rest of the step, and the weights of both."""


@dataclass(frozen=True)
class Stepping:
    """One step of a decoder in compiled code, over weights that no longer change.

    Args:
        entered: what depends on the token alone.
        steps: the rest. It returns the features first, and what a state is made of.
    """

    entered: Entered
    steps: Steps

    @classmethod
    def of(cls, vectors: Tensor, programs: Programs, features: str) -> "Stepping":
        """A step from its programs, the vectors of tokens, and the register of the features."""
        first, rest, weights = programs
        memory = ["memory"] if "memory" in written(rest) else []
        entered = Entered(first, weights, vectors)
        outputs = list(dict.fromkeys([features, "state", "weights", *memory]))  # the features may be the state
        return cls(entered, Steps(rest, weights, outputs, entered.registers))

    def takes(self, state: AttentiveState) -> bool:
        """Whether it may go on from here."""
        return self.steps.takes(state.cells.hidden)

    def __call__(self, tokens: Int[Tensor, " rows"], state: AttentiveState, source: Source) -> Tensors:
        """The registers behind a step with these tokens."""
        kept, picks = self.entered(tokens.numpy())
        given = kept.tables | starts(state)
        return self.steps(given, seen(source, state), state.parents, torch.from_numpy(picks))


def enter(recurrence: Recurrence, width: int) -> tuple[Program, Tensors]:
    """From the vector of a token, so wide, to `inputs`: what it adds to the gates of the recurrence that reads it."""
    weight, bias = recurrence.weight("weight_ih"), recurrence.weight("bias_ih")
    return (Linear(VECTORS, "enter", "inputs", bias="enter_bias"),), {"enter": weight[:, :width], "enter_bias": bias}


def starts(state: AttentiveState) -> Tensors:
    """The registers before the first step, for recurrences of one layer."""
    return {"fed-": state.fed, "state-": state.cells.top, "memory-": state.cells.memory.select(1, 0)}


def seen(source: Source, state: AttentiveState) -> Seen:
    """What the rows of a program look at, one step at a time."""
    return Seen(source.prepared, source.values, source.mask, state.rows.numbers, source.once(powers))


def stepped(registers: Tensors, features: Float[Tensor, "rows features"], before: AttentiveState) -> Advance:
    """The answer of one step of a program that looked and fills `state`."""
    weights = registers["weights"]
    return Advance(features, moved(registers, features, before, 1), weights, (weights.unsqueeze(1),))


def moved(
    registers: Tensors, features: Float[Tensor, "rows features"], before: AttentiveState, steps: int
) -> AttentiveState:
    """The state after so many steps, from the registers of the last; the features are what is fed, if anything."""
    state, rows = registers["state"], features.size(0)
    memory = registers["memory"] if "memory" in registers else state.new_empty(rows, 0)
    fed = features if before.fed.size(1) else features.new_empty(rows, 0)
    cells = Cells(state.unsqueeze(1), memory.unsqueeze(1))
    return AttentiveState(cells, fed, before.past, before.rows, steps=before.steps + steps)


def attend(attention: Attention, query: str) -> Program:
    """Additive attention with what stands in this register; see `looking` for its parameters.

    A bias of the energy is left out: it adds the same to every score, which a softmax does not notice.
    """
    bias = None if attention.score.project_query.bias is None else "project_query_bias"
    return (Linear(query, "project_query", "asked", bias=bias), Look("asked", "weights", "context"))


def asking(attention: Attention) -> Tensors:
    """The weights of `attend`."""
    score = attention.score
    weights = {"project_query": score.project_query.weight, "vector": score.vector}
    bias = score.project_query.bias
    return weights if bias is None else weights | {"project_query_bias": bias}


def looking(source: Source) -> Tensors:
    """What `attend` looks at."""
    return {"keys": source.prepared, "values": source.values}


def join(layer: nn.Linear, parts: dict[str, int], into: str) -> Programs:
    """into = layer · [parts side by side]; each part is a register with its width, or the vector of the token."""
    columns = torch.split(layer.weight, list(parts.values()), 1)
    tensors = {f"{into}_{part}": weight for part, weight in zip(parts, columns, strict=True)}
    bias = plus = None
    if layer.bias is not None:
        bias = f"{into}_bias"
        tensors[bias] = layer.bias
    programs: dict[bool, Program] = {True: (), False: ()}
    for part in sorted(parts, key=lambda part: part != VECTORS):  # the token comes before all else
        to = f"{into}_entered" if part == VECTORS else into
        programs[part == VECTORS] += (Linear(part, f"{into}_{part}", to, bias=bias, plus=plus),)
        bias, plus = None, to
    return programs[True], programs[False], tensors


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
