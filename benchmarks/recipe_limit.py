"""Does the training of a recipe use the machine as well as that of the reference model R?

    python benchmarks/recipe_limit.py multi30k-en-de TRAIN.en TRAIN.de
    python benchmarks/recipe_limit.py cmudict TRAIN.tsv --set model.decoder.num_layers=2 --rounds 9

The limit is the matrix products of an update over what the machine multiplies in that moment (sgemm, 1024³). A recipe's
share of it is compared with that of R on the same pairs: each round measures sgemm, some updates of R, sgemm again, and
some updates of the recipe. R and its batches are those of `reference.py`. Seconds are of processor time, of one thread.

Products are counted by PyTorch's `FlopCounterMode` on the definition, without compiled code: forward and backward, with
padding and convolutions; not counted are tanh, softmax, look-ups and the optimiser. Passes that a recipe makes twice
count twice. An LSTM is counted from its products, not from oneDNN's layer.
"""

import argparse
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from timing.figures import Figure, machine_line, markdown
from timing.machine import PRODUCTS, SIZE
from timing.model import recipe as reference
from torch.utils.flop_counter import FlopCounterMode

from regard.config import Config
from regard.config.recipe import load_recipe
from regard.config.recipes import find
from regard.data.batch import Batch
from regard.data.readers import PairFiles
from regard.kernels.library import SWITCH, kernels
from regard.run.fit import prepare, total_updates
from regard.run.training_parts import build_learner
from regard.training.distributed import ALONE
from regard.training.learner import Learner
from regard.training.loop import update
from regard.training.progress import Progress

WARM, UPDATES = 2, 10
HEAD = ("", "target tok/s", "MFLOP a token", "share of the limit, %")


@dataclass
class Trained:
    """A model in training, and what was measured of it.

    Args:
        learner: model and optimiser.
        batches: the first of an epoch.
        operations: of an update over each of them.
        rates: target tokens a second of each round.
        limits: 10⁹ operations a second of sgemm, around each round.
        shares: of the limit, of each round.
    """

    learner: Learner
    batches: Sequence[Batch]
    operations: Sequence[float]
    rates: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, config: Config, files: PairFiles, place: Path, stack: ExitStack) -> "Trained":
        """Read the pairs, build the model, and count; `place` is a folder that is not there yet."""
        quiet = {"resume": False, "device": None, "tell": lambda line: None, "world": ALONE, "stack": stack}
        parts = prepare(config, files, None, place, **quiet)
        learner = build_learner(config.training, parts.model, total_updates(config.training, parts.learn), parts.links)
        learner.model.train()
        batches = list(islice(parts.learn.batches(config.training.seed, 0), UPDATES))
        with definition():
            counted = [operations(learner, batch) for batch in batches]
        return cls(learner, batches, counted)

    def measure(self) -> None:
        """One round."""
        before = sgemm()
        started = time.process_time()
        done = [update(self.learner, [batch], Progress(step=WARM)) for batch in self.batches]
        seconds = time.process_time() - started
        self.limits.append((before + sgemm()) / 2)
        self.rates.append(sum(each.tokens for each in done) / seconds)
        self.shares.append(100 * sum(self.operations) / seconds / 1e9 / self.limits[-1])

    def row(self, name: str) -> tuple[str, ...]:
        """Of the table."""
        tokens = sum(int(batch.target_mask.sum()) for batch in self.batches)
        return name, str(Figure(self.rates)), f"{sum(self.operations) / tokens / 1e6:.1f}", str(Figure(self.shares))


def sgemm() -> float:
    """10⁹ operations a second of products of SIZE³, by processor time: other programs may run beside it."""
    square = torch.rand(SIZE, SIZE)
    out = square @ square
    started = time.process_time()
    for _ in range(PRODUCTS):
        torch.mm(square, square, out=out)
    return 2 * SIZE**3 * PRODUCTS / (time.process_time() - started) / 1e9


@contextmanager
def definition() -> Iterator[None]:
    """Every formula as it is defined, so that all products are PyTorch's."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "off"
    kernels.cache_clear()
    try:
        # A layer of oneDNN would be counted as nothing. Its flags warn of GPUs, which are not asked for.
        with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False):
            yield
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
        kernels.cache_clear()


def operations(learner: Learner, batch: Batch) -> float:
    """Of the products of one update, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        learner.objective_at(1)(learner.model, batch, learner.temperature(1)).total.backward()
    learner.optimizer.zero_grad(set_to_none=True)
    return float(counter.get_total_flops())


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="the name of one of Regard's, or a YAML file")
    parser.add_argument("train", nargs="+", metavar="TRAIN", help="pairs: one file, or two parallel ones")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `regard train`")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    files, found = PairFiles(tuple(options.train)), {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for name, config in (("R", reference()), (options.recipe, load_recipe(find(options.recipe), options.set))):
            found[name] = Trained.of(config, files, folder / f"{len(found)}", stack)
        for each in found.values():
            for batch in each.batches[:WARM]:
                update(each.learner, [batch], Progress())
        for _ in range(options.rounds):
            for each in found.values():
                each.measure()
    limits = Figure([limit for each in found.values() for limit in each.limits])
    print(f"{machine_line(1)}; {options.rounds} rounds, {time.strftime('%Y-%m-%d')}; sgemm {limits} GFLOP/s\n")
    print(markdown(HEAD, (each.row(name) for name, each in found.items())))
    usual, own = (each.shares for each in found.values())
    ratios = [mine / other for mine, other in zip(own, usual, strict=True)]
    print(f"\nThe share of {options.recipe} over that of R, round by round: {Figure(ratios, 2)}")


if __name__ == "__main__":
    main()
