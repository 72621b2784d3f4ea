"""The best tokens of an output layer where each row may use some of them alone."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.attention.kernels.library import Kernels, find
from regard.data.batch import END
from regard.output.argmax import MOST_ROWS
from regard.output.best import Finder, as_number, best_of, declare_best
from regard.unroll.following import Chooser
from regard.unroll.panels import pack

SOURCE = Path(__file__).with_name("listed.c")
LIBRARY = Path(__file__).with_name("liblisted.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


@dataclass(frozen=True)
class Lists:
    """What each sentence may use, beside what all may.

    Args:
        starts: where the list of each sentence begins in `tokens`, and where the last of them ends.
        tokens: ascending in every list, none of them common.
        longest: entries of the longest list.
    """

    starts: Int[Tensor, " lists_and_one"]
    tokens: Int[Tensor, " entries"]
    longest: int

    @classmethod
    def of(
        cls,
        owners: Int[np.ndarray, " links"],
        tokens: Int[np.ndarray, " links"],
        count: int,
        common: Int[Tensor, " common"],
    ) -> "Lists":
        """So many lists of the tokens that each owns, given in any order and any number of times; those that are common
        are left out."""
        shared = common.numpy(force=True)
        size = 1 + max(tokens.max(initial=0), shared.max(initial=0))
        own = np.ones(size, dtype=bool)
        own[shared] = False
        keys = np.sort((owners * size + tokens)[own[tokens]])
        keys = keys[np.diff(keys, prepend=-1) > 0]
        return cls._on(common.device, keys.searchsorted(np.arange(count + 1) * size), keys % size)

    @classmethod
    def _on(
        cls, device: torch.device, starts: Int[np.ndarray, " ends"], tokens: Int[np.ndarray, " entries"]
    ) -> "Lists":
        longest = int(np.diff(starts).max(initial=0))
        return cls(torch.from_numpy(starts).to(device), torch.from_numpy(tokens).to(device), longest)

    @classmethod
    def stack(cls, parts: "Sequence[tuple[Lists, Int[Tensor, ' chosen']]]") -> "Lists":
        """The given lists of some, one behind the other."""
        found: list[np.ndarray] = []
        for lists, chosen in parts:
            starts, tokens = lists.starts.tolist(), lists.tokens.numpy(force=True)
            found += [tokens[starts[number] : starts[number + 1]] for number in chosen.tolist()]
        ends = np.cumsum([0, *map(len, found)])
        return cls._on(parts[0][0].tokens.device, ends, np.concatenate(found))


class ListedOutput:
    """An output layer of rows that may use their lists alone, and what is common.

        logits(y) = features · W(y) + b(y) where y is common or listed, else -∞

    Args:
        weight, bias: of the layer.
        common: what all may use, ascending.
        barred: a token that is never among the best, though it be common or listed.
    """

    def __init__(
        self,
        weight: Float[Tensor, "vocab features"],
        bias: Float[Tensor, " vocab"] | None,
        common: Int[Tensor, " common"],
        barred: int | None = None,
    ) -> None:
        self.barred = barred
        self.weight = weight.detach().contiguous()
        self.bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().contiguous()
        self.common = common
        known = weight.device.type == "cpu" and weight.dtype == torch.float32 and kernels().library is not None
        self._panels = pack(self.weight[common]) if known else None
        self._common_bias = self.bias[common]

    def project(
        self, features: Float[Tensor, "rows features"], lists: Lists, rows: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows vocab"]:
        """Logits over the whole vocabulary; `rows` says which list each row may use."""
        owners = torch.arange(len(lists.starts) - 1, device=rows.device).repeat_interleave(lists.starts.diff())
        hidden = torch.ones(len(lists.starts) - 1, len(self.weight), dtype=torch.bool, device=rows.device)
        hidden[:, self.common] = False
        hidden[owners, lists.tokens] = False
        used = torch.unique(torch.cat([self.common, lists.tokens]))  # no other is multiplied
        logits = features.new_full((len(rows), len(self.weight)), -torch.inf)
        part = F.linear(features, self.weight[used], self.bias[used])
        logits[:, used] = part.masked_fill(hidden[:, used][rows], -torch.inf)
        return logits

    def best(
        self, features: Float[Tensor, "rows features"], lists: Lists, rows: Int[Tensor, " rows"], width: int
    ) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
        """`best_of(project(features, lists, rows), width)`; in compiled code without what is not allowed."""
        finder = self.finder(lists, rows)
        if finder is None:
            return best_of(self.project(features, lists, rows), width, self.barred)
        return finder(features, width)

    def finder(self, lists: Lists, rows: Int[Tensor, " rows"]) -> Finder | None:
        """What finds the best tokens in compiled code, if anything does; it reads `rows` whenever it is asked."""
        if self._panels is None or torch.is_grad_enabled():
            return None
        layer, most = self._layer(self._panels, lists, rows), self.weight.size(0) - END - (self.barred is not None)
        return Finder(kernels(), "regard_best_listed", layer, most, (self, lists, rows))

    def argmax(self, lists: Lists, rows: Int[Tensor, " rows"]) -> "ListedArgmax | None":
        """The best token alone of few such rows, for many steps; None where it is no faster to ask for it."""
        if self._panels is None or torch.is_grad_enabled() or len(rows) > MOST_ROWS:
            return None
        return ListedArgmax(self._layer(self._panels, lists, rows), (self, lists, rows))

    def _layer(self, panels: Tensor, lists: Lists, rows: Tensor) -> "_Layer":
        own = (self.weight, self.bias, panels, self._common_bias, self.common)
        parts = (*own, lists.starts, lists.tokens, rows)
        sizes = (self.weight.size(1), self.common.size(0), lists.longest, END, as_number(self.barred))
        return _Layer(*(part.data_ptr() for part in parts), *sizes)


class ListedArgmax:
    """The best token of rows that may use their lists alone; made by `ListedOutput.argmax`."""

    def __init__(self, layer: "_Layer", alive: Any) -> None:
        self._layer = layer
        self._alive = alive  # what the layer points to

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """Of each row; None where one is no distribution."""
        features, found = features.contiguous(), kernels()
        tokens = torch.empty(len(features), dtype=torch.long)
        failed = found.library.regard_argmax_listed(
            *(ctypes.byref(self._layer), features.data_ptr(), len(features), tokens.data_ptr()),
            *(found.fast, torch.get_num_threads(), found.team),
        )
        return None if failed else tokens

    @property
    def chooser(self) -> Chooser:
        """The same for compiled code; for as long as this lives."""
        function = ctypes.cast(kernels().library.regard_argmax_listed, ctypes.c_void_p).value
        return Chooser(function or 0, ctypes.addressof(self._layer))


class _Layer(ctypes.Structure):
    """As in listed.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "panels", "common_bias")),
        *((name, ctypes.c_void_p) for name in ("common", "starts", "tokens", "lists")),
        *((name, ctypes.c_int64) for name in ("depth", "commons", "longest", "first", "barred")),
    )


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    declare_best(library, "regard_best_listed")
    library.regard_argmax_listed.argtypes = [pointer, pointer, size, pointer, number, number, pointer]
    library.regard_argmax_listed.restype = number
