"""Links that two hidden Markov models agree on: what they find, against enumeration, and what does not matter."""

import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from regard.alignment import alignment_errors, parse_gold
from regard.alignment.agreement import agreed_links, likely_links
from regard.alignment.linking import Gold
from regard.alignment.markov import ANYWHERE, FAR, NULL, Direction, ordered
from regard.data.embedded import english_chinese

GOLD = Path(__file__).parents[3] / "shared" / "data" / "alignment-gold" / "enfr"


def dictionary(pairs: int, seed: int = 0) -> tuple[list[tuple[list[str], list[str]]], list[frozenset[tuple[int, int]]]]:
    """Pairs in which each word has one translation, in the order of the source but for one swap of neighbours."""
    draw, found, gold = random.Random(seed), [], []
    for _ in range(pairs):
        words = draw.sample(range(30), draw.randrange(3, 8))
        order, swap = list(range(len(words))), draw.randrange(len(words) - 1)
        order[swap], order[swap + 1] = order[swap + 1], order[swap]
        found.append(([f"s{word}" for word in words], [f"t{words[place]}" for place in order]))
        gold.append(frozenset((place, target) for target, place in enumerate(order)))
    return found, gold


def test_a_dictionary_is_found() -> None:
    pairs, gold = dictionary(200)
    right = sum(one == other for one, other in zip(agreed_links(pairs), gold, strict=True))
    assert right >= 198


def test_the_order_of_the_pairs_does_not_matter() -> None:
    pairs, _ = dictionary(60)
    pairs += [([], ["t1"]), (["s1"], [])]
    order = random.Random(1).sample(range(len(pairs)), len(pairs))
    found = agreed_links(pairs)
    assert agreed_links([pairs[place] for place in order]) == [found[place] for place in order]
    assert found[-2:] == [frozenset(), frozenset()]


def test_both_directions_say_the_same() -> None:
    pairs, _ = dictionary(60)
    turned = agreed_links([(target, source) for source, target in pairs])
    assert agreed_links(pairs) == [frozenset((s, t) for t, s in links) for links in turned]


def test_no_pairs_have_no_links() -> None:
    assert agreed_links([]) == []
    assert agreed_links([([], [])]) == [frozenset()]


def test_a_word_that_is_nowhere_else_is_linked_to_itself() -> None:
    pairs, _ = dictionary(100)
    pairs.append((["s1", "Nagoya", "s2"], ["t1", "Nagoya", "t2"]))
    assert agreed_links(pairs)[-1] == {(0, 0), (1, 1), (2, 2)}


@pytest.mark.slow
def test_likely_links_add_some_for_words_without_and_are_right_more_often() -> None:
    """A particle such as 了 belongs to a verb that has another translation, too: both directions do not agree on it."""
    pairs = english_chinese().train[:1000]
    words = [pair.words() for pair in pairs]
    agreed, likely = agreed_links(words), likely_links(words)
    for one, other in zip(agreed, likely, strict=True):
        added = [target for _, target in other - one]
        assert one <= other
        assert {target for _, target in one}.isdisjoint(added)
        assert len(added) == len(set(added))
    gold = [Gold(pair.sure, pair.possible) for pair in pairs]
    errors = [alignment_errors(found, gold).error_rate for found in (agreed, likely)]
    assert errors[1] < min(errors[0], 0.14)


@pytest.mark.parametrize("padding", [0, 2])
def test_posteriors_and_jumps_are_those_of_enumeration(padding: int) -> None:
    """Four target words, each in one of six states: a source word, or null behind one."""
    generator = np.random.default_rng(0)
    source, target = 3, 4
    kinds = np.zeros((1, target + padding, source + 1 + padding), np.int64)
    kinds[0, :target, : source + 1] = np.arange(target * (source + 1)).reshape(target, source + 1)
    model = Direction(np.arange(16) % 4, np.zeros(16, bool), 4, np.array([0, 3, 9, 27]))
    own = np.zeros(kinds.shape)
    own[:, :target, : source + 1] = generator.random((target, source + 1))
    model.counts, model.totals, model.own = 1 + generator.random(16), np.full(4, 5.0), {0: own}
    model.jumps = generator.random(2 * FAR + 1)
    found, jumps = ordered(model, 0, kinds, np.array([source]), np.array([target]))
    emit = model.emissions(0, kinds)[0]
    rates = [(5 - own[0, :, 1 + place].sum() + 0.5) / (uses - 1 + 0.5) for place, uses in enumerate((3, 9, 27))]

    def move(before: int, after: int) -> float:
        row = [model.jumps[place - before + FAR] * rates[place] for place in range(source)]
        return float((1 - ANYWHERE) * row[after] / sum(row) + ANYWHERE * rates[after] / sum(rates))

    expected, expected_jumps, total = np.zeros((target, source + 1)), np.zeros(2 * FAR + 1), 0.0
    for path in product(product(range(source), (False, True)), repeat=target):
        probability, before = 1.0, -1
        for step, (place, null) in enumerate(path):
            stays = move(-1, place) if step == 0 else float(place == before)
            chosen = NULL * emit[step, 0] * stays if null else (1 - NULL) * emit[step, 1 + place] * move(before, place)
            probability, before = probability * chosen, place
        total += probability
        for step, (place, null) in enumerate(path):
            expected[step, 0 if null else 1 + place] += probability
            if step and not null:
                expected_jumps[place - path[step - 1][0] + FAR] += probability
    np.testing.assert_allclose(found[0, :target, : source + 1], expected / total)
    assert not found[0, target:].any()
    assert not found[0, :, source + 1 :].any()
    np.testing.assert_allclose(jumps, expected_jumps / total)


@pytest.mark.skipif(not GOLD.exists(), reason="the gold alignments are not there")
def test_real_pairs_alone_are_aligned_better_than_by_the_diagonal() -> None:
    """224 pairs without any other text; the odd lines are judged. The diagonal has 53.8 % error."""
    texts = [(GOLD / f"enfr.{name}").read_text().splitlines() for name in ("en", "fr", "gold")]
    found = agreed_links([(en.lower().split(), fr.lower().split()) for en, fr, _ in zip(*texts, strict=True)])
    gold = [parse_gold(line, "gold", 1) for line in texts[2]]
    assert alignment_errors(found[::2], gold[::2]).error_rate < 0.42
