"""The best tokens of an output layer if each row may use only some tokens."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from regard.kernels.argmax_int8 import MAX_ROWS
from regard.kernels.layout import pack
from regard.kernels.library import OUT_OF_RANGE, kernels
from regard.kernels.logits import best_of
from regard.kernels.operands import expect_barred, expect_operand, told
from regard.kernels.structs import Chooser, ShortlistLayer
from regard.kernels.topk import Finder, as_number
from regard.marks import END


@dataclass(frozen=True)
class Lists:
    """The tokens that each sentence may use, beside the common tokens.

    Args:
        starts: where the list of each sentence begins in `tokens`, and the end of the last list.
        tokens: ascending in every list, none of them common.
        longest: entries of the longest list.

    Attributes:
        highest: the highest token of any list; -1 if there is none.

    Raises ValueError for starts, tokens or a length that do not describe lists.
    """

    starts: Int[Tensor, " lists_and_one"]
    tokens: Int[Tensor, " entries"]
    longest: int
    highest: int = field(init=False)

    def __post_init__(self) -> None:
        for given in (self.starts, self.tokens):
            if not isinstance(given, Tensor) or given.dim() != 1 or given.dtype != torch.long or given.is_meta:
                raise ValueError(f"Lists: given {told(given)}; expected starts and tokens along one axis, torch.int64.")
        starts, tokens = (each.numpy(force=True) for each in (self.starts, self.tokens))
        if not len(starts) or starts[0] != 0 or starts[-1] != len(tokens) or (np.diff(starts) < 0).any():
            raise ValueError(f"Lists: starts are not ascending from 0 to {len(tokens)}, where the last list ends.")
        if self.longest != np.diff(starts).max(initial=0):
            raise ValueError(f"Lists: longest is {self.longest}; expected {np.diff(starts).max(initial=0)}.")
        falls = np.diff(tokens) <= 0
        falls[starts[(starts > 0) & (starts < len(tokens))] - 1] = False  # from one list to the next
        if falls.any() or tokens.min(initial=0) < 0:
            raise ValueError("Lists: tokens are not ascending in every list; expected each once, from 0 on.")
        for name, value in (("starts", self.starts.contiguous()), ("tokens", self.tokens.contiguous())):
            object.__setattr__(self, name, value)  # compiled code reads them where they are
        object.__setattr__(self, "highest", int(tokens.max(initial=-1)))

    @classmethod
    def of(
        cls,
        owners: Int[np.ndarray, " links"],
        tokens: Int[np.ndarray, " links"],
        count: int,
        common: Int[Tensor, " common"],
    ) -> "Lists":
        """`count` lists from (owner, token) pairs in any order, with repetitions; common tokens are left out."""
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
        """The chosen lists of several objects, one after another."""
        found: list[np.ndarray] = []
        for lists, chosen in parts:
            starts, tokens = lists.starts.tolist(), lists.tokens.numpy(force=True)
            found += [tokens[starts[number] : starts[number + 1]] for number in chosen.tolist()]
        ends = np.cumsum([0, *map(len, found)])
        return cls._on(parts[0][0].tokens.device, ends, np.concatenate(found))


class ListedOutput:
    """An output layer of which each row may use only its list and the common tokens.

        logits(y) = features · W(y) + b(y) where y is common or listed, else -∞

    Args:
        weight, bias: of the layer.
        common: tokens that all rows may use, ascending.
        barred: a token that is never among the best, even if it is common or listed.

    Raises ValueError for shapes, types, devices, tokens or rows that do not fit.
    """

    def __init__(
        self,
        weight: Float[Tensor, "vocab features"],
        bias: Float[Tensor, " vocab"] | None,
        common: Int[Tensor, " common"],
        barred: int | None = None,
    ) -> None:
        _check_layer(weight, bias, common)
        expect_barred("ListedOutput", barred, len(weight))
        self.barred = barred
        self.weight = weight.detach().contiguous()
        self.bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().contiguous()
        self.common = common = common.contiguous()
        self._known: Lists | None = (
            None  # the lists that were checked last; a search passes the same ones at every step
        )
        known = weight.device.type == "cpu" and weight.dtype == torch.float32 and kernels().library is not None
        self._panels = pack(self.weight[common]) if known else None
        self._common_bias = self.bias[common]

    def project(
        self, features: Float[Tensor, "rows features"], lists: Lists, rows: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows vocab"]:
        """Logits over the whole vocabulary; `rows` says which list each row may use."""
        self._check(lists, rows)
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
        """`best_of(project(features, lists, rows), width)`; compiled code multiplies only allowed tokens."""
        self._check(lists, rows)
        if not isinstance(features, Tensor) or features.shape != (len(rows), self.weight.size(1)):
            raise ValueError(
                f"ListedOutput: features is {told(features)}; expected ({len(rows)}, {self.weight.size(1)}), "
                "one row for each that names a list."
            )
        finder = self.finder(lists, rows.contiguous())
        if finder is None:
            count = len(self.weight) - END - (self.barred is not None)
            return best_of(self.project(features, lists, rows), min(width, count), self.barred)
        return finder(features, width)

    def finder(self, lists: Lists, rows: Int[Tensor, " rows"]) -> Finder | None:
        """The finder in compiled code, or None. It reads `rows` at every call."""
        if self._panels is None or torch.is_grad_enabled():
            return None
        layer, (columns, depth) = self._layer(self._panels, lists, rows), self.weight.shape
        return Finder(kernels(), "topk_shortlist", layer, columns, depth, (self, lists, rows), len(rows))

    def argmax(self, lists: Lists, rows: Int[Tensor, " rows"]) -> "ListedArgmax | None":
        """The best token of few rows, for many steps; None if that would not be faster."""
        self._check(lists, rows)
        if self._panels is None or torch.is_grad_enabled() or len(rows) > MAX_ROWS:
            return None
        rows = rows.contiguous()
        return ListedArgmax(self._layer(self._panels, lists, rows), len(self.weight), len(rows), (self, lists, rows))

    def _check(self, lists: Lists, rows: Tensor) -> None:
        """Check that compiled code may read these. It checks itself which lists the rows name."""
        if (
            not isinstance(rows, Tensor)
            or rows.dim() != 1
            or rows.dtype != torch.long
            or rows.device != self.weight.device
        ):
            raise ValueError(
                f"ListedOutput: rows are {told(rows)}; expected one axis of torch.int64, beside the weight."
            )
        if lists is self._known:
            return
        if (
            not isinstance(lists, Lists)
            or lists.tokens.device != self.weight.device
            or lists.highest >= len(self.weight)
        ):
            raise ValueError(f"ListedOutput: expected lists of tokens below {len(self.weight)}, beside the weight.")
        if torch.isin(lists.tokens, self.common).any():
            raise ValueError("ListedOutput: a list has a token that is common; expected those that are not.")
        self._known = lists

    def _layer(self, panels: Tensor, lists: Lists, rows: Tensor) -> ShortlistLayer:
        self._check(lists, rows)
        if not rows.is_contiguous():
            raise ValueError("ListedOutput: rows are not side by side; expected them so: they are read where they are.")
        own = (self.weight, self.bias, panels, self._common_bias, self.common)
        parts = (*own, lists.starts, lists.tokens, rows)
        sizes = (self.weight.size(1), self.common.size(0), lists.longest, END, as_number(self.barred))
        return ShortlistLayer(*(part.data_ptr() for part in parts), *sizes, len(lists.starts) - 1)


class ListedArgmax:
    """The best token of rows that may use only their lists; made by `ListedOutput.argmax`."""

    def __init__(self, layer: ShortlistLayer, columns: int, rows: int, alive: Any) -> None:
        self._layer, self._columns, self._rows = layer, columns, rows
        self._alive = alive  # what the layer points to

    def __call__(self, features: Float[Tensor, "rows features"]) -> Int[Tensor, " rows"] | None:
        """The best token of each row; None if a row is no distribution."""
        expect_operand("ListedArgmax", "features", features, (self._rows, self._layer.depth))
        features = features.contiguous()
        tokens = torch.empty(len(features), dtype=torch.long)
        given = (ctypes.byref(self._layer), features.data_ptr(), len(features), tokens.data_ptr())
        failed = kernels().call("argmax_shortlist", *given)
        if failed == OUT_OF_RANGE:
            raise ValueError("ListedArgmax: a row names a list that does not exist; expected one of those given.")
        return None if failed else tokens

    @property
    def chooser(self) -> Chooser:
        """The same as an address for compiled code, valid while this object exists."""
        function, given = kernels().address("argmax_shortlist"), ctypes.addressof(self._layer)
        return Chooser(function, given, self._columns, self._layer.depth, self._rows)


def _check_layer(weight: Tensor, bias: Tensor | None, common: Tensor) -> None:
    if not isinstance(weight, Tensor) or weight.dim() != 2 or not weight.is_floating_point() or not weight.numel():
        raise ValueError(f"ListedOutput: weight is {told(weight)}; expected (vocab, features) of a floating type.")
    if bias is not None and not (
        isinstance(bias, Tensor)
        and bias.shape == weight.shape[:1]
        and (bias.dtype, bias.device) == (weight.dtype, weight.device)
    ):
        raise ValueError(f"ListedOutput: bias is {told(bias)}; expected ({len(weight)}), like the weight, or None.")
    if (
        not isinstance(common, Tensor)
        or common.dim() != 1
        or common.dtype != torch.long
        or common.device != weight.device
    ):
        raise ValueError(f"ListedOutput: common is {told(common)}; expected tokens along one axis, beside the weight.")
    tokens = common.numpy(force=True)
    if not len(tokens) or tokens[0] < 0 or tokens[-1] >= len(weight) or (np.diff(tokens) <= 0).any():
        raise ValueError(
            f"ListedOutput: common has {len(tokens)} tokens; expected at least one, ascending, below {len(weight)}."
        )
