"""Should attention see the end mark of the source? The demo, trained both ways.

    python benchmarks/end_mark.py [--seeds 1 2 3] [--out DIR] [--threads 1]

Trains the recipe of the demo with `model.attention.end` true and false, unless DIR holds the run already, and prints
for every split: BLEU; the alignment error with one link for each target word, and the same without links for words
whose largest weight is on the end mark; the share of characters whose largest weight is on a word that theirs is linked
with, and the weight on the end mark, both by the place of the character in its word. Then, for the models that may
attend to the end mark, the change of the log-probability of the right character without it.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from regard.alignment.alignment import Alignment
from regard.alignment.error_rate import alignment_errors
from regard.alignment.linking import Gold, Links, links
from regard.alignment.units import regroup
from regard.cli.demo import SINGLE, demo_config
from regard.config import fill
from regard.data.batch import BEGIN, END
from regard.data.embedded import GoldPair, english_chinese, write_corpus
from regard.data.readers import PairFiles
from regard.data.sources import batch_of
from regard.metrics import METRICS
from regard.run.directory import Run, load
from regard.run.fit import fit

ABLATED = 200
"""Pairs of the development split for which the last table is computed."""


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("runs/end-mark"))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    write_corpus(given.out / "corpus")
    print(
        "| end | seed | split | BLEU | error | error, end unlinked | first right | later right | first | later | last |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    runs = [(end, seed, _trained(given.out, end, seed)) for end in (True, False) for seed in given.seeds]
    for end, seed, run in runs:
        for name, pairs in {"dev": english_chinese().dev, **english_chinese().test}.items():
            print(f"| {str(end).lower()} | {seed} | {name} | {' | '.join(judge(run, pairs))} |", flush=True)
    print("\n| seed | place | characters | end mark | as trained | end hidden | end alone |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for end, seed, run in runs:
        for row in ablate(run) if end else ():
            print(f"| {seed} | {' | '.join(row)} |", flush=True)


def _trained(out: Path, end: bool, seed: int) -> Path:
    run = out / f"{'seen' if end else 'hidden'}-{seed}"
    if not (run / "model.safetensors").exists():
        train, dev = (PairFiles((str(out / "corpus" / f"{split}.tsv"),)) for split in ("train", "dev"))
        fit(fill(demo_config(seed, False, changes=SINGLE), {"model.attention.end": end}), train, dev, run, resume=True)
    return run


def judge(run: Path, pairs: list[GoldPair]) -> list[str]:
    """BLEU; both errors in per cent; of first and of later characters, the share that looks most at a word which theirs
    is linked with; the mean weight on the end mark, of first and of later characters, and of the end of the output."""
    translator = load(run)
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    outputs = [found[0].target_text for found in translator.translate(sources, units="tokens")]
    forced = translator.score(sources, targets, units="tokens")
    words = [regroup(one, pair.source_spans, pair.target_spans) for one, pair in zip(forced, pairs, strict=True)]
    gold = [Gold(pair.sure, pair.possible) for pair in pairs]
    errors = [alignment_errors([rule(one) for one in words], gold).error_rate for rule in (linked_all, links)]
    characters = [each for pair, one in zip(pairs, forced, strict=True) for each in looks(pair, one)]
    bleu = METRICS["bleu_zh"](outputs, [[target] for target in targets]).value
    right = [np.mean([good for begins, good, _ in characters if begins == place]) for place in (True, False)]
    ends = [np.mean([end for begins, _, end in characters if begins == place]) for place in (True, False)]
    last = [0.0 if one.source_end is None or one.target_end is None else float(one.target_end[-1]) for one in forced]
    shares = [*right, *ends, np.mean(last)]
    return [f"{bleu:.1f}", *(f"{100 * error:.1f}" for error in errors), *(f"{share:.3f}" for share in shares)]


def looks(pair: GoldPair, forced: Alignment) -> Iterator[tuple[bool, bool, float]]:
    """Of each character of a word that has links: whether it is the first, whether it looked most at a word which its
    own is linked with, and its weight on the end mark."""
    found = regroup(forced, pair.source_spans, None)
    ended = np.zeros(len(found.target)) if found.source_end is None else found.source_end
    for unit, weights, end in zip(found.target, found.weights, ended.tolist(), strict=True):
        for word, (start, stop) in enumerate(pair.target_spans):
            linked = {source for source, target in pair.possible if target == word}
            if linked and start <= unit.start < stop:
                yield int(unit.start) == start, float(weights.max()) > end and int(weights.argmax()) in linked, end


def linked_all(alignment: Alignment) -> Links:
    """One link for each target unit, also for those that looked at the end mark most."""
    return links(replace(alignment, source_end=None, target_end=None))


@torch.inference_mode()
def ablate(run: Path) -> list[list[str]]:
    """By the place of the character in its word: how many, their weight on the end mark, and the mean log-probability
    of the right one as it is, with the end mark hidden, and with the end mark alone to look at. A later character is
    "sure" where nothing else ever stood behind the one before it in training."""
    model, _ = Run(run).load_model(torch.device("cpu"))
    found: dict[str, list[tuple[float, ...]]] = {"first": [], "later, open": [], "later, sure": [], "end of output": []}
    followers: defaultdict[str, set[str]] = defaultdict(set)
    for learned in english_chinese().train:
        for one, other in pairwise(learned.target):
            followers[one].add(other)
    source_kind, target_tokenizer = Run(run).sides
    for pair in english_chinese().dev[:ABLATED]:
        target = target_tokenizer.encode(pair.target)
        source, mask = batch_of(source_kind, [source_kind.encode(pair.source)])
        memory = model.encode(source, mask)
        last = torch.arange(mask.size(1)) == mask.sum(1, keepdim=True) - 1
        columns = []
        for visible in (mask, mask & ~last, mask & last):
            unrolled = model.decoder(torch.tensor([[BEGIN, *target.ids]]), *model.begin(replace(memory, mask=visible)))
            log_probs = model.logits(unrolled)[0].log_softmax(-1)
            columns.append(log_probs[torch.arange(len(log_probs)), torch.tensor([*target.ids, END])].tolist())
            columns[:0] = [] if len(columns) > 1 else [unrolled.weights[0, :, -1].tolist()]
        begins = {start for start, _ in pair.target_spans}
        sure = [len(followers[pair.target[max(0, start - 1)]]) == 1 for start, _ in target.spans]
        names = [
            "first" if start in begins else f"later, {'sure' if only else 'open'}"
            for (start, _), only in zip(target.spans, sure, strict=True)
        ]
        for name, *row in zip([*names, "end of output"], *columns, strict=True):
            found[name].append(tuple(row))
    return [
        [name, str(len(rows)), *(f"{mean:.3f}" for mean in np.mean(rows, 0).tolist())] for name, rows in found.items()
    ]


if __name__ == "__main__":
    main()
