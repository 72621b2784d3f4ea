"""What a shortlist wins and costs: a trained run translates a file with it and without it, in turn.

    regard shortlist RUN SRC TGT                                  once, from the training pairs
    python benchmarks/shortlist.py RUN SRC REF --threads 2        greedy and beam 5, 64 sentences at a time, and one
    python benchmarks/shortlist.py RUN SRC REF --limit 256        some of the sentences

Prints, 64 sentences at a time, tokens a second of both, the ratio round by round, BLEU of both, how many words a
sentence may use, and the ratio of all products to those that such lists leave, if no hypotheses share any ("by
products"). Then what a shortlist could win at best, in microseconds for a token that is put out:

    output layer    spent inside it, of the same rounds; all else is the rest
    rest at sgemm   products of everything but the output layer, of the hypotheses that the search had and the pasts
                    that these shared, at the speed of large ones, by torch.mm or by oneDNN, whichever is faster beside
                    it; tanh, softmax, lookups and bookkeeping are free
    ratio at best   (rest at sgemm + output layer, whole) / (rest at sgemm + output layer, shortlist)
    with tanh       the same with one hyperbolic tangent for every hypothesis, source position and feature of a key, by
                    torch.tanh or by the kernel of additive attention, whichever is faster beside it

The counts are of an additive `luong` decoder with input feeding over GRUs, such as the reference model. At last the
time of a sentence that is translated alone.
"""

import argparse
import gc
import gzip
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sacrebleu import corpus_bleu
from timing.figures import Figure, machine_line, markdown
from timing.layer import LISTED, WHOLE, Asked, watched
from timing.limit import Cost, Lengths
from timing.machine import Machine

from regard.alignment.alignment import Alignment
from regard.data.sources import batch_of
from regard.kernels.additive import additive_scores
from regard.run.directory import Run, load, search_options
from regard.run.memory import keep_memory
from regard.translator import Translator

HEAD = ("", "whole, tok/s", "shortlist, tok/s", "ratio", "by products", "BLEU, whole", "BLEU, shortlist")
ALONE = ("one sentence", "whole, ms", "shortlist, ms", "ratio")
BOUND_HEAD = (
    "µs a token",
    "output layer, whole",
    "output layer, shortlist",
    "rest, whole",
    "rest, shortlist",
    "rest at sgemm",
    "ratio at best",
    "rest with tanh",
    "ratio at best, with tanh",
)
SENTENCES, POSITIONS, REPEATS = 256, 16, 5
TANGENTS = 32_768
"""Of each thread; they and their results fit into its second cache."""
ONES = 100
"""Sentences that are translated one by one."""


@dataclass(frozen=True)
class Spent:
    """What a search took for one token that it put out.

    Args:
        output: seconds inside the output layer.
        rest: other seconds.
        hypotheses: that it had, on the average.
        pasts: different ones that these continued.
    """

    output: float
    rest: float
    hypotheses: float
    pasts: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return 1 / (self.output + self.rest)

    @classmethod
    def of(cls, asked: Asked, seconds: float, tokens: int) -> "Spent":
        """From the totals of a search."""
        rest, pasts = seconds - asked.seconds, asked.rows - asked.shared
        return cls(*(total / tokens for total in (asked.seconds, rest, asked.rows, pasts)))


@dataclass(frozen=True)
class Round:
    """Both searches, and the machine beside them.

    Args:
        whole, listed: without the shortlist, and with it.
        sgemm: products, in 10⁹ operations a second.
        tangents: hyperbolic tangents a second.
    """

    whole: Spent
    listed: Spent
    sgemm: float
    tangents: float

    def products(self, cost: Cost, lengths: Lengths) -> float:
        """Seconds of a token beside the output layer if there were products alone, as fast as large ones."""
        return cost.beside_output(lengths, self.whole.hypotheses, self.whole.pasts) / (1e9 * self.sgemm)

    def with_tangents(self, cost: Cost, lengths: Lengths) -> float:
        """The same, and the hyperbolic tangents of attention."""
        return self.products(cost, lengths) + cost.tangents(lengths, self.whole.hypotheses) / self.tangents

    def ratio(self, rest: float) -> float:
        """How many times as fast the search with a shortlist were, if both took so long beside the output layer."""
        return (rest + self.whole.output) / (rest + self.listed.output)


def bound_row(name: str, rounds: Sequence[Round], cost: Cost, lengths: Lengths) -> list[str]:
    """One line of the table."""
    cells = [_micros(each.whole.output for each in rounds), _micros(each.listed.output for each in rounds)]
    cells += [_micros(each.whole.rest for each in rounds), _micros(each.listed.rest for each in rounds)]
    for least in (Round.products, Round.with_tangents):
        rests = [least(each, cost, lengths) for each in rounds]
        ratios = [each.ratio(rest) for each, rest in zip(rounds, rests, strict=True)]
        cells += [_micros(rests), f"{Figure(ratios, 2)} ×"]
    return [name, *cells]


def _micros(seconds: Iterable[float]) -> str:
    return str(Figure([1e6 * each for each in seconds]))


