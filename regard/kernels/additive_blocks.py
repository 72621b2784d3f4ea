"""The kernels in PyTorch alone: block by block in two buffers, any dtype and device."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

CPU_BLOCK = 2**20  # numbers in one buffer: 4 MiB in single precision; smaller ones cost more in calls than caches give
OTHER_BLOCK = 2**24  # enough to fill a large device
PRODUCT_LIMIT = 10.0  # exp(2 · (PRODUCT_LIMIT + PRODUCT_LIMIT)) is far inside the range of single precision
EXPM1_BELOW = 0.7  # of 2x: below it expm1 has more digits than exp

Slices = tuple[slice, slice, slice]


def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Scores, as in `additive_scores`."""
    tanh = _Tanh(query, keys)
    scores = query.new_empty(query.size(0), query.size(1), keys.size(1))
    for rows, targets, sources in tanh.blocks():
        hidden, _ = tanh(rows, targets, sources)
        scores[rows, targets, sources] = torch.matmul(hidden, vector)
    return scores


def backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the query, the keys and the vector."""
    tanh = _Tanh(query, keys)
    grad_query, grad_keys = torch.zeros_like(query), torch.zeros_like(keys)
    grad_vector = torch.zeros_like(vector, dtype=torch.promote_types(vector.dtype, tanh.widest))
    for rows, targets, sources in tanh.blocks():
        hidden, spare = tanh(rows, targets, sources)
        part = grad[rows, targets, sources].unsqueeze(-1)
        weighted = torch.mul(hidden, part, out=spare)
        grad_vector += weighted.sum((0, 1, 2))
        slope = torch.addcmul(part, weighted, hidden, value=-1, out=spare)  # g · (1 − tanh²)
        grad_query[rows, targets] += slope.sum(2)
        grad_keys[rows, sources] += slope.sum(1)
    return grad_query.mul_(vector), grad_keys.mul_(vector), grad_vector.to(vector.dtype)


class _Tanh:
    """tanh(query + keys) of one block at a time, and a free buffer of the same shape. The next block overwrites both.

    In single precision on a CPU, tanh costs as much as twenty products. There it is computed from products of
    exponentials, as in `c/additive_attention.c`. Each exponential has two parts. The upper one has 12 bits, so that the
    product of two upper parts is exact, and subtracting 1 has no rounding error.
    """

    def __init__(self, query: Tensor, keys: Tensor) -> None:
        on_cpu = query.device.type == "cpu"
        self.query, self.keys = query.unsqueeze(2), keys.unsqueeze(1)
        self.size = CPU_BLOCK if on_cpu else OTHER_BLOCK
        # The type of sums over all blocks; not every device has double precision.
        self.widest = torch.double if on_cpu else query.dtype
        self.by_products = on_cpu and query.dtype == torch.float32 and _in_limit(query) and _in_limit(keys)
        if self.by_products:
            self.query_upper, self.query_rest = _split(self.query)
            self.key_upper, self.key_rest = _split(self.keys)
            self.key_whole = self.key_upper + self.key_rest
            self.minus_one = query.new_tensor(-1.0)
        pairs = query.size(0) * query.size(1) * keys.size(1)
        self.buffers = query.new_empty(2, min(pairs * query.size(2), max(self.size, query.size(2))))

    def blocks(self) -> Iterator[Slices]:
        """Slices of batch, target and source that fit a buffer; complete sources if they fit, then complete targets."""
        batch, target, source = self.query.size(0), self.query.size(1), self.keys.size(2)
        room = max(1, self.size // max(1, self.query.size(3)))
        sources = max(1, min(source, room))
        targets = max(1, min(target, room // sources))
        rows = max(1, min(batch, room // (sources * targets)))
        for row in range(0, batch, rows):
            for first in range(0, target, targets):
                for start in range(0, source, sources):
                    yield slice(row, row + rows), slice(first, first + targets), slice(start, start + sources)

    def __call__(self, rows: slice, targets: slice, sources: slice) -> tuple[Tensor, Tensor]:
        left, right = (rows, targets), (rows, slice(None), sources)
        query, keys = self.query[left], self.keys[right]
        shape = (query.size(0), query.size(1), keys.size(2), query.size(3))
        hidden, spare = self.buffers[:, : math.prod(shape)].view(2, *shape)
        if not self.by_products:
            return torch.add(query, keys, out=hidden).tanh_(), spare
        # exp(2q) · exp(2k) − 1, then divided by itself + 2
        torch.addcmul(self.minus_one, self.query_upper[left], self.key_upper[right], out=hidden)
        hidden.addcmul_(self.query_upper[left], self.key_rest[right])
        hidden.addcmul_(self.query_rest[left], self.key_whole[right])
        return hidden.div_(torch.add(hidden, 2, out=spare)), spare


def _in_limit(tensor: Tensor) -> bool:
    """Whether all numbers are small enough for products of exponentials; False for NaN."""
    least, most = tensor.aminmax() if tensor.numel() else (tensor.new_zeros(()),) * 2
    return bool((least >= -PRODUCT_LIMIT) & (most <= PRODUCT_LIMIT))


def _split(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """exp(2x): its upper 12 bits, and the rest. For small x the rest has the digits that exp rounds away."""
    double = tensor * 2
    whole = torch.exp(double)
    upper = (whole.view(torch.int32) & -4096).view(torch.float32)
    precise = double.expm1().sub_(upper - 1)
    return upper, torch.where(double.abs() < EXPM1_BELOW, precise, whole.sub_(upper))
