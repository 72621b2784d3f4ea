"""What tokens add to the registers of a step: products with their vectors, made when a token first comes, and kept."""

from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.compiled.step import Steps
from regard.kernels.operands import expect_operand
from regard.recurrent.program import Program, Tensors, written

VECTORS = "embedded"
"""The register of the vectors of tokens."""

ROWS = 4096
"""Of a table, or more where one step has more tokens."""


@dataclass
class Kept:
    """Some tokens, and what they add. A row that is written stays as it is.

    Args:
        tables: for each register, a row for each token that is kept.
        slots: the row of each token of the vocabulary; -1 for those that are not kept.
        used: rows that are written.
    """

    tables: Tensors
    slots: Int[np.ndarray, " vocab"]
    used: int = 0


class Entered:
    """The part of a step that depends on its token alone, over weights that no longer change.

    Most tokens of a text are few words that come again and again, in all sentences and hypotheses. What they add is
    looked up; at most `ROWS` tokens are kept, and when these are full they are begun anew. A row is the same whenever
    it is made. Several threads may ask at once.

    Args:
        program: products of the register `VECTORS`.
        weights: its parameters; they are read once.
        vectors: of each token.

    Attributes:
        registers: what it fills.
        count: tokens of the vocabulary.

    Raises ValueError for vectors that do not fit, and for tokens that there are not.
    """

    def __init__(self, program: Program, weights: Tensors, vectors: Float[Tensor, "vocab embedding"]) -> None:
        expect_operand("Entered", "vectors", vectors, ("vocab", "embedding"))
        self.registers = written(program)
        self._steps = Steps(program, weights, self.registers)
        self._vectors = vectors.detach()
        self.count = len(vectors)
        self._lock = Lock()
        self._kept = self._empty(0)

    def __call__(self, tokens: Int[np.ndarray, " rows"]) -> tuple[Kept, Int[np.ndarray, " rows"]]:
        """Tables that hold the tokens, and the row of each."""
        if not isinstance(tokens, np.ndarray) or tokens.ndim != 1 or tokens.dtype != np.int64:
            raise ValueError(f"Entered: tokens are {type(tokens).__name__}; expected numbers along one axis, int64.")
        if tokens.min(initial=0) < 0 or tokens.max(initial=0) >= self.count:
            raise ValueError(f"Entered: there is no such token; expected 0 to {self.count - 1}.")
        with self._lock:
            picks = self._kept.slots[tokens]
            if picks.min(initial=0) < 0:
                self._keep(np.unique(tokens))
                picks = self._kept.slots[tokens]
            return self._kept, picks

    def _keep(self, tokens: Int[np.ndarray, " tokens"]) -> None:
        """Write those that are missing; where there is no room for them, in new tables."""
        kept = self._kept
        missing = tokens[kept.slots[tokens] < 0]
        room = min(len(part) for part in kept.tables.values())
        if kept.used + len(missing) > room:
            kept, missing = self._empty(len(tokens)), tokens
        rows = slice(kept.used, kept.used + len(missing))
        for name, part in self._steps({VECTORS: self._vectors[torch.from_numpy(missing)]}).items():
            kept.tables[name][rows] = part
        kept.slots[missing] = np.arange(rows.start, rows.stop)
        kept.used = rows.stop
        self._kept = kept

    @torch.inference_mode(False)  # what is made in it could not be written outside of it
    def _empty(self, least: int) -> Kept:
        """Tables with room for so many tokens, or more."""
        rows = max(ROWS, 2 * least)
        tables = {name: self._vectors.new_empty(rows, self._steps.width(name)) for name in self.registers}
        return Kept(tables, np.full(len(self._vectors), -1))
