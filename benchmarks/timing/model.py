"""The reference model R and its data, prepared once in a folder through the same doors as `regard train`.

FOLDER/run/             a run directory: recipe, joint tokeniser, and later weights
FOLDER/train.src .tgt   the training pairs as token numbers between spaces, for systems that bring their own data
FOLDER/test.src .tgt    the sentences to translate, alike
FOLDER/test.txt         the same as text
FOLDER/facts.json       where it came from, and its sizes; weights of other systems lie beside it
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from regard.config import Config, parse
from regard.data.embedded import write_corpus
from regard.data.example import Example
from regard.data.readers import PairFiles
from regard.data.shards import prepare as encode
from regard.run.directory import Run
from regard.run.sides import learn_sides
from regard.run.subsets import Subset
from timing.limit import Cost, Lengths

FACTS = "facts.json"
BATCH = 64
LONGEST_OUTPUT = 100
RECIPE: dict[str, Any] = {
    "name": "R",
    "data": {
        "source": {"tokenizer": "bpe", "vocab_size": 10_000},
        "joint": True,
        "batch_by": "sentences",
        "batch_size": BATCH,
    },
    "model": {
        "embedding_size": 256,
        "readout_size": 512,
        "encoder": {"cell": "gru", "hidden_size": 256, "bidirectional": True},
        "decoder": {"kind": "luong", "cell": "gru", "hidden_size": 512, "input_feeding": True},
        "attention": {"score": "additive", "end": True},
    },
    "training": {"optimizer": "adam", "learning_rate": 0.001, "clip": 5.0},
    "search": {"batch_size": BATCH},
}


@dataclass(frozen=True)
class Facts:
    """What was prepared.

    Args:
        train: the files of pairs, as given.
        lengths: totals of the training pairs.
        vocabulary: entries of the joint tokeniser.
        sentences: how many there are to translate.
    """

    train: list[str]
    lengths: Lengths
    vocabulary: int
    sentences: int

    @property
    def cost(self) -> Cost:
        """Of R over this vocabulary."""
        return Cost.of(recipe().model, self.vocabulary)


def recipe() -> Config:
    """R as a recipe."""
    return parse(RECIPE, "reference model R")


def facts(folder: Path) -> Facts:
    """What was prepared in a folder."""
    content = json.loads((folder / FACTS).read_text())
    return Facts(**content | {"lengths": Lengths(**content["lengths"])})


def training_pairs(folder: Path) -> Subset:
    """The training pairs as batches of R."""
    run, given = Run(folder / "run"), facts(folder)
    source, target = run.sides
    data = run.config.data
    corpus = encode(
        PairFiles(tuple(given.train)), source, target, max_length=data.max_length, cache=folder / "run" / "cache"
    )
    return Subset(corpus, None, data)


def prepare(out: Path, train: Sequence[str], test: Sequence[str], sentences: int) -> Path:
    """Learn the tokeniser, encode the pairs, and write what the other systems read; the folder of all that.

    Args:
        out: holds one folder for each choice of pairs; what is there from the same pairs is kept.
        train: one file of pairs or two parallel ones; none for the embedded corpus.
        test: pairs to translate; none for the first of training.
        sentences: how many of them to translate.
    """
    if not train:
        embedded = out / "embedded"
        if not embedded.exists():
            write_corpus(embedded)
        train, test = [str(embedded / "train.tsv")], [str(embedded / "test-ordinary.tsv")]
    files = PairFiles(tuple(str(Path(path).resolve()) for path in train))
    chosen = list(islice(PairFiles(tuple(test)).read() if test else files.read(), sentences))
    folder = out / _digest(files.read(), chosen)
    if not (folder / FACTS).exists():
        _prepare(folder, files, chosen)
    elif (found := facts(folder)).train != list(files.paths):  # those that it was made of may be gone
        _keep(folder, replace(found, train=list(files.paths)))
    return folder


def _prepare(folder: Path, files: PairFiles, chosen: Sequence[Example]) -> None:
    run, config = Run(folder / "run"), recipe()
    run.create(config, *learn_sides(config.data, files))
    source, tokenizer = run.sides
    corpus = encode(files, source, tokenizer, max_length=config.data.max_length, cache=run.path / "cache")
    _write(folder / "train.src", (corpus.source[number].tolist() for number in range(len(corpus))))
    _write(folder / "train.tgt", (corpus.target[number].tolist() for number in range(len(corpus))))
    _write(folder / "test.src", (tokenizer.ids(pair.source) for pair in chosen))
    _write(folder / "test.tgt", (tokenizer.ids(pair.target or "") for pair in chosen))
    (folder / "test.txt").write_text("".join(pair.source + "\n" for pair in chosen), encoding="utf-8", newline="\n")
    (folder / "vocabulary.txt").write_text(str(tokenizer.size))
    lengths = Lengths.of(corpus.source_lengths, corpus.target_lengths)
    _keep(folder, Facts(list(files.paths), lengths, tokenizer.size, len(chosen)))


def _keep(folder: Path, found: Facts) -> None:
    (folder / FACTS).write_text(json.dumps(asdict(found), indent=1))


def _write(path: Path, rows: Iterable[Sequence[int]]) -> None:
    with open(path, "w") as stream:
        stream.writelines(" ".join(map(str, row)) + "\n" for row in rows)


def _digest(train: Iterable[Example], chosen: Iterable[Example]) -> str:
    """By what is learned and translated, wherever and whenever it was written: to train anew takes minutes."""
    asked = [RECIPE, _content(train), _content(chosen)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def _content(pairs: Iterable[Example]) -> str:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(json.dumps([pair.source, pair.target]).encode())
    return digest.hexdigest()
