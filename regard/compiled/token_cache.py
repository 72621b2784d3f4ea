"""What tokens add to the registers of a step: products with their vectors, computed once for each token, and kept."""

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
class CachedTokens:
    """Some tokens, and what they add. A row that is written is not changed.

    Args:
        tables: for each register, a row for each token of the cache.
        slots: the row of each token of the vocabulary; -1 for those that are not in the cache.
        used: rows that are written.
    """

    tables: Tensors
    slots: Int[np.ndarray, " vocab"]
    used: int = 0


class TokenCache:
    """The part of a step that depends on its token alone, over weights that no longer change.

    Most tokens of a text are few words that come again and again, in all sentences and hypotheses. What they add is
    looked up; at most `ROWS` tokens are kept, and when the cache is full it is emptied. A row is the same whenever it
    is computed. Several threads may ask at once.

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
        expect_operand("TokenCache", "vectors", vectors, ("vocab", "embedding"))
        self.registers = written(program)
        self._steps = Steps(program, weights, self.registers)
        self._vectors = vectors.detach()
        self.count = len(vectors)
        self._lock = Lock()
        self._cached = self._empty(0)

    def __call__(self, tokens: Int[np.ndarray, " rows"]) -> tuple[CachedTokens, Int[np.ndarray, " rows"]]:
        """Tables that hold the tokens, and the row of each."""
        if not isinstance(tokens, np.ndarray) or tokens.ndim != 1 or tokens.dtype != np.int64:
            raise ValueError(f"TokenCache: tokens are {type(tokens).__name__}; expected numbers along one axis, int64.")
        if tokens.min(initial=0) < 0 or tokens.max(initial=0) >= self.count:
            raise ValueError(f"TokenCache: there is no such token; expected 0 to {self.count - 1}.")
        with self._lock:
            picks = self._cached.slots[tokens]
            if picks.min(initial=0) < 0:
                self._add(np.unique(tokens))
                picks = self._cached.slots[tokens]
            return self._cached, picks

    def _add(self, tokens: Int[np.ndarray, " tokens"]) -> None:
        """Write those that are missing; where there is no space for them, in new tables."""
        cached = self._cached
        missing = tokens[cached.slots[tokens] < 0]
        capacity = min(len(part) for part in cached.tables.values())
        if cached.used + len(missing) > capacity:
            cached, missing = self._empty(len(tokens)), tokens
        rows = slice(cached.used, cached.used + len(missing))
        for name, part in self._steps({VECTORS: self._vectors[torch.from_numpy(missing)]}).items():
            cached.tables[name][rows] = part
        cached.slots[missing] = np.arange(rows.start, rows.stop)
        cached.used = rows.stop
        self._cached = cached

    @torch.inference_mode(False)  # what is made in it could not be written outside of it
    def _empty(self, least: int) -> CachedTokens:
        """Tables with space for so many tokens, or more."""
        rows = max(ROWS, 2 * least)
        tables = {name: self._vectors.new_empty(rows, self._steps.width(name)) for name in self.registers}
        return CachedTokens(tables, np.full(len(self._vectors), -1))
