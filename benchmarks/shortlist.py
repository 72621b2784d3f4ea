"""What a shortlist wins and costs: a trained run translates a file with it and without it, in turn.

    regard shortlist RUN SRC TGT                                  once, from the training pairs
    python benchmarks/shortlist.py RUN SRC REF --threads 2        greedy and beam 5, 64 sentences at a time, and one
    python benchmarks/shortlist.py RUN SRC REF --limit 256        some of the sentences

Prints tokens a second of both, the ratio round by round, BLEU of both, how many words a sentence may use, and the ratio
of products that such lists cannot exceed (of an additive `luong` decoder with input feeding over GRUs, such as the
reference model, where no hypotheses share any); then the time of a sentence that is translated alone.
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

HEAD = ("", "whole, tok/s", "shortlist, tok/s", "ratio", "by products", "BLEU, whole", "BLEU, shortlist")
ALONE = ("one sentence", "whole, ms", "shortlist, ms", "ratio")
ONES = 100
"""Sentences that are translated one by one."""


def read(path: Path, limit: int | None) -> list[str]:
    """Lines of a file, compressed or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return text.removesuffix("\n").split("\n")[:limit]


def timed(translator: Translator, sources: Sequence[str]) -> tuple[float, list[Alignment]]:
    """Seconds, and the outputs."""
    started = time.perf_counter()
    found = [best for best, *_ in translator.translate(sources)]
    return time.perf_counter() - started, found


def tokens(outputs: Sequence[Alignment]) -> int:
    """Their tokens, end marks counted."""
    return sum(len(each.target) + 1 for each in outputs)


def both(run: Run, beam: int) -> list[Translator]:
    """Without the shortlist, and with it."""
    options = replace(search_options(run.config.search), beam_size=beam)
    return [load(run.path, options, shortlist=shortlist) for shortlist in (False, True)]


def row(run: Run, sources: Sequence[str], references: Sequence[str], beam: int, rounds: int) -> list[str]:
    """One line of the table, 64 sentences at a time."""
    rates: list[list[float]] = [[], []]
    outputs: list[list[Alignment]] = [[], []]
    ways = both(run, beam)
    for turn in range(rounds + 1):
        for way, translator in enumerate(ways):
            seconds, outputs[way] = timed(translator, sources)
            if turn:  # the first warms up
                rates[way].append(tokens(outputs[way]) / seconds)
    ratios = [short / whole for whole, short in zip(*rates, strict=True)]
    bleus = [corpus_bleu([each.target_text for each in found], [list(references)]).score for found in outputs]
    most = ceiling(run, sources, outputs[0], beam)
    figures = [str(Figure(each)) for each in rates]
    return [name(beam), *figures, f"{Figure(ratios, 2)} ×", f"{most:.2f} ×", *(f"{bleu:.2f}" for bleu in bleus)]


def row_alone(run: Run, sources: Sequence[str], beam: int, rounds: int) -> list[str]:
    """One line of the table of sentences that are translated one by one; the mean of a round counts."""
    spent: list[list[float]] = [[], []]
    ways = both(run, beam)
    for turn in range(rounds + 1):
        for way, translator in enumerate(ways):
            seconds = sum(timed(translator, [source])[0] for source in sources)
            if turn:
                spent[way].append(1e3 * seconds / len(sources))
    ratios = [whole / short for whole, short in zip(*spent, strict=True)]
    return [name(beam), *(str(Figure(each, 1)) for each in spent), f"{Figure(ratios, 2)} ×"]


def name(beam: int) -> str:
    """Of a search."""
    return "greedy" if beam == 1 else f"beam {beam}"


def ceiling(run: Run, sources: Sequence[str], outputs: Sequence[Alignment], beam: int) -> float:
    """All products over those that lists such as these leave."""
    source, target = run.tokenizers
    whole = Cost.of(run.config.model, target.size)
    lengths = Lengths.of(
        np.array([len(source.ids(text)) for text in sources]), np.array([len(each.target) for each in outputs])
    )
    listed = round(float(np.mean(words(run, sources))) * run.config.model.readout)
    return whole.decoding(lengths, beam) / replace(whole, output=listed).decoding(lengths, beam)


def words(run: Run, sources: Sequence[str]) -> list[int]:
    """How many words each sentence may use."""
    shortlist, tokenizer = run.load_shortlist(), run.tokenizers[0]
    return [int(shortlist.allowed(*pad_sources([tokenizer.ids(source)])).sum()) for source in sources]


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
    rows, alone = [], []
    for beam in options.beams:
        machine.measure()
        rows.append(row(run, sources, references, beam, options.rounds))
        alone.append(row_alone(run, sources[:ONES], beam, options.rounds))
    print(f"{machine_line(options.threads)}; sgemm {Figure(machine.sgemm)} GF/s; {options.rounds} rounds in turn,")
    own = f"A sentence may use {Figure(words(run, sources))} words of {run.tokenizers[1].size:,}."
    print(f"{time.strftime('%Y-%m-%d')}; {len(sources):,} sentences, of which {ONES} one by one. {own}\n")
    print(markdown(HEAD, rows), markdown(ALONE, alone), sep="\n\n")


if __name__ == "__main__":
    main()
