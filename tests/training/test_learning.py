"""Each mechanism learns: a look at each step, and the objective that its selection needs, on a task of a second.

The source is a few symbols, the target the same. The query is the number of the step and nothing else, a key tells
place and symbol, a value the symbol alone, so that only weights on the right place can name it. How well each mechanism
does in a whole model, and which tasks it cannot do, is in `docs/learning.md`.
"""

from typing import Any

import pytest
import torch
from torch import nn

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.build import build_attention
from regard.data.batch import BEGIN, END, PAD, Batch
from regard.decoders.output import LinearOutput
from regard.decoders.step import Unrolled
from regard.decoders.vocabulary import TargetTokens
from regard.training.objective import CrossEntropy
from regard.training.score_function import ScoreFunction
from regard.training.temperature import Annealing

LEAST, MOST, SYMBOLS, SIZE, ROWS = 3, 5, 7, 11, 61
UPDATES, RATE = 100, 0.05
MECHANISMS = [("additive", select, "global") for select in SELECTIONS]
MECHANISMS += [(score, "softmax", "global") for score in SCORES if score != "additive"]
MECHANISMS += [("additive", "softmax", window) for window in WINDOWS if window != "global"]
Options = dict[str, dict[str, Any]]
OPTIONS: Options = {"local_m": {"radius": 1}, "local_p": {"radius": 4}}


class Finder(nn.Module):
    """Looks once per step and names what it found."""

    def __init__(self, score: str, select: str, window: str, options: Options = OPTIONS) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(END + 1 + SYMBOLS, SIZE), nn.Embedding(MOST, SIZE)
        self.steps = nn.Embedding(MOST, 2 * SIZE)
        self.tokens = TargetTokens(self.symbols, LinearOutput(SIZE, END + 1 + SYMBOLS))
        self.attention = build_attention(2 * SIZE, 2 * SIZE, score=score, select=select, window=window, options=options)

    def forward(self, batch: Batch, temperature: float = 1.0) -> Unrolled:
        """The contexts of all steps."""
        rows, length = batch.source.shape
        values = self.symbols(batch.source)
        keys = torch.cat([values, self.places.weight[:length].expand(rows, -1, -1)], -1)
        source = self.attention.prepare(keys, values, batch.source_mask)
        attended = self.attention(
            self.steps.weight[:length].expand(rows, -1, -1),
            source,
            self.attention.begin(source, temperature=temperature),
        )
        return Unrolled(attended.context, attended.weights, attended.log_prob, attended.entropy)


def draw(generator: torch.Generator, rows: int = ROWS) -> Batch:
    """Symbols of random lengths, and the same again."""
    lengths = torch.randint(LEAST, MOST + 1, (rows, 1), generator=generator)
    mask = torch.arange(MOST) < lengths
    symbols = torch.randint(END + 1, END + 1 + SYMBOLS, (rows, MOST), generator=generator).masked_fill(~mask, PAD)
    return Batch(symbols, mask, torch.full_like(symbols, BEGIN), symbols, mask, torch.arange(rows))


def learned(model: Finder, objective: nn.Module) -> float:
    """The share of symbols that are named right after training."""
    generator = torch.Generator().manual_seed(1)
    optimizer, temperature = torch.optim.Adam(model.parameters(), RATE), Annealing(1.0, 0.3, 3 / UPDATES)
    for step in range(1, UPDATES + 1):
        loss = objective(model, draw(generator), temperature(step))
        optimizer.zero_grad()
        (loss.total / loss.tokens).backward()
        optimizer.step()
    batch = draw(generator, 503)
    found = model.eval().tokens.output(model(batch).features).argmax(-1)
    return float((found == batch.targets)[batch.target_mask].float().mean())


@pytest.mark.parametrize(("score", "select", "window"), MECHANISMS, ids=["-".join(names) for names in MECHANISMS])
def test_it_learns_where_to_look(score: str, select: str, window: str) -> None:
    """All but uniform weights, by which no more than the symbols of a source can be known, and not their order."""
    torch.manual_seed(1)
    sampled = getattr(SELECTIONS[select], "sampled", False)
    # A finder carries nothing from step to step, so that a choice answers for its own symbol.
    right = learned(Finder(score, select, window), ScoreFunction(carries=False) if sampled else CrossEntropy())
    assert right < 0.6 if select == "uniform" else right > 0.9


@pytest.mark.parametrize("reinforce", [1.0, 0.0])
def test_where_every_row_samples_the_score_function_alone_can_teach(reinforce: float) -> None:
    """In the rows that expect the cross-entropy teaches, too, so that here there are none."""
    torch.manual_seed(1)
    model = Finder("additive", "hard", "global", {"hard": {"expectation": 0.0}})
    right = learned(model, ScoreFunction(reinforce=reinforce, carries=False))
    assert right > 0.9 if reinforce else right < 0.6