@torch.inference_mode()
def tangents(beam: int, features: int) -> float:
    """Hyperbolic tangents a second: by torch.tanh from the second cache, or where that is faster by the kernel that
    compares so many queries with every key and divides less often."""
    numbers = torch.randn(TANGENTS * torch.get_num_threads())
    found, vector = torch.empty_like(numbers), torch.randn(features)
    queries, keys = (torch.randn(SENTENCES, count, features) for count in (beam, POSITIONS))
    return max(
        len(numbers) / _seconds(lambda: torch.tanh(numbers, out=found)),
        SENTENCES * beam * POSITIONS * features / _seconds(lambda: additive_scores(queries, keys, vector)),
    )


def _seconds(work: Callable[[], object]) -> float:
    """The least of some repeats: nothing can be faster than the machine, and anything may disturb it."""
    spent = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent[1:])


def read(path: Path, limit: int | None) -> list[str]:
    """Lines of a file, compressed or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return text.removesuffix("\n").split("\n")[:limit]


def timed(translator: Translator, sources: Sequence[str]) -> tuple[float, list[Alignment]]:
    """Seconds, and the outputs."""
    started = time.perf_counter()
    found = [best for best, *_ in translator.translate(sources, units="tokens")]
    return time.perf_counter() - started, found


def tokens(outputs: Sequence[Alignment]) -> int:
    """Their tokens, end marks counted."""
    return sum(len(each.target) + 1 for each in outputs)


def both(run: Run, beam: int) -> list[Translator]:
    """Without the shortlist, and with it."""
    options = replace(search_options(run.config), beam_size=beam)
    return [load(run.path, options, shortlist=shortlist) for shortlist in (False, True)]


def searched(translator: Translator, layer: type, sources: Sequence[str]) -> tuple[Spent, list[Alignment]]:
    """What it took, and the outputs."""
    with watched(layer) as asked:
        seconds, outputs = timed(translator, sources)
    count = tokens(outputs)
    if asked.rows < count - len(sources):  # an output that was cut has no end mark
        raise RuntimeError(
            f"{layer.__name__}.best gave {asked.rows} of {count} tokens: it is not what the search uses."
        )
    return Spent.of(asked, seconds, count), outputs


def rows(
    run: Run, sources: Sequence[str], references: Sequence[str], beam: int, rounds: int, machine: Machine
) -> tuple[list[str], list[str]]:
    """A line of the table and one of what is possible at best, 64 sentences at a time."""
    without, listed = both(run, beam)
    taken = []
    for turn in range(rounds + 1):
        machine.measure()
        per_second = tangents(beam, run.config.model.decoder.hidden_size)
        one, found = searched(without, WHOLE, sources)
        other, fewer = searched(listed, LISTED, sources)
        if turn:  # the first warms up
            taken.append(Round(one, other, machine.fastest[-1], per_second))
    rates = [[each.whole.rate for each in taken], [each.listed.rate for each in taken]]
    ratios = [short / whole for whole, short in zip(*rates, strict=True)]
    bleus = [corpus_bleu([each.target_text for each in best], [list(references)]).score for best in (found, fewer)]
    cost, left, lengths = counts(run, sources, found)
    most = cost.decoding(lengths, beam) / left.decoding(lengths, beam)
    figures = [*(str(Figure(each)) for each in rates), f"{Figure(ratios, 2)} ×", f"{most:.2f} ×"]
    line = [name(beam), *figures, *(f"{bleu:.2f}" for bleu in bleus)]
    return line, bound_row(name(beam), taken, cost, lengths)


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


def counts(run: Run, sources: Sequence[str], outputs: Sequence[Alignment]) -> tuple[Cost, Cost, Lengths]:
    """What a search costs in products, what is left of them by lists such as these, and the lengths of its pairs."""
    source, target = run.sides
    whole = Cost.of(run.config.model, target.size)
    lengths = Lengths.of(
        np.array([len(source.encode(text)) for text in sources]), np.array([len(each.target) for each in outputs])
    )
    listed = round(float(np.mean(words(run, sources))) * run.config.model.readout)
    return whole, replace(whole, output=listed), lengths


def words(run: Run, sources: Sequence[str]) -> list[int]:
    """How many words each sentence may use."""
    shortlist, kind = run.load_shortlist(), run.sides[0]
    return [int(shortlist.allowed(*batch_of(kind, [kind.encode(source)])).sum()) for source in sources]


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
    gc.freeze()  # what was imported is no garbage; `regard translate` says so, too
    torch.set_num_threads(options.threads)
    machine, run = Machine(), Run(options.run)
    sources, references = (read(path, options.limit) for path in (options.source, options.reference))
    found, alone = [], []
    for beam in options.beams:
        found.append(rows(run, sources, references, beam, options.rounds, machine))
        alone.append(row_alone(run, sources[:ONES], beam, options.rounds))
    print(f"{machine_line(options.threads)}; sgemm {Figure(machine.fastest)} GF/s; {options.rounds} rounds in turn,")
    own = f"A sentence may use {Figure(words(run, sources))} words of {run.sides[1].size:,}."
    print(
        f"{time.strftime('%Y-%m-%d')}; {len(sources):,} sentences, of which {len(sources[:ONES])} one by one. {own}\n"
    )
    first, second = zip(*found, strict=True)
    print(markdown(HEAD, first), markdown(BOUND_HEAD, second), markdown(ALONE, alone), sep="\n\n")


if __name__ == "__main__":
    main()
