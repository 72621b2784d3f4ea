"""Chooses a recipe from the pairs, by simple rules.

The tokeniser of each side, from a sample of the pairs:

    symbols      most texts have several short symbols between spaces, of few kinds (phonemes): see `_are_symbols`
    characters   most texts are a single word, or most are in a script without spaces (Chinese, Thai)
    bpe          all other texts (sentences); one vocabulary for both sides if both use the same letters

The size of the model, dropout and learning rate depend on the number of pairs (`SIZES`): fewer pairs, smaller model.
The number of epochs gives about `UPDATES` updates, within bounds. Batches are small enough for about `BATCHES` in an
epoch. The metric is one of decoded text if enough pairs are held out for it, otherwise the loss. All figures are those
of the recipes that come with Regard, or between them. The same pairs give the same recipe.
A table of lemmas, forms and tags has rules of its own, see `choose_forms`.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.scripts import UNSPACED
from regard.data.tokenizer import drawn
from regard.run.choose_forms import choose_forms, is_table_of_forms

SAMPLE_PAIRS = 20_000
UPDATES, FEWEST_EPOCHS, MOST_EPOCHS = 3_000, 3, 100
BATCHES, SMALLEST_BATCH, LARGEST_BATCH = 100, 250, 2_000
FEW_PAIRS = 2_000  # with fewer, less than 40 are held out
PIECES_OF_A_WORD = 1.4


@dataclass(frozen=True)
class Size:
    """Size of a model for at most this many pairs."""

    pairs: float
    embedding: int
    encoder: int
    decoder: int
    dropout: float
    rate: float


SIZES = (
    Size(2e3, 64, 64, 128, 0.3, 0.003),
    Size(2e4, 128, 128, 256, 0.3, 0.002),
    Size(5e4, 256, 256, 256, 0.3, 0.002),
    Size(5e5, 256, 256, 384, 0.1, 0.002),
    Size(math.inf, 512, 512, 512, 0.1, 0.001),
)
VOCABULARIES = ((10_000, 1_000), (100_000, 2_000), (1_000_000, 6_000), (10_000_000, 12_000), (math.inf, 24_000))
"""(most words of a side in all pairs, entries of its vocabulary)."""


@dataclass(frozen=True)
class Side:
    """How the texts of one side are written.

    Args:
        tokenizer: the kind of tokeniser for them.
        vocab_size: most entries.
        because: the reason, in words.
        lengths: tokens of each text of the sample; with pieces, an estimate.
        unspaced: whether most are in a script without spaces.
        letters: the share of each character among all characters.
    """

    tokenizer: str
    vocab_size: int
    because: str
    lengths: np.ndarray
    unspaced: bool
    letters: dict[str, float]


@dataclass(frozen=True)
class Choice:
    """A recipe and the reasons for it.

    Args:
        values: the recipe, as a YAML file would hold it.
        reasons: the choices and their reasons, a line each.
    """

    values: dict[str, Any]
    reasons: list[str]


def choose(files: PairFiles) -> Choice:
    """The recipe for these pairs. It reads them once, and raises DataError as training would."""
    if is_table_of_forms(files):
        return Choice(*choose_forms(files))
    report = Report()
    sample = drawn(files.read(report), SAMPLE_PAIRS)
    pairs = report.pairs
    source = _side([example.source for example in sample], pairs)
    target = _side([example.target or "" for example in sample], pairs)
    size = next(size for size in SIZES if pairs <= size.pairs)
    joint = source.tokenizer == target.tokenizer == "bpe" and _overlap(source, target) >= 0.6
    data = _data(source, target, joint)
    tokens = pairs * float(np.maximum(source.lengths, target.lengths).mean())
    data["batch_size"] = _rounded(min(LARGEST_BATCH, max(SMALLEST_BATCH, tokens / BATCHES)), 50)
    each = math.ceil(tokens / data["batch_size"])
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(UPDATES / each)))
    training = _training(size, epochs, each, _metric(target, pairs))
    values: dict[str, Any] = {
        "name": "chosen from the pairs",
        "data": data,
        "model": _model(size, source, joint, pairs),
        "training": training,
        "search": {"length_normalization": 1.0 if target.tokenizer == "bpe" or target.unspaced else 0.0},
    }
    shared = "; one vocabulary with the source, since both write with the same letters" if joint else ""
    layers = " in two layers" if values["model"]["encoder"]["num_layers"] == 2 else ""
    reasons = [
        f"source: {source.tokenizer} ({source.because})",
        f"target: {target.tokenizer} ({target.because}){shared}",
        f"model: {size.encoder} features{layers}, dropout {size.dropout} ({pairs:,} pairs)",
        f"training: at most {epochs} epochs of about {each:,} batches; the weights with the best {training['metric']} "
        "are kept",
    ]
    return Choice(values, reasons)


def _side(written: Sequence[str], pairs: int) -> Side:
    parts = [text.split() for text in written]
    kinds = Counter(chain.from_iterable(parts))
    words, most = sum(kinds.values()), len(written) / 2
    several = sum(len(each) > 1 for each in parts) > most
    unspaced = sum(map(bool, map(re.compile(UNSPACED).search, written))) > most
    spelt = Counter(chain.from_iterable(written))
    del spelt[" "]
    letters = {letter: count / spelt.total() for letter, count in spelt.items()}
    spelling = np.array([*map(len, written)], float)
    counts = np.array([*map(len, parts)], float)
    if unspaced:
        because = f"{len(letters):,} different ones, in a script without spaces between words"
        size = 4_000 if pairs <= SIZES[-2].pairs else 8_000
        return Side("characters", size, because, spelling, unspaced, letters)
    if several and _are_symbols(kinds):
        because = f"{len(kinds)} different ones between spaces, such as {' '.join(parts[0][:3])}"
        return Side("symbols", 1_000, because, counts, unspaced, letters)
    if not several:
        return Side("characters", 500, "most texts are a single word", spelling, unspaced, letters)
    vocabulary = next(size for limit, size in VOCABULARIES if words * pairs / len(written) <= limit)
    because = f"sentences, {counts.mean():.1f} words on average; at most {vocabulary:,} pieces"
    return Side("bpe", vocabulary, because, PIECES_OF_A_WORD * counts, unspaced, letters)


def _are_symbols(kinds: Counter[str]) -> bool:
    """Whether there are at most 200 kinds, with at most 3 characters and 5 occurrences on average. Words are longer."""
    short = sum(map(len, kinds)) <= 3 * len(kinds)
    return short and len(kinds) <= 200 and kinds.total() >= 5 * len(kinds)


def _overlap(one: Side, other: Side) -> float:
    """How much the letter frequencies of both sides agree: Σ min(share, other share), from 0 to 1."""
    return sum(min(share, other.letters.get(letter, 0.0)) for letter, share in one.letters.items())


def _data(source: Side, target: Side, joint: bool) -> dict[str, Any]:
    sides = {
        name: {"tokenizer": side.tokenizer, "vocab_size": side.vocab_size}
        for name, side in (("source", source), ("target", target))
    }
    longest = float(np.quantile([source.lengths, target.lengths], 0.995, axis=1).max())
    return {**sides, "joint": joint, "max_length": min(1_000, max(200, _rounded(longest, 100)))}


def _model(size: Size, source: Side, joint: bool, pairs: int) -> dict[str, Any]:
    # How a letter sounds depends on more than its neighbours, so it needs two layers. A longer piece needs one.
    deep = source.tokenizer != "bpe" and pairs > SIZES[1].pairs
    return {
        "embedding_size": size.embedding,
        "tie": "three_way" if joint else "two_way",
        "encoder": {"hidden_size": size.encoder, "num_layers": 2 if deep else 1, "source_bridging": True},
        "decoder": {"kind": "luong", "hidden_size": size.decoder, "input_feeding": False},
        "attention": {"score": "general"},
        "dropout": dict.fromkeys(("embedding", "context", "output"), size.dropout),
    }


def _training(size: Size, epochs: int, each: int, metric: str) -> dict[str, Any]:
    return {
        "learning_rate": size.rate,
        "schedule": {"kind": "cosine", "warmup_steps": min(300, epochs * each // 10)},
        "label_smoothing": 0.1,
        "max_epochs": epochs,
        "patience": max(5, epochs // 4),
        "metric": metric,
        "moving_average": 0.998,
    }


def _metric(target: Side, pairs: int) -> str:
    if pairs < FEW_PAIRS:
        return "loss"
    if target.tokenizer == "bpe":
        return "bleu"
    return "bleu_char" if target.unspaced else "word_error"


def _rounded(number: int | float, unit: int) -> int:
    """Up to a multiple of the unit."""
    return math.ceil(number / unit) * unit
