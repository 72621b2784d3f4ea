"""Pairs that are made up differ from the real ones in letters of common parts alone, and by seed, epoch and pair."""

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.config import Config, parse
from regard.errors import UsageError
from regard.run.directory import paired
from regard.run.pairs import pair_files
from regard.run.sides import learn_sides
from regard.run.subsets import Subset, split

PAIRS = [
    ("sagen", "gesagt", "V.PTCP;PST"),
    ("Haus", "Häusern", "N;DAT;PL"),
    ("Vater", "Vätern", "N;DAT;PL"),
    ("laufen", "läuft", "V;PRS;3;SG"),
    ("Eßzimmer", "Eßzimmern", "N;DAT;PL"),
    ("كَتَبَ", "كَتَبْتُ", "V;PST;1;SG"),
    ("take off", "takes off", "V;PRS;3;SG"),
    ("N5", "N5s", "N;PL"),
]
WAYS: list[dict[str, Any]] = [
    {"source_column": "tags+lemma", "source": {"tokenizer": "inflection"}},
    {"source_column": "lemma", "source": {"tokenizer": "characters"}},
    {"source_column": "lemma", "source": {"tokenizer": "characters"}, "joint": True},
    {"source_column": "lemma", "source": {"tokenizer": "characters"}, "features": ["tags"]},
    {"source_column": "tags+lemma", "source": {"tokenizer": "inflection"}, "copies": True},
]


def config(way: dict[str, Any], share: float = 1.0, **hallucinate: int) -> Config:
    way = dict(way)
    model: dict[str, Any] = {"output": {"kind": "copy"}} if way.pop("copies", False) else {}
    if parts := way["source"].get("parts"):
        model["encoder"] = {"kind": "several", "parts": {part: {} for part in parts}, "joined": ["tags"]}
    common = {"columns": ["lemma", "form", "tags"], "target_column": "form", "target": {"tokenizer": "characters"}}
    return parse({"data": {**common, "hallucinate": {"share": share, **hallucinate}, **way}, "model": model}, "test")


def learned(folder: Path, config: Config, pairs: list[tuple[str, str, str]] = PAIRS) -> tuple[Subset, Subset, Any]:
    (folder / "forms.tsv").write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    files = pair_files([str(folder / "forms.tsv")], config.data)
    sides = paired(config, *learn_sides(config.data, files))
    return *split(config, files, files, *sides, folder / "cache"), sides


def pairs_of(subset: Subset, epoch: int, seed: int = 1, workers: int = 1) -> dict[int, tuple[list, list]]:
    """The numbers of both sides of each pair of an epoch."""
    found = {}
    for worker in range(workers):
        for one in subset.batches(seed, epoch, worker=worker, workers=workers):
            for row, number in enumerate(one.order.tolist()):
                sides = one.source[row][one.source_mask[row]], one.targets[row][one.target_mask[row]]
                found[number] = tuple(side[:-1].tolist() for side in sides)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_only_letters_of_common_parts_are_replaced_by_the_same_on_both_sides(tmp_path: Path, way: Any) -> None:
    learn, _, (source, target) = learned(tmp_path, config(way))
    changed = set()
    for epoch in range(12):
        for number, (left, right) in pairs_of(learn, epoch).items():
            own = learn.corpus.source[number].tolist(), learn.corpus.target[number].tolist()
            assert (len(left), len(right)) == tuple(map(len, own))
            numbers = [token[0] if isinstance(token, list) else token for token in left]
            if source.shape:  # of a source that is copied, both numbers of a letter
                as_targets = source.encode(source.tokenizer.decode(numbers))[:, 1].tolist()
                assert [token[1] for token in left] == as_targets
            made = [source.tokenizer.tokens(numbers), target.tokens(right)]
            real = [
                source.tokenizer.tokens([token[0] if isinstance(token, list) else token for token in own[0]]),
                target.tokens(own[1]),
            ]
            new = [[(a, b) for a, b in zip(*side, strict=True) if a != b] for side in zip(real, made, strict=True)]
            assert new[0] == new[1]
            assert all(unicodedata.category(a) == unicodedata.category(b) for a, b in new[0])
            assert all(a.isalpha() for a, _ in new[0])
            changed |= {PAIRS[number][0]} if new[0] else set()
    assert changed >= {"sagen", "Eßzimmer", "take off", "كَتَبَ"}
    assert not changed & {"N5", "laufen", "Haus"}  # nothing of three in a row is common


