"""Why does scaled_dot fall behind on `reverse`? The same run with one thing changed, and how sure its looks are.

    python benchmarks/learning_scale.py                     all of them, seed 1, about five minutes of one processor
    python benchmarks/learning_scale.py --only dot learned  some of them

Each run is that of `learning.py`: the same recipe, data, updates and seed, but for what it names. A look is sure when
its largest weight is near one; printed is the mean of the largest weight over all looks at the test split.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from learning import learn
from learning_rows import ROWS
from torch import Tensor, nn

from regard.attention import SCORES, scaled_dot
from regard.attention.history import History
from regard.data.diagnostic import make_task, write_task
from regard.run.directory import load
from regard.run.memory import keep_memory

TASK = "reverse"


class LearnedScale(nn.Module):
    """`scaled_dot` times a learned number that starts at one: the same scores at first, and free to grow."""

    sequential = False

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.score = scaled_dot.ScaledDotScore(query_size, key_size)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
        """The keys themselves."""
        return self.score.prepare(keys)

    def forward(
        self,
        query: Float[Tensor, "batch target query"],
        prepared: Float[Tensor, "batch source query"],
        history: History,
    ) -> Float[Tensor, "batch target source"]:
        """Score every target position against every source position."""
        scores: Tensor = self.score(query, prepared, history)
        return scores * self.log_scale.exp()


# A score is found by its name; this one has a name here alone.
vars(scaled_dot)["LearnedScale"] = LearnedScale
SCORES.places["learned_scale"] = "scaled_dot:LearnedScale"

SCALED = next(row for row in ROWS if row.name == "scaled_dot")
CHANGES: dict[str, dict[str, Any]] = {
    "scaled_dot": {},
    "twice the updates": {"training": {"max_steps": 3000}},
    "twice the rate": {"training": {"learning_rate": 0.008}},
    "learned": {"model": {"attention": {"score": "learned_scale"}}},
    "dot": {"model": {"attention": {"score": "dot"}}},
}


def sureness(run: Path, sources: list[str]) -> float:
    """The mean of the largest weight over all looks."""
    found = [each[0].weights for each in load(run).translate(sources, units="tokens")]
    return sum(float(weights.max(1).sum()) for weights in found) / sum(len(weights) for weights in found)


def table(names: list[str], seed: int, out: Path) -> Iterator[str]:
    """What each change came to, in Markdown, as it comes."""
    write_task(make_task(TASK), out / "data" / TASK)
    lines = (out / "data" / TASK / "test.tsv").read_text(encoding="utf-8").splitlines()
    yield "| run | right | largest weight | updates |"
    yield "| --- | --- | --- | --- |"
    for name in names:
        result = learn(replace(SCALED, name=name, **CHANGES[name]), TASK, seed, out)
        largest = sureness(out / "runs" / TASK / name, [line.split("\t")[0] for line in lines])
        yield f"| {name} | {result['score']:.1f} % | {largest:.2f} | {result['updates']} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/learning-scale"))
    parser.add_argument("--only", nargs="*", default=list(CHANGES), choices=list(CHANGES), metavar="RUN")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    for line in table(options.only, options.seed, options.out):
        print(line, flush=True)


if __name__ == "__main__":
    main()
