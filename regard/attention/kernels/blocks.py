"""The kernels in PyTorch alone: block by block in buffers that stay in the cache, any dtype and device."""

from collections.abc import Iterator

import torch
from torch import Tensor

CPU_BLOCK = 2**18  # numbers in one buffer: 1 MiB in single precision
OTHER_BLOCK = 2**24  # enough to fill a large device
NEAR = 10.0  # exp(2 · (NEAR + NEAR)) is far inside the range of single precision

Slices = tuple[slice, slice, slice]


def forward(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Scores, as in `additive_scores`."""
    tanh = _Tanh(query, keys)
    scores = query.new_empty(query.size(0), query.size(1), keys.size(1))
    for rows, targets, sources in tanh.blocks():
        torch.matmul(tanh(rows, targets, sources), vector, out=scores[rows, targets, sources])
    return scores


def backward(grad: Tensor, query: Tensor, keys: Tensor, vector: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the query, the keys and the vector."""
    tanh = _Tanh(query, keys)
    grad_query, grad_keys = torch.zeros_like(query), torch.zeros_like(keys)
    grad_vector = torch.zeros_like(vector, dtype=torch.double)  # it sums over all pairs
    block_vector = torch.empty_like(vector)
    for rows, targets, sources in tanh.blocks():
        hidden = tanh(rows, targets, sources)
        part = grad[rows, targets, sources]
        # With `out` nothing is autocast, should the backward run inside of it.
        grad_vector += torch.mv(hidden.flatten(0, 2).t(), part.reshape(-1), out=block_vector)
        hidden.square_().neg_().add_(1).mul_(part.unsqueeze(-1))
        grad_query[rows, targets] += hidden.sum(2)
        grad_keys[rows, sources] += hidden.sum(1)
    return grad_query.mul_(vector), grad_keys.mul_(vector), grad_vector.to(vector.dtype)


class _Tanh:
    """tanh(query + keys), of one block at a time, in a buffer that the next block overwrites.

    In single precision on a CPU, where tanh costs twenty times a product, from products of exponentials: see
    `additive.c`. Each exponential is kept in two parts, of which the upper has 12 bits, so that the product of two
    uppers is exact and the subtraction of 1 loses nothing.
    """

    def __init__(self, query: Tensor, keys: Tensor) -> None:
        self.query, self.keys = query.unsqueeze(2), keys.unsqueeze(1)
        self.size = CPU_BLOCK if query.device.type == "cpu" else OTHER_BLOCK
        self.split: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]] | None = None
        if query.device.type == "cpu" and query.dtype == torch.float32 and _is_near(query) and _is_near(keys):
            upper, rest = _split(self.keys)
            self.split = _split(self.query), (upper, rest, upper + rest)
        batch, target, source, hidden = query.size(0), query.size(1), keys.size(1), query.size(2)
        largest = min(batch * target * source * hidden, max(self.size, hidden))
        self.buffers = [query.new_empty(largest) for _ in range(1 if self.split is None else 2)]

    def blocks(self) -> Iterator[Slices]:
        """Slices of batch, target and source that fit a buffer; whole sources where they fit, then whole targets."""
        batch, target, source = self.query.size(0), self.query.size(1), self.keys.size(2)
        room = max(1, self.size // max(1, self.query.size(3)))
        sources = max(1, min(source, room))
        targets = max(1, min(target, room // sources))
        rows = max(1, min(batch, room // (sources * targets)))
        for row in range(0, batch, rows):
            for first in range(0, target, targets):
                for start in range(0, source, sources):
                    yield slice(row, row + rows), slice(first, first + targets), slice(start, start + sources)

    def __call__(self, rows: slice, targets: slice, sources: slice) -> Tensor:
        query, keys = self.query[rows, targets], self.keys[rows, :, sources]
        shape = torch.broadcast_shapes(query.shape, keys.shape)
        buffers = [each[: shape.numel()].view(shape) for each in self.buffers]
        if self.split is None:
            return torch.add(query, keys, out=buffers[0]).tanh_()
        (upper, rest), others = (each for each in self.split)
        key_upper, key_rest, key = (each[rows, :, sources] for each in others)
        upper, rest = upper[rows, targets], rest[rows, targets]
        less = torch.mul(upper, key_upper, out=buffers[0]).sub_(1)
        less.addcmul_(upper, key_rest).addcmul_(rest, key)
        return less.div_(torch.add(less, 2, out=buffers[1]))


def _is_near(tensor: Tensor) -> bool:
    """Whether all numbers are small enough for products of exponentials; not a number is not."""
    return bool((tensor.abs() <= NEAR).all())


def _split(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """exp(2x): its upper 12 bits, and the rest."""
    whole = tensor.double().mul_(2).exp_()
    upper = (whole.float().view(torch.int32) & -4096).view(torch.float32)
    return upper, whole.sub_(upper).float()
