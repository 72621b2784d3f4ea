"""The embedded corpus of labels: a text whose class one word of it gives away, with the place of this word.

A text is a function of (split, seed, number) alone, the same on every machine. It is made of words that say nothing,
and of one cue, which may stand anywhere. Nothing else tells the classes apart.
"""

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
