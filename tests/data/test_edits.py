"""Outputs as scripts of edits: against all scripts one by one, and back to the texts."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from regard.data.copying import CopySource
from regard.data.edits import COPY, DELETE, HallucinatedEdits, SentenceEdits, costs, script, written
from regard.data.hallucination import Hallucination
from regard.data.several import SeveralTexts
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.marks import END

PAIRS = [("abb", "ba"), ("", "ab"), ("ba", ""), ("", ""), ("aab", "aab"), ("ab", "cbc")]
TEXTS = ["sagen", "gesagt", "gehen", "ging", "Straße"]


def scripts(source: str, target: str) -> Iterator[list[int]]:
    """All of them."""
    if not source and not target:
        yield []
    if source:
        yield from ([DELETE, *rest] for rest in scripts(source[1:], target))
    if target:
        yield from ([ord(target[0]), *rest] for rest in scripts(source, target[1:]))
    if source and target and source[0] == target[0]:
        yield from ([COPY, *rest] for rest in scripts(source[1:], target[1:]))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_costs_are_the_least_of_all_scripts(source: str, target: str) -> None:
    numbers = [*map(ord, source)], [*map(ord, target)]
    found = costs(*numbers)
    for i, j in product(range(len(source) + 1), range(len(target) + 1)):
        assert found[i, j] == min(sum(edit != COPY for edit in each) for each in scripts(source[i:], target[j:]))
    cheapest = script(*numbers)
    assert cheapest in [*scripts(source, target)]
    assert sum(edit != COPY for edit in cheapest) == found[0, 0]


def edited(text: str, kind: str = "characters", target: list[str] = TEXTS) -> SentenceEdits:
    source, vocabulary = (Tokenizer.train(kind, texts, 300) for texts in (TEXTS, target))
    made = CopySource(TextSource(source), vocabulary, edits=True)
    tokens = made.target_of(text, made.encode(text))
    assert isinstance(tokens, SentenceEdits)
    return tokens


@pytest.mark.parametrize("kind", ["characters", "bpe"])
@pytest.mark.parametrize("source", ["sagen", "Жsagenß", ""])
@pytest.mark.parametrize("target", ["gesagt", "ßsЖ", "sagenß", "", "Ж Ж"])
def test_every_text_has_a_script(kind: str, source: str, target: str) -> None:
    tokens = edited(source, kind, ["sagte"])
    encoded = tokens.encode(target)
    assert tokens.ids(target) == encoded.ids
    assert tokens.decode([*encoded.ids, END]) == target
    spelled = tokens.spell(encoded.ids)
    assert spelled.text == target
    assert spelled.spans == encoded.spans
    assert sum(token >= tokens.copy for token in encoded.ids) == len(tokens.source)


def test_names_spans_and_what_writes() -> None:
    tokens = edited("sagen")
    ids = tokens.ids("sagte")
    assert tokens.tokens(ids) == ["<copy>", "<copy>", "<copy>", "t", "<copy>", "<delete>"]
    assert tokens.writing(ids) == [True] * 5 + [False]
    assert tokens.spell(ids).spans == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 5)]
    # What is deleted stands with the letter that follows.
    assert tokens.spell([tokens.delete] * 4 + [tokens.copy]).spans == [(0, 1)] * 5


def test_a_word_that_no_vocabulary_has_is_copied() -> None:
    tokens = edited("Ada sagen Bob", "symbols")
    assert tokens.decode([tokens.copy, tokens.delete, tokens.copy]) == "Ada Bob"
    assert tokens.tokens(tokens.ids("Ada Bob")) == ["<copy>", "<delete>", "<copy>"]
    assert tokens.decode(tokens.ids("Bob Ada")) == "Bob <unk>"  # one of them cannot be copied


def test_of_several_texts_the_first_is_edited() -> None:
    tokenizers = {"lemma": Tokenizer.train("characters", TEXTS, 300), "tags": Tokenizer.train("tags", ["V;PST"], 300)}
    made = CopySource(SeveralTexts(tokenizers), Tokenizer.train("characters", TEXTS, 300), edits=True)
    tokens = made.target_of("sagen\tV;PST", made.encode("sagen\tV;PST"))
    assert isinstance(tokens, SentenceEdits)
    assert tokens.decode([tokens.copy] * len(tokens.source)) == "sagen"
    assert made.digest != CopySource(made.source, made.target).digest


def test_made_up_pairs_change_the_letters_that_are_copied() -> None:
    tokenizer = Tokenizer.train("characters", TEXTS, 300)
    source = CopySource(TextSource(tokenizer), tokenizer, edits=True)
    make = HallucinatedEdits(Hallucination(1.0, 3, 0, tokenizer.texts, tokenizer.texts), tokenizer.size)
    values = source.encode("sagen")
    tokens = source.target_of("sagen", values)
    target = np.array(tokens.ids("sagte"), np.uint16)
    assert make.places(values, target).tolist() == [[0, 0], [1, 1], [2, 2]]
    seen = set()
    for seed in range(20):
        made, same = make(values, target, np.random.default_rng(seed))
        assert np.array_equal(same, target)
        letters = tokenizer.decode(written(same.tolist(), made[:, 1].tolist(), tokenizer.size))
        text = tokenizer.decode(made[:, 0].tolist())
        assert (text[3:], letters[:3], letters[3:]) == ("en", text[:3], "te")
        seen.add(text)
    assert len(seen) > 10
    apart = np.array([tokenizer.size + 1] * 5 + tokenizer.ids("sagte"), np.uint16)  # writes what it could copy
    assert all(np.array_equal(make(values, apart, np.random.default_rng(seed))[0], values) for seed in range(5))
