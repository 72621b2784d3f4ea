"""The encoder, and one step of the decoder, as modules of tensors alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import Node

from regard.decoders.state import Rows
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder
from regard.exporting.layers import run_layer
from regard.exporting.records import filled, leaves
from regard.marks import BEGIN, END, PAD, UNKNOWN
from regard.model.encoder_decoder import EncoderDecoder

ROWS, LENGTH = 3, 5
EXAMPLES = (ROWS, LENGTH, 2), (4, 7, 3)
"""Rows, positions and steps before: of the example that is traced, and of one more that tells which axes vary."""
DECODED = "decoded"
"""The axis of what was written so far, which a self-attention reads: 0 at first, and one more with each step."""


def sources(rows: int, length: int, model: EncoderDecoder) -> Shaped[Tensor, "rows length ..."]:
    """Sources of the unknown token, each one shorter than the one before, with their end marks and padding."""
    found = torch.full((rows, length), UNKNOWN)
    for row in range(rows):
        last = max(length - 1 - row, 0)
        found[row, last], found[row, last + 1 :] = END, PAD
    return torch.stack([found, found], -1) if model.tokens.copies else found


@dataclass(frozen=True)
class Begun:
    """What a decoder begins with: its record of the source, and its first state."""

    source: Any
    state: Any


def begun(model: EncoderDecoder, source: Tensor, mask: Bool[Tensor, "batch source"], *, traced: bool = False) -> Begun:
    """What the encoder leads to; traced, with its recurrent layers as operators of ONNX."""
    read = model.encodable(source)
    if traced and isinstance(model.encoder, RecurrentEncoder):
        memory: Memory = model.encoder(read, mask, run_layer)
    else:
        memory = model.encoder(read, mask)
    return Begun(*model.begin(model.attendable(memory, source, mask)))


@dataclass(frozen=True)
class Shape:
    """The axes of a tensor: their sizes in the example, and the names of those that vary."""

    sizes: tuple[int, ...]
    varying: dict[int, str]

    def of(self, known: Mapping[str, Any]) -> list[Any]:
        """The sizes where the axes that vary have these."""
        return [known.get(self.varying.get(axis, ""), size) for axis, size in enumerate(self.sizes)]

    @property
    def empty(self) -> bool:
        """Whether it has no element, whatever is read."""
        return any(size == 0 and axis not in self.varying for axis, size in enumerate(self.sizes))


def shapes(model: EncoderDecoder) -> tuple[Begun, dict[str, Shape]]:
    """The record of an example, and the shape of each of its tensors. Raises TypeError for a record of other things."""
    records = [_moved(model, rows, length, steps) for rows, length, steps in EXAMPLES]
    one, other = (leaves(record) for record in records)
    known = dict(zip(EXAMPLES[0], ("rows", "length", DECODED), strict=True))
    return records[0], {
        name: Shape(
            tuple(tensor.shape),
            {
                axis: known.get(size, f"{name}.{axis}")
                for axis, size in enumerate(tensor.shape)
                if size != other[name].size(axis)
            },
        )
        for name, tensor in one.items()
    }


@torch.no_grad()
def _moved(model: EncoderDecoder, rows: int, length: int, steps: int) -> Begun:
    """A record after some steps."""
    source = sources(rows, length, model)
    first = begun(model, source, source[..., 0] != PAD if model.tokens.copies else source != PAD)
    state = first.state
    for _ in range(steps):
        state = model.step(torch.full((rows,), BEGIN), state, first.source).state
    return Begun(first.source, state)


class EncoderGraph(nn.Module):
    """Sources → the tensors that steps need, and those that the first step begins with."""

    def __init__(self, model: EncoderDecoder, kept: Sequence[str]) -> None:
        super().__init__()
        self.model, self.kept = model, kept

    def forward(self, source: Shaped[Tensor, "batch source ..."]) -> tuple[Tensor, ...]:
        """`source` holds token numbers, each text with its end mark and PAD behind it; of a source that can be copied
        two numbers for each position."""
        mask = (source[..., 0] if self.model.tokens.copies else source) != PAD
        found = leaves(begun(self.model, source, mask, traced=True))
        return tuple(found[name].clone() for name in self.kept)


class StepGraph(nn.Module):
    """One token for every row: log-probabilities of the next, weights, and the tensors after it.

    Args:
        model: in evaluation mode.
        like: a record of the model, see `begun`.
        shapes: of all its tensors.
        kept: names of those that are given; the others do not matter, and are zeros.
        changed: names of those that are returned; None for all of the state.
    """

    def __init__(
        self,
        model: EncoderDecoder,
        like: Begun,
        shapes: dict[str, Shape],
        kept: Sequence[str],
        changed: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.model, self.like, self.shapes, self.kept, self.changed = model, like, shapes, kept, changed

    def forward(
        self, tokens: Int[Tensor, " rows"], memory: list[Tensor]
    ) -> tuple[Float[Tensor, "rows vocab"], Float[Tensor, "rows source"], list[Tensor]]:
        """Row r of every tensor belongs to row r of the tokens."""
        given = dict(zip(self.kept, memory, strict=True))
        example, sizes = leaves(self.like), {"rows": tokens.size(0)}
        for name, tensor in given.items():
            sizes |= {axis: tensor.size(place) for place, axis in self.shapes[name].varying.items()}
        for name in self.shapes.keys() - given.keys():
            given[name] = torch.zeros(self.shapes[name].of(sizes), dtype=example[name].dtype)
        now: Begun = filled(self.like, given, Rows.start(tokens.unsqueeze(1) >= 0))
        step = self.model.step(tokens, now.state, now.source)
        after = leaves(Begun(None, step.state))
        changed = [name for name in self.kept if name in after] if self.changed is None else self.changed
        return step.logits.log_softmax(-1), step.weights.clone(), [after[name] for name in changed]


def needed(model: EncoderDecoder, like: Begun, shapes: dict[str, Shape]) -> tuple[list[str], list[str]]:
    """Names of the tensors that log-probabilities and weights depend on, now or at a later step, and of those among
    them that a step changes."""
    names = [name for name, shape in shapes.items() if not shape.empty]
    program = traced_step(StepGraph(model, like, shapes, names).eval(), names)
    inputs = dict(zip(program.graph_signature.user_inputs[1:], names, strict=True))
    nodes = {node.name: node for node in program.graph.nodes}
    first, second, *after = program.graph_signature.user_outputs
    results = dict(zip([name for name in names if name.startswith("state.")], after, strict=True))
    kept = _reached([nodes[str(first)], nodes[str(second)]], inputs)
    while True:
        more = kept | _reached([nodes[str(results[name])] for name in kept & results.keys()], inputs)
        if more == kept:
            break
        kept = more
    changed = {name for name in kept & results.keys() if inputs.get(str(results[name])) != name}
    return [name for name in names if name in kept], [name for name in names if name in changed]


def _reached(ends: Sequence[Node], inputs: dict[str, str]) -> set[str]:
    """Names of the inputs that these nodes depend on."""
    seen, waiting = set(ends), list(ends)
    while waiting:
        for node in waiting.pop().all_input_nodes:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return {inputs[node.name] for node in seen if node.name in inputs}


def traced_step(graph: StepGraph, names: Sequence[str]) -> ExportedProgram:
    """The step, traced for any number of rows and any length."""
    example = leaves(graph.like)
    given = [example[name].detach().clone() for name in names]
    axes = [dict.fromkeys(graph.shapes[name].varying, Dim.DYNAMIC) for name in names]
    tokens = torch.full((ROWS,), BEGIN)
    # With gradients a cache is concatenated, not written into: a graph has no room ahead.
    grows = any(DECODED in graph.shapes[name].varying.values() for name in names)
    with torch.set_grad_enabled(grows):
        return torch.export.export(
            graph, (tokens, given), dynamic_shapes={"tokens": {0: Dim.DYNAMIC}, "memory": axes}, strict=False
        )


def traced_encoder(graph: EncoderGraph) -> ExportedProgram:
    """The encoder, traced for any number of sources and any length."""
    source = sources(ROWS, LENGTH, graph.model)
    with torch.no_grad():
        return torch.export.export(
            graph, (source,), dynamic_shapes={"source": {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}}, strict=False
        )
