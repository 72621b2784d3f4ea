"""Every mechanism of the tables, small, in double precision, and one call that looks with it."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attended, Attention
from regard.attention.build import build_attention
from regard.attention.rules import SAME_SIZE, refusal

BATCH, TARGET, SOURCE, QUERY, KEY, VALUE = 2, 3, 5, 7, 11, 13
Combination = tuple[str, str, str]
COMBINATIONS = [names for names in product(SCORES, SELECTIONS, WINDOWS) if refusal(*names) is None]


every_combination = pytest.mark.parametrize("names", COMBINATIONS, ids=["-".join(names) for names in COMBINATIONS])
# Every entry once, for what does not depend on how parts meet.
ONCE = [names for names in COMBINATIONS if sum(map(str.__ne__, names, ("dot", "softmax", "global"))) <= 1]
every_entry = pytest.mark.parametrize("names", ONCE, ids="-".join)

# Only what samples in training mode differs between the two modes.
BOTH_MODES = [
    (names, mode)
    for names in COMBINATIONS
    for mode in ("train", "eval")
    if mode == "train" or getattr(SELECTIONS[names[1]], "random", False)
]
every_mode = pytest.mark.parametrize(
    ("names", "mode"), BOTH_MODES, ids=["-".join([*names, mode]) for names, mode in BOTH_MODES]
)


def make(names: Combination, mode: str = "eval", seed: int = 0, **options: object) -> Attention:
    """The attention of that combination in double precision, its weights larger than usual, narrow if it is local."""
    torch.manual_seed(seed)
    score, select, window = names
    local = {} if window == "global" else {window: {"radius": 2}}
    key_size = QUERY if score in SAME_SIZE else KEY
    attention = build_attention(QUERY, key_size, score=score, select=select, window=window, options=local | options)
    for parameter in attention.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.7)
    return attention.double().train(mode == "train")


def inputs(names: Combination, seed: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Query, keys, values, and a mask whose second row has two padded positions."""
    generator = torch.Generator().manual_seed(seed)
    key_size = QUERY if names[0] in SAME_SIZE else KEY

    def draw(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.double)

    mask = torch.ones(BATCH, SOURCE, dtype=torch.bool)
    mask[1, 3:] = False
    return draw(BATCH, TARGET, QUERY), draw(BATCH, SOURCE, key_size), draw(BATCH, SOURCE, VALUE), mask


def look(attention: Attention, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Attended:
    """One call over all steps; the noise of row i is always that of seed 17 + i."""
    source = attention.prepare(keys, values, mask)
    history = replace(attention.begin(source), seed=torch.arange(17, 17 + len(mask)))
    return attention(query, source, history)
