"""Sentences of a text, and a source that is read sentence by sentence."""

import numpy as np
import pytest

from regard.data.sentences import sentence_spans
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.marks import END

STORY = "Mary went to the garden. Is  she there? Yes!"


@pytest.mark.parametrize(
    ("text", "between", "expected"),
    [
        (STORY, "punctuation", ["Mary went to the garden.", "Is  she there?", "Yes!"]),
        ("你好。你在哪里？花园", "punctuation", ["你好。", "你在哪里？", "花园"]),
        ("at 3.15 p. m. or so", "punctuation", ["at 3.15 p.", "m.", "or so"]),
        (" a <s>  b<s><s> ", "<s>", ["a", "b"]),
        ("one. two.", "|", ["one. two."]),
        ("a.b", ".", ["a", "b"]),
        ("  ", "punctuation", []),
        ("", "|", []),
    ],
)
def test_where_sentences_are(text: str, between: str, expected: list[str]) -> None:
    spans = sentence_spans(text, between)
    assert [text[start:end] for start, end in spans] == expected
    assert spans == sorted(spans)


@pytest.mark.parametrize("kind", ["bpe", "characters", "symbols"])
def test_each_sentence_is_split_by_itself_and_ends_with_a_mark(kind: str) -> None:
    tokenizer = Tokenizer.train(kind, [STORY], 300)
    source = TextSource(tokenizer, "punctuation")
    ids = source.encode(STORY)
    parts = [STORY[start:end] for start, end in sentence_spans(STORY, "punctuation")]
    assert ids == [*tokenizer.ids(parts[0]), END, *tokenizer.ids(parts[1]), END, *tokenizer.ids(parts[2])]
    ends = [*[place + 1 for place, number in enumerate(ids) if number == END], len(ids) + 1]
    memory = np.array(list(zip([0, *ends], ends, strict=False)))
    assert [STORY[start:end] for start, end in source.spans(STORY, ids, memory)] == parts
    tokens = source.spans(STORY, ids, np.array([(place, place + 1) for place in range(len(ids))]))
    assert [start == end for start, end in tokens] == [number == END for number in ids]
    assert source.encode("  ") == []


def test_corpora_of_other_sentences_are_others() -> None:
    """A cache of encoded pairs is found by the digest."""
    tokenizer = Tokenizer.train("symbols", [STORY], 300)
    digests = {TextSource(tokenizer, between).digest for between in (None, "punctuation", "|")}
    assert len(digests) == 3
    assert tokenizer.digest in digests
