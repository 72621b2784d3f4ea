"""Every function that calls compiled code, beside what defines it: one table for the tests and for the fuzzer.

An entry draws inputs that are allowed, calls the function, and says in PyTorch, in double precision, what should come
of them. Whatever chooses tokens returns what these score by the definition, so that a tie is no difference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regard.compiled.encoder import EncoderLayer
from regard.compiled.records import StepSource
from regard.compiled.step import Steps, exp_keys
from regard.compiled.token_cache import TokenCache
from regard.kernels import additive_native
from regard.kernels.additive import additive_scores, plain_gradients, plain_scores
from regard.kernels.argmax_int8 import MAX_ROWS, Argmax
from regard.kernels.layout import PANEL, pack
from regard.kernels.linear import projected
from regard.kernels.linear_cross_entropy import linear_cross_entropy, plain_cross_entropies
from regard.kernels.matmul import add_product
from regard.kernels.softmax import OutputSoftmax
from regard.kernels.topk import finder
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.marks import END
from regard.recurrent.autograd import loop
from regard.recurrent.layer import unroll
from regard.recurrent.program import Attend, Gru, Linear, Lstm, Program, Tanh
from regard.recurrent.reference import plain

Inputs = dict[str, Any]
SIZES = (1, 2, 3, 5, 7, 16, 17, 33, 70)
ROWS = (1, 2, 3, 4, 7, 65)
VOCAB = (3, 4, 17, 130, 300)


@dataclass(frozen=True)
class Operation:
    """A function of the room.

    Args:
        draw: inputs that are allowed, by name.
        call: the function on them; its results, of which None is one.
        define: what they should be, on the same inputs with their floating numbers in double precision.
        gradients: the inputs that have one; empty where the function has none.
        compiled_alone: whether PyTorch does not stand in for it.
    """

    draw: Callable[[Random], Inputs]
    call: Callable[..., tuple[Tensor | None, ...]]
    define: Callable[..., tuple[Tensor | None, ...]]
    gradients: tuple[str, ...] = ()
    compiled_alone: bool = False


def numbers(random: Random, *shape: int) -> Tensor:
    """Normal ones."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(random.getrandbits(60)))


def whole(random: Random, limit: int, *shape: int) -> Tensor:
    """Whole ones below a limit."""
    return torch.randint(limit, shape, generator=torch.Generator().manual_seed(random.getrandbits(60)))


# ---- attention


def _attention(random: Random) -> Inputs:
    batch, target, source, hidden = (
        random.choice(ROWS[:4]),
        random.choice(ROWS),
        random.choice(ROWS),
        random.choice(SIZES),
    )
    shapes = {"query": (batch, target, hidden), "keys": (batch, source, hidden), "vector": (hidden,)}
    return {name: numbers(random, *shape) for name, shape in shapes.items()}


def _attention_gradient(random: Random) -> Inputs:
    given = _attention(random)
    return {"grad": numbers(random, *given["query"].shape[:2], given["keys"].size(1)), **given}


def _powers(keys: Tensor) -> tuple[Tensor]:
    return (exp_keys(keys)[..., : keys.size(-1)],)


# ---- products


def _product(random: Random) -> Inputs:
    rows, depth, columns = (random.choice((*SIZES, 600)) for _ in range(3))
    shapes = {"to": (rows, columns), "left": (rows, depth), "right": (depth, columns)}
    return {name: numbers(random, *shape) for name, shape in shapes.items()}


def _add_product(to: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor]:
    add_product(to, left, right)
    return (to,)


def _projection(random: Random) -> Inputs:
    first, second, depth, columns = (random.choice(SIZES) for _ in range(4))
    shapes = {"inputs": (first, second, depth), "weight": (columns, depth), "bias": (columns,)}
    return {name: numbers(random, *shape) for name, shape in shapes.items()}


# ---- output layers


def _output(random: Random, rows: tuple[int, ...] = ROWS) -> Inputs:
    columns, depth = random.choice(VOCAB), random.choice(SIZES)
    return {
        "weight": numbers(random, columns, depth),
        "bias": numbers(random, columns),
        "features": numbers(random, random.choice(rows), depth),
    }


