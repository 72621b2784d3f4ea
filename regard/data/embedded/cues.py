"""The embedded corpora of labels and of documents: a text, or several sentences, whose class one word gives away, with
the place of this word.

A text is a function of (split, seed, number) alone, the same on every machine. It is made of words that say nothing,
and of one cue, which may stand anywhere. Nothing else tells the classes apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from regard.data.embedded.draws import expect_split, stream

CUES = {
    "weather": ("rain", "snow", "storm", "cloud", "frost", "breeze"),
    "music": ("violin", "melody", "chorus", "drum", "sonata", "piano"),
    "kitchen": ("soup", "oven", "onion", "spoon", "recipe", "pepper"),
    "sport": ("goal", "racket", "referee", "sprint", "medal", "stadium"),
    "money": ("bank", "loan", "profit", "invoice", "tax", "salary"),
    "travel": ("train", "airport", "hotel", "luggage", "ticket", "ferry"),
}
"""The labels, and the words that give them away."""

WORDS = (
    "the a this that some many few all we they she he it people someone nobody yesterday today tomorrow often never "
    "again soon later before after while because although about above under between during without of in on at by for "
    "with from to was is were had has said saw knew thought asked came went stayed waited old new small large quiet "
    "blue green early late next last same other thing day place word reason question"
)
NOISE = tuple(WORDS.split())
"""Words that say nothing about a label."""

SEEDS = {"train": 40, "dev": 40, "ordinary": 90_217, "long": 90_217}
"""The splits to test on were drawn anew once the settings of the demo were chosen."""
SIZES = {"train": 2_400, "dev": 200, "ordinary": 500, "long": 500}
LENGTHS = dict.fromkeys(SIZES, (8, 24)) | {"long": (100, 140)}
"""Fewest and most words of a text."""


@dataclass(frozen=True)
class Cued:
    """A text and its label.

    Args:
        text: words with spaces between.
        label: a key of `CUES`.
        place: first character of the cue, and the one after its last.
    """

    text: str
    label: str
    place: tuple[int, int]


def cued_text(split: str, number: int, seed: int | None = None) -> Cued:
    """Text `number` of a split. Raises ValueError for an unknown split or a number or seed below 0."""
    rng = stream("cued_text", split, tuple(SIZES), SEEDS.get(split, 0) if seed is None else seed, number)
    label = list(CUES)[rng.randint(len(CUES))]
    cue = CUES[label][rng.randint(len(CUES[label]))]
    fewest, most = LENGTHS[split]
    words = [NOISE[place] for place in rng.randint(len(NOISE), size=rng.randint(fewest, most + 1))]
    place = rng.randint(len(words))
    words[place] = cue
    start = len(" ".join([*words[:place], ""]))
    return Cued(" ".join(words), label, (start, start + len(cue)))


def cued_texts(split: str, seed: int | None = None) -> Iterator[Cued]:
    """The texts of a split that a demo uses, one after the other. Raises ValueError for an unknown split."""
    expect_split("cued_texts", split, tuple(SIZES))
    return (cued_text(split, number, seed) for number in range(SIZES[split]))


SENTENCES = dict.fromkeys(SIZES, (3, 8)) | {"long": (15, 25)}
"""Fewest and most sentences of a document."""
WORDS_OF_SENTENCE = (4, 10)


@dataclass(frozen=True)
class Document:
    """A text of several sentences and its label.

    Args:
        text: sentences with spaces between, each with a full stop.
        label: a key of `CUES`.
        sentence: first character of the sentence with the cue, and the one after its last.
        place: the same of the cue, with the full stop behind it where it is the last word.
    """

    text: str
    label: str
    sentence: tuple[int, int]
    place: tuple[int, int]


def cued_document(split: str, number: int, seed: int | None = None) -> Document:
    """Document `number` of a split: sentences that say nothing, and a cue in one of them. Raises as `cued_text`."""
    rng = stream("cued_document", split, tuple(SIZES), SEEDS.get(split, 0) + 1 if seed is None else seed, number)
    label = list(CUES)[rng.randint(len(CUES))]
    cue = CUES[label][rng.randint(len(CUES[label]))]
    fewest, most = SENTENCES[split]
    sentences = []
    for _ in range(rng.randint(fewest, most + 1)):
        length = rng.randint(WORDS_OF_SENTENCE[0], WORDS_OF_SENTENCE[1] + 1)
        sentences.append([NOISE[place] for place in rng.randint(len(NOISE), size=length)])
    chosen = sentences[rng.randint(len(sentences))]
    chosen[rng.randint(len(chosen))] = cue
    text = " ".join(" ".join(words) + "." for words in sentences)
    start = text.index(" ".join(chosen) + ".")
    sentence = start, start + len(" ".join(chosen)) + 1
    first = re.search(rf"\b{cue}\b\.?", text)
    assert first is not None
    return Document(text, label, sentence, first.span())


def cued_documents(split: str, seed: int | None = None) -> Iterator[Document]:
    """The documents of a split that a demo uses, one after the other. Raises ValueError for an unknown split."""
    expect_split("cued_documents", split, tuple(SIZES))
    return (cued_document(split, number, seed) for number in range(SIZES[split]))
