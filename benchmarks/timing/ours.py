"""The measured process of Regard: its own training loop, its own translator.

python -m timing.ours FOLDER MODE THREADS        MODE: train, greedy, beam or encode
"""

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from regard.data.batch import Batch
from regard.data.readers import PairFiles
from regard.data.shards import prepare as encode
from regard.model.build import build_model
from regard.run.directory import Run, load, search_options
from regard.run.memory import keep_memory
from regard.run.training_parts import build_learner
from regard.search.length_limit import LengthLimit
from regard.training.loop import train
from regard.training.plan import Plan
from regard.training.stopping import Limits
from regard.training.tensorfile import Contents
from timing.link import Gate, Link, timed
from timing.model import LONGEST_OUTPUT, facts, training_pairs


def run_training(link: Link, folder: Path) -> None:
    """Train until there are no more orders."""
    run, pairs = Run(folder / "run"), training_pairs(folder)
    config = run.config
    options = config.training
    source, target = run.sides
    torch.manual_seed(options.seed)
    model = build_model(config.model, source, target.size)
    learner = build_learner(options, model, 1)
    gate = Gate(
        link,
        lambda batch: int(batch.target_mask.sum()),
        lambda: run.publish(Contents(learner.published_tensors(), {})),
    )

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        return gate.through(pairs.batches(options.seed, epoch, start))

    train(learner, feed, Plan(Limits()))


def run_translation(link: Link, folder: Path, beam_size: int) -> None:
    """Translate some sentences, in batches or one by one, until there are no more orders."""
    run = Run(folder / "run")
    options = replace(search_options(run.config), beam_size=beam_size, limit=LengthLimit(0.0, LONGEST_OUTPUT))
    sentences = (folder / "test.txt").read_text(encoding="utf-8").split("\n")
    translator = load(run.path, options)

    def translate(first: int, count: int, batch: int) -> dict[str, Any]:
        chosen = sentences[first : first + count]
        groups = [chosen] if batch > 1 else [[sentence] for sentence in chosen]

        def run() -> int:
            found = (each for group in groups for each in translator.translate(group, units="tokens"))
            return sum(len(best.target) + 1 for best, *_ in found)

        return timed(run)

    link.serve(translate=translate)


def run_encoding(link: Link, folder: Path) -> None:
    """Encode the training files anew, until there are no more orders."""
    run, given = Run(folder / "run"), facts(folder)
    source, target = run.sides
    files = PairFiles(tuple(given.train))

    def encoding() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            started = time.perf_counter()
            corpus = encode(files, source, target, max_length=run.config.data.max_length, cache=Path(cache))
            return {"pairs": len(corpus), "seconds": time.perf_counter() - started}

    link.serve(encode=encoding)


def main(folder: Path, mode: str, threads: int) -> None:
    keep_memory()
    gc.freeze()  # what was imported is no garbage; `regard translate` says so, too
    torch.set_num_threads(threads)
    link = Link()
    if mode == "train":
        run_training(link, folder)
    elif mode == "encode":
        run_encoding(link, folder)
    else:
        run_translation(link, folder, 5 if mode == "beam" else 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