def _loss(random: Random) -> Inputs:
    given = _output(random)
    (rows, _), columns = given["features"].shape, len(given["weight"])
    given["bias"] = random.choice((None, given["bias"]))
    return {**given, "targets": whole(random, columns, rows), "out": torch.full((rows, columns), torch.nan)}


def _softmax(weight: Tensor, bias: Tensor, features: Tensor, targets: Tensor, out: Tensor) -> tuple[Tensor, ...]:
    whole, right = OutputSoftmax(weight, bias, 65)(features, targets, out)
    return out, whole, right


def _softmax_defined(
    weight: Tensor, bias: Tensor, features: Tensor, targets: Tensor, out: Tensor
) -> tuple[Tensor, ...]:
    logits = nn.functional.linear(features, weight, bias)
    return logits.softmax(1), logits.logsumexp(1), logits.gather(1, targets.unsqueeze(1)).squeeze(1)


def _cross_entropy(weight: Tensor, bias: Tensor, features: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    found = linear_cross_entropy(features, weight, bias, targets, 0.1)
    return found.total, found.losses, found.nll


def _cross_entropy_drawn(random: Random) -> Inputs:
    given = _loss(random)
    return {name: given[name] for name in ("weight", "bias", "features", "targets")}


def _barred(random: Random, vocab: int) -> int | None:
    """A token that may not be chosen, or none."""
    return random.randrange(END + 1, vocab) if vocab > END + 1 and random.random() < 0.5 else None


def _choosable(log_probs: Tensor, barred: int | None, width: int) -> Tensor:
    """The best of those that may be chosen."""
    allowed = log_probs[:, END:].clone()
    if barred is not None:
        allowed[:, barred - END] = -torch.inf
    best = allowed.sort(1, descending=True).values[:, : min(width, allowed.size(1) - (barred is not None))]
    return best.masked_fill(best[:, :1] == -torch.inf, torch.nan)


def _unpacked(panels: Tensor, bias: Tensor) -> Tensor:
    return panels.transpose(1, 2).flatten(0, 1)[: len(bias)]


def _finding(random: Random) -> Inputs:
    given = _output(random)
    barred = _barred(random, len(given["bias"]))
    return {"panels": pack(given.pop("weight")), **given, "barred": barred, "width": random.choice((1, 2, 5, 400))}


def _log_probs(weight: Tensor, bias: Tensor | None, features: Tensor) -> Tensor:
    logits = nn.functional.linear(features.double(), weight.double(), None if bias is None else bias.double())
    return logits.log_softmax(1)


def _topk(panels: Tensor, bias: Tensor, features: Tensor, barred: int | None, width: int) -> tuple[Tensor, ...]:
    log_probs, tokens = finder(panels, bias, barred)(features, width)
    return log_probs, _log_probs(_unpacked(panels, bias), bias, features).gather(1, tokens)


def _topk_defined(panels: Tensor, bias: Tensor, features: Tensor, barred: int | None, width: int) -> tuple[Tensor, ...]:
    best = _choosable(_log_probs(_unpacked(panels, bias), bias, features), barred, width)
    return best, best


def _argmax(weight: Tensor, bias: Tensor, features: Tensor, barred: int | None) -> tuple[Tensor | None]:
    best = Argmax(weight, bias, barred)
    tokens = best(features) if best.known else None
    return (None if tokens is None else _log_probs(weight, bias, features).gather(1, tokens.unsqueeze(1)),)


def _argmax_defined(weight: Tensor, bias: Tensor, features: Tensor, barred: int | None) -> tuple[Tensor | None]:
    if not all(each.isfinite().all() for each in (weight, bias, features)):
        return (None,)
    return (_choosable(_log_probs(weight, bias, features), barred, 1),)


def _with_barred(given: Inputs, random: Random) -> Inputs:
    return {**given, "barred": _barred(random, len(given["weight"]))}


def _listed(random: Random, rows: tuple[int, ...] = ROWS) -> Inputs:
    given = _output(random, rows)
    vocab, count = len(given["weight"]), random.choice((1, 2, 5))
    common = torch.tensor(sorted({END, *random.sample(range(vocab), random.randrange(1, 3))}))
    others = [token for token in range(vocab) if token not in common.tolist()]
    own = [sorted(random.sample(others, random.randrange(0, min(len(others), 40) + 1))) for _ in range(count)]
    starts = torch.tensor([0, *np.cumsum([len(each) for each in own])])
    tokens = torch.tensor([token for each in own for token in each], dtype=torch.long)
    lists = {"starts": starts, "tokens": tokens, "longest": max(map(len, own))}
    return {**given, "common": common, **lists, "rows": whole(random, count, len(given["features"])).sort().values}


def _allowed(
    weight: Tensor, bias: Tensor, features: Tensor, common: Tensor, starts: Tensor, tokens: Tensor, rows: Tensor
):
    """Log-probabilities given what each row may use."""
    logits = nn.functional.linear(features.double(), weight.double(), None if bias is None else bias.double())
    hidden = torch.ones_like(logits, dtype=torch.bool)
    for row, own in enumerate(rows.tolist()):
        hidden[row, torch.cat([common, tokens[starts[own] : starts[own + 1]]])] = False
    return logits.masked_fill(hidden, -torch.inf).log_softmax(1)


def _listed_topk(weight, bias, features, common, starts, tokens, longest, rows, barred, width):
    with torch.no_grad():
        lists = Lists(starts, tokens, longest)
        log_probs, best = ListedOutput(weight, bias, common, barred).best(features, lists, rows, width)
    scores = _allowed(weight, bias, features, common, starts, tokens, rows).gather(1, best)
    return log_probs, scores.masked_fill(log_probs == -torch.inf, -torch.inf)


def _listed_topk_defined(weight, bias, features, common, starts, tokens, longest, rows, barred, width):
    best = _choosable(_allowed(weight, bias, features, common, starts, tokens, rows), barred, width)
    return best, best


def _listed_argmax(weight, bias, features, common, starts, tokens, longest, rows, barred):
    with torch.no_grad():
        found = ListedOutput(weight, bias, common, barred).argmax(Lists(starts, tokens, longest), rows)
        best = None if found is None else found(features)
    if best is None:
        return (None,)
    return (_allowed(weight, bias, features, common, starts, tokens, rows).gather(1, best.unsqueeze(1)),)


def _listed_argmax_defined(weight, bias, features, common, starts, tokens, longest, rows, barred):
    if len(rows) > MAX_ROWS:
        return (None,)
    best = _listed_topk_defined(weight, bias, features, common, starts, tokens, longest, rows, barred, 1)[0]
    return (best if (best > -torch.inf).all() else None,)


# ---- recurrent programs


CELL: dict[str, Program] = {
    "gru": (Linear("state-", "recurrent", "moved", bias="bias"), Gru("gates", "moved", "state-", "state")),
    "lstm": (
        Linear("state-", "recurrent", "summed", bias="bias", plus="gates"),
        Lstm("summed", "memory", "state"),
    ),
}
REST: Program = (
    Linear("state", "ask", "query"),
    Attend("query", "weights", "context"),
    Linear("context", "combine", "joined", plus="shown"),
    Tanh("joined", "fed"),
)


def _program(random: Random, kind: str) -> tuple[Inputs, tuple[int, ...]]:
    """Weights and starts of a cell that looks, and its sizes: parts, hidden, key, value, source, batch."""
    parts, hidden, key, value, width = 3 if kind == "gru" else 4, *(random.choice(SIZES) for _ in range(4))
    source, batch = random.choice(ROWS[:5]), random.choice(ROWS[:5])
    shapes = {
        "recurrent": (parts * hidden, hidden),
        "bias": (parts * hidden,),
        "ask": (key, hidden),
        "combine": (width, value),
        "vector": (key,),
        "state-": (batch, hidden),
        "keys": (batch, source, key),
        "values": (batch, source, value),
    } | ({"memory-": (batch, hidden)} if kind == "lstm" else {})
    given = {name: numbers(random, *shape) for name, shape in shapes.items()}
    given["mask"] = torch.arange(source) < whole(random, source, batch, 1) + 1
    return given, (parts * hidden, width, batch)


def _sequence(kind: str) -> Callable[[Random], Inputs]:
    def draw(random: Random) -> Inputs:
        given, (gates, width, batch) = _program(random, kind)
        steps = random.choice((1, 2, 5))
        return {**given, "gates": numbers(random, steps, batch, gates), "shown": numbers(random, steps, batch, width)}

    return draw


def _names(kind: str) -> list[str]:
    return ["fed", "weights", "state", *(["memory"] if kind == "lstm" else [])]


def _loop(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def call(mask: Tensor | None, **tensors: Tensor) -> tuple[Tensor, ...]:
        found = loop((*CELL[kind], *REST), tensors, mask, _names(kind))
        return tuple(found[name][1:] if f"{name}-" in tensors else found[name] for name in _names(kind))

    return call


def _loop_defined(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def define(mask: Tensor | None, **tensors: Tensor) -> tuple[Tensor, ...]:
        found = plain((*CELL[kind], *REST), tensors, mask)
        return tuple(found[name] for name in _names(kind))

    return define


def _step(kind: str) -> Callable[[Random], Inputs]:
    """One step; rows continue any row of the starts, read any row of the tables, and look at any source."""

    def draw(random: Random) -> Inputs:
        given, (gates, width, batch) = _program(random, kind)
        rows, table = random.choice(ROWS[:5]), random.choice(ROWS)
        given |= {"gates": numbers(random, table, gates), "shown": numbers(random, rows, width)}
        return given | {
            "sources": whole(random, batch, rows),
            "parents": torch.arange(rows) % batch if rows > batch else whole(random, batch, rows),
            "picks": whole(random, table, rows),
        }

    return draw


def _steps(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    weights = ("recurrent", "bias", "ask", "combine", "vector")

    def call(keys, values, mask, sources, parents, picks, **tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            own = {name: tensors.pop(name) for name in weights}
            steps = Steps((*CELL[kind], *REST), own, _names(kind), ["gates"])
            source = StepSource(keys, values, mask, sources, exp_keys(keys))
            found = steps(tensors, source, parents, picks)
        return tuple(found[name] for name in _names(kind))

    return call


def _steps_defined(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def define(keys, values, mask, sources, parents, picks, gates, shown, **tensors: Tensor) -> tuple[Tensor, ...]:
        tensors = {name: part[parents] if name.endswith("-") else part for name, part in tensors.items()}
        tensors |= {"keys": keys[sources], "values": values[sources], "gates": gates[picks][None], "shown": shown[None]}
        found = plain((*CELL[kind], *REST), tensors, mask[sources])
        return tuple(found[name][0] for name in _names(kind))

    return define


def _layer(kind: str) -> Callable[[Random], Inputs]:
    def draw(random: Random) -> Inputs:
        wide, hidden, batch, steps = (random.choice(SIZES[:7]) for _ in range(4))
        parts = 3 if kind == "gru" else 4
        shapes = {
            **{"weight_ih": (parts * hidden, wide), "weight_hh": (parts * hidden, hidden)},
            **{"bias_ih": (parts * hidden,), "bias_hh": (parts * hidden,)},
            **{"inputs": (batch, steps, wide), "hidden": (batch, hidden), "memory": (batch, hidden)},
        }
        return {name: numbers(random, *shape) for name, shape in shapes.items()}

    return draw


class _Rnn:
    """The names by which a layer's parameters are read, over any tensors."""

    @staticmethod
    def of(kind: str, **tensors: Tensor) -> Any:
        weight = tensors["weight_ih"]
        rnn = (nn.GRU if kind == "gru" else nn.LSTM)(1, 1, batch_first=True)
        for name, each in tensors.items():
            del rnn._parameters[f"{name}_l0"]
            object.__setattr__(rnn, f"{name}_l0", each)
        for name, each in (("input_size", weight), ("hidden_size", tensors["weight_hh"])):
            setattr(rnn, name, each.shape[-1] if isinstance(each, Tensor) and each.dim() else 1)
        return rnn


def _run_layer(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def call(inputs, hidden, memory, **tensors: Tensor) -> tuple[Tensor, ...]:
        return (unroll(_Rnn.of(kind, **tensors), 0, inputs, hidden, memory),)

    return call


def _layer_defined(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def define(inputs, hidden, memory, weight_ih, weight_hh, bias_ih, bias_hh) -> tuple[Tensor, ...]:
        if not inputs.size(1):  # of no step, which PyTorch refuses, no state
            return (inputs.new_zeros(*inputs.shape[:2], hidden.size(1)),)
        flat = [weight_ih, weight_hh, bias_ih, bias_hh]
        start = hidden[None] if kind == "gru" else (hidden[None], memory[None])
        run = torch.gru if kind == "gru" else torch.lstm
        return (run(inputs, start, flat, True, 1, 0.0, False, False, True)[0],)  # type: ignore[operator]

    return define


def _reading(kind: str) -> Callable[[Random], Inputs]:
    def draw(random: Random) -> Inputs:
        given = _layer(kind)(random)
        for name in ("hidden", "memory", "inputs"):
            given.pop(name)
        batch, positions, inputs = random.choice(ROWS[:5]), random.choice(ROWS[:5]), random.choice(ROWS)
        given["inputs"] = numbers(random, inputs, given["weight_ih"].size(1))
        return given | {
            "places": whole(random, inputs, batch, positions),
            "lengths": whole(random, positions + 1, batch),
        }

    return draw


def _read(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def call(inputs, places, lengths, **tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            rnn = _Rnn.of(kind, **tensors)
            return (EncoderLayer(rnn, rnn)(inputs, places, lengths),)

    return call


def _read_defined(kind: str) -> Callable[..., tuple[Tensor, ...]]:
    def define(inputs, places, lengths, **tensors: Tensor) -> tuple[Tensor, ...]:
        hidden = tensors["weight_hh"].size(1)
        found = inputs.new_zeros(*places.shape, 2 * hidden)
        for row, length in enumerate(lengths.tolist()):
            if length:
                whole = inputs[places[row, :length]][None]
                start = whole.new_zeros(1, hidden)
                for part, turn in ((slice(0, hidden), False), (slice(hidden, None), True)):
                    read = _layer_defined(kind)(whole.flip(1) if turn else whole, start, start, **tensors)[0][0]
                    found[row, :length, part] = read.flip(0) if turn else read
        return (found,)

    return define


def _entering(random: Random) -> Inputs:
    vocab, wide, width = random.choice(VOCAB), random.choice(SIZES), random.choice(SIZES)
    shapes = {"enter": (width, wide), "bias": (width,), "vectors": (vocab, wide)}
    tokens = whole(random, vocab, random.choice(ROWS)).numpy()
    return {name: numbers(random, *shape) for name, shape in shapes.items()} | {"tokens": tokens}


def _enter(enter: Tensor, bias: Tensor, vectors: Tensor, tokens: np.ndarray) -> tuple[Tensor]:
    with torch.no_grad():
        entered = TokenCache(
            (Linear("embedded", "enter", "gates", bias="bias"),), {"enter": enter, "bias": bias}, vectors
        )
        kept, picks = entered(tokens)
    return (kept.tables["gates"][torch.from_numpy(picks)],)


def _with_width(draw: Callable[[Random], Inputs]) -> Callable[[Random], Inputs]:
    return lambda random: {**_with_barred(draw(random), random), "width": random.choice((1, 2, 5, 400))}


def _few(draw: Callable[[Random, tuple[int, ...]], Inputs]) -> Callable[[Random], Inputs]:
    return lambda random: _with_barred(draw(random, ROWS[:4]), random)


def _recurrent(kind: str) -> dict[str, Operation]:
    own = ("recurrent", "bias", "ask", "combine", "vector", "state-", "keys", "values", "gates", "shown")
    layer = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "inputs", "hidden")
    memory = kind == "lstm"
    return {
        f"loop ({kind})": Operation(
            _sequence(kind), _loop(kind), _loop_defined(kind), (*own, *(["memory-"] if memory else []))
        ),
        f"Steps ({kind})": Operation(_step(kind), _steps(kind), _steps_defined(kind), compiled_alone=True),
        f"unroll ({kind})": Operation(
            _layer(kind), _run_layer(kind), _layer_defined(kind), (*layer, *(["memory"] if memory else []))
        ),
        f"EncoderLayer ({kind})": Operation(_reading(kind), _read(kind), _read_defined(kind), compiled_alone=True),
    }


OPERATIONS: dict[str, Operation] = {
    "additive_scores": Operation(
        _attention,
        lambda **given: (additive_scores(**given),),
        lambda query, keys, vector: (plain_scores(query, keys, vector),),
        ("query", "keys", "vector"),
    ),
    "additive_native.forward": Operation(
        _attention,
        lambda **given: (additive_native.forward(**given),),
        lambda query, keys, vector: (plain_scores(query, keys, vector),),
        compiled_alone=True,
    ),
    "additive_native.backward": Operation(
        _attention_gradient,
        lambda **given: additive_native.backward(**given),
        lambda **given: plain_gradients(**given),
        compiled_alone=True,
    ),
    "powers": Operation(
        lambda random: {"keys": _attention(random)["keys"]},
        _powers,
        lambda keys: ((2 * keys).exp().masked_fill(~(keys.abs() <= 40), torch.nan),),
        compiled_alone=True,
    ),
    "add_product": Operation(_product, _add_product, lambda to, left, right: (to + left @ right,)),
    "projected": Operation(
        _projection,
        lambda **given: (projected(**given),),
        lambda inputs, weight, bias: (nn.functional.linear(inputs, weight, bias),),
        ("inputs", "weight", "bias"),
    ),
    "OutputSoftmax": Operation(_loss, _softmax, _softmax_defined),
    "linear_cross_entropy": Operation(
        _cross_entropy_drawn,
        _cross_entropy,
        lambda weight, bias, features, targets: plain_cross_entropies(
            targets, 0.1, features, weight, *([] if bias is None else [bias])
        ),
        ("weight", "bias", "features"),
    ),
    "finder": Operation(_finding, _topk, _topk_defined, compiled_alone=True),
    "Argmax": Operation(_few(_output), _argmax, _argmax_defined, compiled_alone=True),
    "ListedOutput.best": Operation(_with_width(_listed), _listed_topk, _listed_topk_defined),
    "ListedOutput.argmax": Operation(_few(_listed), _listed_argmax, _listed_argmax_defined, compiled_alone=True),
    "TokenCache": Operation(
        _entering,
        _enter,
        lambda enter, bias, vectors, tokens: (
            nn.functional.linear(vectors[torch.from_numpy(tokens.copy())], enter, bias),
        ),
        compiled_alone=True,
    ),
    **_recurrent("gru"),
    **_recurrent("lstm"),
}
assert PANEL  # what `pack` lays out, see layout.py


def doubled(given: Inputs) -> Inputs:
    """The same inputs, for a definition: floating numbers in double precision."""
    return {
        name: each.detach().double() if isinstance(each, Tensor) and each.is_floating_point() else each
        for name, each in given.items()
    }


def farthest(found: tuple[Tensor | None, ...], expected: tuple[Tensor | None, ...]) -> float:
    """The largest difference, relative to the largest number of a result or to 1; infinite for another shape."""
    if len(found) != len(expected):
        return float("inf")
    worst = 0.0
    for one, other in zip(found, expected, strict=True):
        if one is None or other is None:
            worst = max(worst, 0.0 if one is other else float("inf"))
            continue
        if one.shape != other.shape:
            return float("inf")
        one, other = one.detach().double(), other.detach().double()
        same = (one == other) | (one.isnan() & other.isnan())
        if not same.all():
            size = max(1.0, float(other[other.isfinite()].abs().max())) if other.isfinite().any() else 1.0
            gap = torch.where(same, 0.0, (one - other).abs() / size)
            worst = max(worst, float(gap.nan_to_num(float("inf"), float("inf")).max()))
    return worst


def strided(tensor: Tensor, random: Random) -> Tensor:
    """The same numbers, further apart, or in another order of axes."""
    if tensor.dim() > 1 and random.random() < 0.5:
        return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
    return torch.stack([tensor, tensor], -1)[..., 0]
