"""Joined pairs: nothing is lost, nothing is longer than asked for, and sides stay together."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regard.data.example import Example
from regard.data.joined_pairs import WORD, Joining, joined
from regard.data.lines import BadLine, Line
from regard.data.readers import PairFiles

PAIRS = [Example(" ".join(["w"] * (1 + place % 7)) + ".", f"t{place}", "f", place + 1) for place in range(300)]


def of(joining: Joining, lines: list[Line] | None = None) -> list[Example]:
    return [line for line in joining(iter(PAIRS if lines is None else lines)) if isinstance(line, Example)]


def words(text: str) -> int:
    return len(WORD.findall(text))


def single(pairs: list[Example]) -> Iterator[Example]:
    for pair in pairs:
        yield from pair.parts or (pair,)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("rounds", [1, 3])
def test_each_round_has_each_pair_once(share: float, rounds: int) -> None:
    found = of(Joining(20, share, rounds, seed=1))
    assert Counter(single(found)) == Counter(dict.fromkeys(PAIRS, rounds))
    assert any(pair.parts for pair in found)


def test_both_sides_have_the_same_order_and_the_place_of_the_first() -> None:
    for pair in of(Joining(20, 1.0, 1, seed=1)):
        if pair.parts:
            assert pair.source == " ".join(part.source for part in pair.parts)
            assert pair.target == " ".join(part.target or "" for part in pair.parts)
            assert pair.line == pair.parts[0].line


@pytest.mark.parametrize("most", [1, 6, 20])
def test_only_what_was_longer_before_is_longer(most: int) -> None:
    found = of(Joining(most, 1.0, 2, seed=1))
    assert all(words(pair.source) <= most for pair in found if pair.parts)
    assert (most == 20) == any(words(pair.source) > 15 for pair in found)


def test_rounds_and_seeds_differ_and_the_same_seed_does_not() -> None:
    once, again, other = (of(Joining(20, 1.0, 2, seed)) for seed in (1, 1, 2))
    assert once == again != other
    assert len({pair.source + str(pair.target) for pair in once}) > 0.9 * len(once)


def test_lines_without_a_pair_pass_through() -> None:
    lines: list[Line] = [BadLine(1, "is not UTF-8", "f"), Example("", "", "f", 2), *PAIRS[:3]]
    found = list(Joining(20, 1.0, 1, seed=1)(iter(lines)))
    assert found[:2] == lines[:2]
    assert Counter(single([line for line in found[2:] if isinstance(line, Example)])) == Counter(PAIRS[:3])


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["Tom sleeps.", "I read."], "Tom sleeps. I read."),
        (["汤姆睡觉。", "我读书。"], "汤姆睡觉。我读书。"),
        (["我用 Python。", "“你好。”"], "我用 Python。“你好。”"),
        (["Ja!", "Nein?", "Ja."], "Ja! Nein? Ja."),
    ],
)
def test_a_space_between_two_texts_where_the_script_has_spaces(texts: list[str], whole: str) -> None:
    found, starts = joined(texts)
    assert found == whole
    assert [found[start : start + len(text)] for start, text in zip(starts, texts, strict=True)] == texts


def test_another_joining_is_another_corpus(tmp_path: Path) -> None:
    """The cache of encoded corpora tells them apart."""
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\nc\td\n")
    files = PairFiles((str(path),))
    prints = [
        replace(files, joining=each).fingerprint() for each in (None, Joining(9, 1.0, 1, 1), Joining(9, 1.0, 2, 1))
    ]
    assert all(one != other for place, one in enumerate(prints) for other in prints[:place])
