"""The measured process of cost.py: one mechanism that trains on the same batches again and again.

python -m cost_row FOLDER ROW THREADS        takes the order {"job": "turn"}, see timing/link.py
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from cost_rows import rows
from timing.link import Link, peak_megabytes

from regard.cli.demo import demo_config
from regard.config import Config, parse
from regard.data.embedded import write_corpus
from regard.data.readers import PairFiles
from regard.data.shards import prepare
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.run.memory import keep_memory
from regard.run.sides import learn_sides
from regard.run.subsets import Subset
from regard.run.training_parts import build_learner
from regard.training.loop import update
from regard.training.progress import Progress

BATCHES = 6


def prepare_corpus(folder: Path) -> None:
    """The embedded corpus, its tokenisers and its encoded form, once for all rows."""
    write_corpus(folder)
    files, data = PairFiles((str(folder / "train.tsv"),)), demo_config(1, False).data
    source, target = learn_sides(data, files)
    source.save(folder / "source.json")
    target.save(folder / "target.json")
    prepare(files, source, target, max_length=data.max_length, cache=folder / "cache")


def changed(config: Config, model: Mapping[str, Any]) -> Config:
    """The demo's recipe with other parts in its model, and a decoder as wide as the memory."""
    values = config.model_dump()
    values["model"]["decoder"]["hidden_size"] = 2 * config.model.encoder.hidden_size + config.model.embedding_size
    values["model"]["attention"]["end"] = True  # as when docs/cost.md was measured
    for part, choices in model.items():
        values["model"][part] |= choices
    return parse(values, "cost")


class Training:
    """A model and the batches that it trains on.

    Args:
        folder: what `prepare_corpus` filled.
        row: the name of a mechanism.
    """

    def __init__(self, folder: Path, row: str) -> None:
        torch.manual_seed(1)
        config = changed(demo_config(1, False), rows()[row].model)
        source, target = TextSource(Tokenizer.load(folder / "source.json")), Tokenizer.load(folder / "target.json")
        files = PairFiles((str(folder / "train.tsv"),))
        corpus = prepare(files, source, target, max_length=config.data.max_length, cache=folder / "cache")
        batches = Subset(corpus, None, config.data).batches(1, 0)
        self.batches = [next(batches) for _ in range(BATCHES)]
        model = build_model(config.model, source, target.size).train()
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.learner = build_learner(config.training, model, total_steps=1_000)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = peak_megabytes()

    def turn(self) -> dict[str, Any]:
        """One update on every batch: tokens, seconds, parameters, and the megabytes that updates have taken so far."""
        begun = time.perf_counter()
        tokens = sum(update(self.learner, [batch], Progress()).tokens for batch in self.batches)
        seconds = time.perf_counter() - begun
        memory = peak_megabytes() - self.before
        return {"tokens": tokens, "seconds": seconds, "parameters": self.parameters, "memory_mb": memory}


def main(folder: Path, row: str, threads: int) -> None:
    keep_memory()
    torch.set_num_threads(threads)
    link = Link()
    link.serve(turn=Training(folder, row).turn)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
