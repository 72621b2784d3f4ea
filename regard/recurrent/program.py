"""What happens in one step of a recurrent loop, as a list of operations on named registers.

A name is a register: (time, batch, width), written once a step. `name-` is the register one step before; before the
first step that is the start given under this very name. A name that no operation writes is an input, known for all
steps beforehand, or a parameter. The decoder of Luong et al. with input feeding, for example:

    Linear("fed-", "feed", "gates", plus="inputs")
    Linear("state-", "recurrent", "moved", bias="recurrent_bias")
    Gru("gates", "moved", "state-", "state")
    Linear("state", "project_query", "query")
    Attend("query", "weights", "context")
    Linear("context", "combine_context", "joined")
    Linear("state", "combine_state", "joined", plus="joined")
    Tanh("joined", "fed")
"""

from dataclasses import dataclass
from functools import cache

from torch import Tensor


@dataclass(frozen=True)
class Linear:
    """into = weight · source + bias + plus; `plus` is what stands in `into` already, or what nothing else reads."""

    source: str
    weight: str
    into: str
    bias: str | None = None
    plus: str | None = None


@dataclass(frozen=True)
class Gru:
    """One step of a GRU from the projected input and the projected state; see `cells.gru`. To the gates `plus` is
    added, in a single step; `loop` knows no such cell."""

    gates: str
    moved: str
    before: str
    into: str
    plus: str | None = None


@dataclass(frozen=True)
class Lstm:
    """One step of an LSTM from the summed projections; see `cells.lstm`. `memory-` is the cell before; `plus` as in
    `Gru`."""

    gates: str
    memory: str
    into: str
    plus: str | None = None


@dataclass(frozen=True)
class Tanh:
    """into = tanh(source)."""

    source: str
    into: str


@dataclass(frozen=True)
class Attend:
    """Additive attention with softmax over the source: parameters `keys` (projected), `vector` and `values`.

    weights = softmax(vector · tanh(query + keys)),  into = weights · values
    """

    query: str
    weights: str
    into: str


Operation = Linear | Gru | Lstm | Tanh | Attend
Program = tuple[Operation, ...]
Tensors = dict[str, Tensor]


@cache
def written(program: Program) -> tuple[str, ...]:
    """The registers that the loop fills, in order."""
    names: dict[str, None] = {}
    for operation in program:
        if isinstance(operation, Attend):
            names[operation.weights] = None
        elif isinstance(operation, Lstm):
            names[operation.memory] = None
        names[operation.into] = None
    return tuple(names)


@cache
def read(program: Program) -> tuple[str, ...]:
    """The registers, inputs included, that operations read."""
    names: dict[str, None] = {}
    found: tuple[str, ...]
    for operation in program:
        match operation:
            case Linear(source, plus=plus):
                found = (source, plus or source)
            case Gru(gates, moved, before, plus=plus):
                found = (gates, moved, before, plus or gates)
            case Lstm(gates, memory, plus=plus):
                found = (gates, f"{memory}-", plus or gates)
            case Tanh(source):
                found = (source,)
            case Attend(query):
                found = (query,)
        names |= dict.fromkeys(found)
    return tuple(names)


@cache
def starts(program: Program) -> tuple[str, ...]:
    """The registers that are read one step later, with their minus."""
    return tuple(name for name in read(program) if name.endswith("-"))


@cache
def inputs(program: Program) -> tuple[str, ...]:
    """What is read and never written."""
    known = set(written(program))
    return tuple(name for name in read(program) if name not in known and not name.endswith("-"))


@cache
def assigned(program: Program) -> frozenset[str]:
    """Registers whose gradient comes from one operation alone, which sets it; to that of others it is added."""
    names: set[str] = set()
    for operation in program:
        match operation:
            case Gru(gates, moved):
                names |= {gates, moved}
            case Lstm(gates):
                names.add(gates)
            case Tanh(source):
                names.add(source)
            case Attend(query):
                names.add(query)
            case Linear():
                pass
    return frozenset(names)
