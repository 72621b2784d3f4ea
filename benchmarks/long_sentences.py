"""What helps with sentences longer than those of training: the recipe of the demo, with changes.

    python benchmarks/long_sentences.py --set model.attention.moves=0 --set data.join.words=0

Trains it on the embedded corpus, and prints a row: BLEU and alignment error of the development pairs, and of long
sentences that no split has.
"""

import argparse
import shutil
from pathlib import Path
from random import Random

import torch

from regard.analysis.embedded import score_split
from regard.cli.demo import demo_config
from regard.data.embedded import GoldPair, english_chinese, write_corpus
from regard.data.embedded.corpus import HELD_OUT, LONG
from regard.data.embedded.gold import write_pair
from regard.data.embedded.phrase import read
from regard.data.embedded.sentences import long_sentence
from regard.data.readers import PairFiles
from regard.run.directory import load
from regard.run.fit import fit

SEED, COUNT = 777, 100


def long_pairs() -> list[GoldPair]:
    """Long sentences to choose on, drawn as those of the test, with another seed; none is in a split."""
    corpus, rng = english_chinese(), Random(SEED)
    splits = (corpus.train, corpus.dev, *corpus.test.values())
    known = {text for split in splits for pair in split for text in (pair.source, pair.target)}
    found: list[GoldPair] = []
    while len(found) < COUNT:
        reading = read(long_sentence(rng))
        pair = write_pair(reading)
        if len(reading.source) in LONG and known.isdisjoint((pair.source, pair.target)):
            known |= {pair.source, pair.target}
            found += [pair] if reading.marks.isdisjoint(HELD_OUT) else []
    return found


def main() -> None:
    """Train, and print the row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="a.b=c")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path("runs/long"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    write_corpus(given.out / "corpus")
    train, dev = (PairFiles((str(given.out / "corpus" / f"{split}.tsv"),)) for split in ("train", "dev"))
    shutil.rmtree(given.out / "model", ignore_errors=True)
    config = demo_config(given.seed, False, changes=["training.metric=loss", *given.changes])
    progress = fit(config, train, dev, given.out / "model", tell=print)
    translator, cells = load(given.out / "model"), [str(progress.step)]
    for name, pairs in (("dev", english_chinese().dev), ("long", long_pairs())):
        scores = score_split(translator, name, pairs)
        cells += [f"{scores.bleu.value:.1f}", f"{scores.alignment_error:.1f}"]
    print(f"| {' '.join(given.changes)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
