"""One step of each decoder that programs know, as programs of `regard.recurrent`.

`PROGRAMS` has a maker for each type of decoder. Its programs are run over all steps of a known target (training.py), or
one step at a time (decoder.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from regard.attention.additive import AdditiveScore
from regard.attention.attention import Attention
from regard.attention.select import Softmax
from regard.attention.window import GlobalWindow
from regard.compiled.folded_values import FoldedValues
from regard.compiled.token_cache import VECTORS
from regard.decoders.bahdanau import BahdanauDecoder
from regard.decoders.conditional import ConditionalDecoder
from regard.decoders.luong import LuongDecoder
from regard.recurrent.cells import Recurrence
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tanh, Tensors


@dataclass(frozen=True)
class DecoderProgram:
    """One step of a decoder.

    Args:
        loop: what a step does, from what its token adds to the gates; its weights are among `weights`.
        token: what a step makes of its token alone.
        features: how the loop goes on to what the output layer reads.
        weights: of all three.
        output: the register that the output layer reads; the pairs of which the larger are read, where it is maxout.
    """

    loop: Program
    token: Program
    features: Program
    weights: Tensors
    output: str

    @property
    def step(self) -> Program:
        """A single step, from what `token` made."""
        return self.loop + self.features

    def loop_weights(self) -> Tensors:
        """Those of the loop."""
        products = [each for each in self.loop if isinstance(each, Linear)]
        names = {"vector", *(each.weight for each in products), *(each.bias for each in products)}
        return {name: each for name, each in self.weights.items() if name in names}


def has_program(decoder: Any) -> bool:
    """Whether there is a program for this decoder and for its attention."""
    recurrences = RECURRENCES.get(type(decoder))
    if recurrences is None:
        return False
    cells = recurrences(decoder)
    attention = decoder.attention
    return (
        type(attention.score) is AdditiveScore
        and type(attention.select) is Softmax
        and type(attention.window) is GlobalWindow
        and attention.heads is None
        and attention.gate is None
        and attention.moves is None
        and all(each.num_layers == 1 for each in cells)
        and (len(cells) == 1 or cells[0].cell == "gru")
    )


def luong(decoder: LuongDecoder, folded: FoldedValues | None = None) -> DecoderProgram:
    """Of `LuongDecoder`; with folded values the context is part of the sum that the tanh reads."""
    recurrence, embedded = decoder.recurrence, decoder.tokens.embedding_size
    step, tensors = cell(recurrence, "gates" if decoder.fed_size else "inputs", "state-", "state")
    if decoder.fed_size:
        step = (Linear("fed-", "feed", "gates", plus="inputs"), *step)
        tensors["feed"] = recurrence.weight("weight_ih")[:, embedded:]
    if folded is None:
        hidden = recurrence.rnn.hidden_size
        parts = {"context": decoder.combine.in_features - hidden, "state": hidden}
        _, combine, others = join(decoder.combine, parts, "joined")
    else:
        combine, others = folded.program("context", "state", "joined")
    loop = (*step, *attend(decoder.attention, "state"), *combine, Tanh("joined", "fed"))
    token, entering = enter(recurrence, embedded)
    return DecoderProgram(loop, token, (), tensors | asking(decoder.attention) | others | entering, "fed")


def bahdanau(decoder: BahdanauDecoder) -> DecoderProgram:
    """Of `BahdanauDecoder`; the features are the larger of each two in `pairs`, or the state."""
    recurrence, embedded = decoder.recurrence, decoder.tokens.embedding_size
    step, tensors = cell(recurrence, "gates", "state-", "state")
    tensors["feed"] = recurrence.weight("weight_ih")[:, embedded:]
    loop = (*attend(decoder.attention, "state-"), Linear("context", "feed", "gates", plus="inputs"), *step)
    token, entering = enter(recurrence, embedded)
    tensors = tensors | asking(decoder.attention) | entering
    if decoder.deep is None:
        return DecoderProgram(loop, token, (), tensors, "state")
    hidden = recurrence.rnn.hidden_size
    parts = {"state-": hidden, VECTORS: embedded, "context": decoder.deep.in_features - hidden - embedded}
    more, deep, others = join(decoder.deep, parts, "pairs")
    return DecoderProgram(loop, (*token, *more), deep, tensors | others, "pairs")


def conditional(decoder: ConditionalDecoder) -> DecoderProgram:
    """Of `ConditionalDecoder`."""
    before, tensors = cell(decoder.before, "inputs", "state-", "between", "_before")
    behind, others = cell(decoder.behind, "context_gates", "between", "state", "_behind")
    feed = Linear("context", "feed", "context_gates", bias="feed_bias")
    loop = (*before, *attend(decoder.attention, "between"), feed, *behind)
    tensors |= others | asking(decoder.attention)
    tensors |= {"feed": decoder.behind.weight("weight_ih"), "feed_bias": decoder.behind.weight("bias_ih")}
    hidden, embedded = decoder.before.rnn.hidden_size, decoder.tokens.embedding_size
    token, entering = enter(decoder.before, embedded)
    parts = {"state": hidden, VECTORS: embedded, "context": decoder.deep.in_features - hidden - embedded}
    more, deep, others = join(decoder.deep, parts, "joined")
    features = (*deep, Tanh("joined", "features"))
    return DecoderProgram(loop, (*token, *more), features, tensors | entering | others, "features")


PROGRAMS: dict[type, Callable[..., DecoderProgram]] = {
    LuongDecoder: luong,
    BahdanauDecoder: bahdanau,
    ConditionalDecoder: conditional,
}
RECURRENCES: dict[type, Callable[[Any], tuple[Recurrence, ...]]] = {
    LuongDecoder: lambda decoder: (decoder.recurrence,),
    BahdanauDecoder: lambda decoder: (decoder.recurrence,),
    ConditionalDecoder: lambda decoder: (decoder.before, decoder.behind),
}
"""The recurrent parts of each."""


def enter(recurrence: Recurrence, width: int) -> tuple[Program, Tensors]:
    """From the vector of a token, so wide, to `inputs`: what it adds to the gates of the recurrence that reads it."""
    weight, bias = recurrence.weight("weight_ih"), recurrence.weight("bias_ih")
    return (Linear(VECTORS, "enter", "inputs", bias="enter_bias"),), {"enter": weight[:, :width], "enter_bias": bias}


def attend(attention: Attention, query: str) -> Program:
    """Additive attention with what stands in this register.

    A bias of the energy is left out: it adds the same to every score, which a softmax does not notice.
    """
    bias = None if attention.score.project_query.bias is None else "project_query_bias"
    return (Linear(query, "project_query", "query", bias=bias), Attend("query", "weights", "context"))


def asking(attention: Attention) -> Tensors:
    """The weights of `attend`."""
    score = attention.score
    weights = {"project_query": score.project_query.weight, "vector": score.vector}
    bias = score.project_query.bias
    return weights if bias is None else weights | {"project_query_bias": bias}


def join(layer: nn.Linear, parts: dict[str, int], into: str) -> tuple[Program, Program, Tensors]:
    """into = layer · [parts side by side]; each part is a register with its width, or the vector of the token. What is
    computed of the token, the rest, and the weights."""
    columns = torch.split(layer.weight, list(parts.values()), 1)
    tensors: dict[str, Tensor] = {f"{into}_{part}": weight for part, weight in zip(parts, columns, strict=True)}
    bias = plus = None
    if layer.bias is not None:
        bias = f"{into}_bias"
        tensors[bias] = layer.bias
    programs: dict[bool, Program] = {True: (), False: ()}
    for part in sorted(parts, key=lambda part: part != VECTORS):  # the token comes before all else
        to = f"{into}_token" if part == VECTORS else into
        programs[part == VECTORS] += (Linear(part, f"{into}_{part}", to, bias=bias, plus=plus),)
        bias, plus = None, to
    return programs[True], programs[False], tensors


def cell(recurrence: Recurrence, gates: str, before: str, into: str, name: str = "") -> tuple[Program, Tensors]:
    """One step of a recurrence of one layer, and its parameters; their names end with `name`."""
    tensors = {f"recurrent{name}": recurrence.weight("weight_hh"), f"bias{name}": recurrence.weight("bias_hh")}
    projected = f"projected{name}"
    project = Linear(before, f"recurrent{name}", projected, bias=f"bias{name}")
    if recurrence.cell == "gru":
        return (project, Gru(gates, projected, before, into)), tensors
    project = Linear(before, f"recurrent{name}", projected, bias=f"bias{name}", plus=gates)
    return (project, Lstm(projected, "memory", into)), tensors