def test_symbols_of_another_part_are_no_letters(tmp_path: Path) -> None:
    """Though they look like some."""
    way = {
        "source": {"kind": "several", "parts": {"lemma": {"tokenizer": "characters"}, "tags": {"tokenizer": "symbols"}}}
    }
    pairs = [("aufgesagten", "aufgesagtes", "a e g"), ("untersagen", "untersages", "s t u")]
    learn, _, (source, target) = learned(tmp_path, config(way), pairs)
    made = pairs_of(learn, 0) | {2 + number: pair for number, pair in pairs_of(learn, 1).items()}
    for left, right in made.values():
        assert source.tokenizer.decode(left).split("\t")[0][:-1] == target.decode(right)[:-1]


def test_pairs_are_made_up_by_seed_epoch_and_pair_alone(tmp_path: Path) -> None:
    learn, held, _ = learned(tmp_path, config(WAYS[0]))
    first = pairs_of(learn, 0)
    assert first == pairs_of(learn, 0) == pairs_of(learn, 0, workers=3)
    assert first != pairs_of(learn, 1)
    assert first != pairs_of(learn, 0, seed=2)
    real = {n: (held.corpus.source[n].tolist(), held.corpus.target[n].tolist()) for n in range(len(held.corpus))}
    assert pairs_of(held, 0) == real


def test_a_share_of_the_pairs_is_made_up(tmp_path: Path) -> None:
    real = ("aufgesagten", "aufgesagtes", "ADJ")
    learn, _, _ = learned(tmp_path, config(WAYS[0], 0.3), [real] * 400)
    own = learn.corpus.target[0].tolist()
    made = np.mean([right != own for _, right in pairs_of(learn, 0).values()])
    assert 0.2 < made < 0.4


@pytest.mark.parametrize(("kept", "changes"), [(0, "aufgesagte"), (3, "aufgesa"), (9, "a")])
def test_the_last_letters_of_a_common_part_can_stay(tmp_path: Path, kept: int, changes: str) -> None:
    learn, _, (_, target) = learned(tmp_path, config(WAYS[0], kept=kept), [("aufgesagten", "aufgesagtes", "ADJ")] * 100)
    made = [target.decode(right) for _, right in pairs_of(learn, 0).values()]
    places = {place for form in made for place, letter in enumerate(form) if letter != "aufgesagtes"[place]}
    assert places == set(range(len(changes)))


def test_without_common_letters_nothing_can_be_made_up(tmp_path: Path) -> None:
    learn, held, _ = learned(tmp_path, config(WAYS[0]), [("abc", "xyz", "N"), ("ab", "abd", "N")])
    held.check()
    with pytest.raises(UsageError, match=r"share no 3 letters in a row\. Lower data\.hallucinate\.shortest or kept"):
        learn.check()
    forms = [("abc", "xyz", "N"), ("ab", "abd", "N")]
    learned(tmp_path, config(WAYS[0], shortest=2), forms)[0].check()
    with pytest.raises(UsageError, match="share no 3 letters in a row"):
        learned(tmp_path, config(WAYS[0], shortest=2, kept=2), forms)[0].check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"source": {"kind": "recording"}}}, r"share is 0\.5; expected 0 for data\.source\.kind recording"),
        ({"data": {"target": {"tokenizer": "bpe"}}}, r"expected data\.target\.tokenizer characters for bpe"),
        ({"data": {"source": {"tokenizer": "symbols"}}}, r"tokenizer characters or inflection for symbols"),
        ({"data": {"sources": ["a", "b"]}}, r"one source of tokenizer characters or inflection for characters, char"),
        ({"training": {"ctc": 0.3}}, r"share is 0\.5 and training\.ctc is 0\.3; expected 0 for one of them"),
    ],
)
def test_what_is_not_spelled_in_letters_is_refused(changes: dict[str, dict[str, Any]], message: str) -> None:
    letters = {"tokenizer": "characters"}
    data = {"source": letters, "target": letters, "hallucinate": {"share": 0.5}, **changes.pop("data", {})}
    with pytest.raises(UsageError, match=message):
        parse({"data": data, **changes}, "test")
