"""What a shortlist could win at best, given the time that the output layer takes with it and without it."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from timing.figures import Figure
from timing.layer import Asked
from timing.limit import Cost, Lengths

from regard.kernels.additive import additive_scores

HEAD = (
    "µs a token",
    "output layer, whole",
    "output layer, shortlist",
    "rest, whole",
    "rest, shortlist",
    "rest at sgemm",
    "ratio at best",
    "rest with tanh",
    "ratio at best, with tanh",
)
SENTENCES, POSITIONS, REPEATS = 256, 16, 5
TANGENTS = 32_768
"""Of each thread; they and their results fit into its second cache."""


@dataclass(frozen=True)
class Spent:
    """What a search took for one token that it put out.

    Args:
        output: seconds inside the output layer.
        rest: other seconds.
        hypotheses: that it had, on the average.
        pasts: different ones that these continued.
    """

    output: float
    rest: float
    hypotheses: float
    pasts: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return 1 / (self.output + self.rest)

    @classmethod
    def of(cls, asked: Asked, seconds: float, tokens: int) -> "Spent":
        """From the totals of a search."""
        rest, pasts = seconds - asked.seconds, asked.rows - asked.shared
        return cls(*(total / tokens for total in (asked.seconds, rest, asked.rows, pasts)))


@dataclass(frozen=True)
class Round:
    """Both searches, and the machine beside them.

    Args:
        whole, listed: without the shortlist, and with it.
        sgemm: products, in 10⁹ operations a second.
        tangents: hyperbolic tangents a second.
    """

    whole: Spent
    listed: Spent
    sgemm: float
    tangents: float

    def products(self, cost: Cost, lengths: Lengths) -> float:
        """Seconds of a token beside the output layer if there were products alone, as fast as large ones."""
        return cost.beside_output(lengths, self.whole.hypotheses, self.whole.pasts) / (1e9 * self.sgemm)

    def with_tangents(self, cost: Cost, lengths: Lengths) -> float:
        """The same, and the hyperbolic tangents of attention."""
        return self.products(cost, lengths) + cost.tangents(lengths, self.whole.hypotheses) / self.tangents

    def ratio(self, rest: float) -> float:
        """How many times as fast the search with a shortlist were, if both took so long beside the output layer."""
        return (rest + self.whole.output) / (rest + self.listed.output)


def row(name: str, rounds: Sequence[Round], cost: Cost, lengths: Lengths) -> list[str]:
    """One line of the table."""
    cells = [_micros(each.whole.output for each in rounds), _micros(each.listed.output for each in rounds)]
    cells += [_micros(each.whole.rest for each in rounds), _micros(each.listed.rest for each in rounds)]
    for least in (Round.products, Round.with_tangents):
        rests = [least(each, cost, lengths) for each in rounds]
        ratios = [each.ratio(rest) for each, rest in zip(rounds, rests, strict=True)]
        cells += [_micros(rests), f"{Figure(ratios, 2)} ×"]
    return [name, *cells]


def _micros(seconds: Iterable[float]) -> str:
    return str(Figure([1e6 * each for each in seconds]))


@torch.inference_mode()
def tangents(beam: int, features: int) -> float:
    """Hyperbolic tangents a second: by torch.tanh from the second cache, or where that is faster by the kernel that
    compares so many queries with every key and divides less often."""
    numbers = torch.randn(TANGENTS * torch.get_num_threads())
    found, vector = torch.empty_like(numbers), torch.randn(features)
    queries, keys = (torch.randn(SENTENCES, count, features) for count in (beam, POSITIONS))
    return max(
        len(numbers) / _seconds(lambda: torch.tanh(numbers, out=found)),
        SENTENCES * beam * POSITIONS * features / _seconds(lambda: additive_scores(queries, keys, vector)),
    )


def _seconds(work: Callable[[], object]) -> float:
    """The least of some repeats: nothing can be faster than the machine, and anything may disturb it."""
    spent = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent[1:])
