"""Chance that is the same everywhere: one stream of random numbers for each sample of an embedded corpus."""

from collections.abc import Sequence

import numpy as np


def stream(place: str, split: str, splits: Sequence[str], seed: int, number: int) -> np.random.RandomState:
    """The random numbers of sample `number` of a split, which no other sample, split or seed shares.

    RandomState and not Generator: its streams are frozen, and stay the same in every version of numpy (NEP 19).
    Raises ValueError for an unknown split, or where seed or number is not in 0 .. 2³² − 1; `place` names the caller.
    """
    expect_split(place, split, splits)
    for name, value in (("seed", seed), ("number", number)):
        if not 0 <= value < 2**32:
            raise ValueError(f"{place}: {name} is {value}; expected 0 to 4294967295. Count samples from 0.")
    return np.random.RandomState([seed, list(splits).index(split), number])


def expect_split(place: str, split: str, splits: Sequence[str]) -> None:
    """Raise ValueError unless the split is one of these."""
    if split not in splits:
        raise ValueError(f"{place}: split is {split!r}; expected one of {', '.join(splits)}. Name one of them.")
