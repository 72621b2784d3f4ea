"""What a shortlist wins and costs: a trained run translates a file with it and without it, in turn.

    regard shortlist RUN SRC TGT                                  once, from the training pairs
    python benchmarks/shortlist.py RUN SRC REF --threads 2        greedy and beam 5, 64 sentences at a time
    python benchmarks/shortlist.py RUN SRC REF --limit 256        some of the sentences

Prints tokens a second of both, the ratio round by round, BLEU of both, how many words a sentence and a batch may use,
and the ratio of products that no list can exceed: that of a list without words, whose output layer costs nothing (of
an additive `luong` decoder with input feeding over GRUs, such as the reference model).
"""

import argparse
import gzip
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sacrebleu import corpus_bleu
from timing.figures import Figure, machine_line, markdown
from timing.limit import Cost, Lengths
from timing.machine import Machine

from regard.alignment.alignment import Alignment
from regard.allocator import keep_memory
from regard.data.batches import pad_sources
from regard.run import Run, load, search_options
from regard.translator import Translator

HEAD = ("", "whole, tok/s", "shortlist, tok/s", "ratio", "no list exceeds", "BLEU, whole", "BLEU, shortlist")


def read(path: Path, limit: int | None) -> list[str]:
    """Lines of a file, compressed or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return text.removesuffix("\n").split("\n")[:limit]


def timed(translator: Translator, sources: Sequence[str]) -> tuple[float, list[Alignment]]:
    """Tokens a second, end marks counted, and the outputs."""
    started = time.perf_counter()
    found = [best for best, *_ in translator.translate(sources)]
    seconds = time.perf_counter() - started
    return sum(len(each.target) + 1 for each in found) / seconds, found


def row(run: Run, sources: Sequence[str], references: Sequence[str], beam: int, rounds: int) -> list[str]:
    """One line of the table."""
    options = replace(search_options(run.config.search), beam_size=beam)
    ways = [load(run.path, options, shortlist=shortlist) for shortlist in (False, True)]
    rates: list[list[float]] = [[], []]
    outputs: list[list[Alignment]] = [[], []]
    for turn in range(rounds + 1):
        for way, translator in enumerate(ways):
            rate, outputs[way] = timed(translator, sources)
            if turn:  # the first warms up
                rates[way].append(rate)
    ratios = [short / whole for whole, short in zip(*rates, strict=True)]
    bleus = [corpus_bleu([each.target_text for each in found], [list(references)]).score for found in outputs]
    most = ceiling(run, sources, outputs[0], beam)
    name = "greedy" if beam == 1 else f"beam {beam}"
    figures = [str(Figure(each)) for each in rates]
    return [name, *figures, f"{Figure(ratios, 2)} ×", f"{most:.2f} ×", *(f"{bleu:.2f}" for bleu in bleus)]


def ceiling(run: Run, sources: Sequence[str], outputs: Sequence[Alignment], beam: int) -> float:
    """All products over those that any list leaves: encoder, decoder and attention."""
    source, target = run.tokenizers
    whole = Cost.of(run.config.model, target.size)
    lengths = Lengths.of(
        np.array([len(source.ids(text)) for text in sources]), np.array([len(each.target) for each in outputs])
    )
    return whole.decoding(lengths, beam) / replace(whole, output=0).decoding(lengths, beam)


def words(run: Run, sources: Sequence[str]) -> str:
    """How many words sentences may use, and batches of 64 that are alike in length, as the translator makes them."""
    ids = sorted((run.tokenizers[0].ids(text) for text in sources), key=len)
    shortlist, own, together = run.load_shortlist(), [], []
    for start in range(0, len(ids), 64):
        allowed = shortlist.allowed(*pad_sources(ids[start : start + 64]))
        own.extend(allowed.sum(1).tolist())
        together.append(int(allowed.any(0).sum()))
    size = run.tokenizers[1].size
    return f"A sentence may use {Figure(own)} words, a batch of 64 {Figure(together)}, of {size:,}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run directory with a shortlist")
    parser.add_argument("source", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--limit", type=int, help="sentences; else all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    keep_memory()
    torch.set_num_threads(options.threads)
    machine, run = Machine(), Run(options.run)
    sources, references = (read(path, options.limit) for path in (options.source, options.reference))
    rows = []
    for beam in options.beams:
        machine.measure()
        rows.append(row(run, sources, references, beam, options.rounds))
    print(f"{machine_line(options.threads)}; sgemm {Figure(machine.sgemm)} GF/s; {options.rounds} rounds in turn,")
    print(f"{time.strftime('%Y-%m-%d')}; {len(sources):,} sentences. {words(run, sources)}\n")
    print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
