"""`regard demo --corpus drawn`: pictures of two coloured shapes → a sentence, and which box each word was seen in."""

from collections.abc import Collection
from itertools import islice

from regard.analysis.pointed import Known
from regard.cli.demo_media import MediaDemo
from regard.data.embedded.drawn import COLOURS, SHAPES, pictures
from regard.data.pictures.picture import SPLIT

GROUPS: dict[str, Collection[str]] = {
    "shapes": SHAPES,
    "colours": COLOURS,
    "relations": ("left", "right", "above", "below"),
}


def known(split: str, count: int | None) -> list[Known]:
    """The first pictures of a split."""
    return [
        Known(
            f"{SPLIT}{split}/{number}",
            one.text,
            {
                group: [box if word in words else None for word, box in zip(one.words, one.boxes, strict=True)]
                for group, words in GROUPS.items()
            },
        )
        for number, one in enumerate(islice(pictures(split), count))
    ]


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f"Try it:   regard view {model} drawn:combinations/7",
        "Your own: regard train pictures YOUR.tsv --out runs/mine",
        "          (a line: the name of a JPEG or PNG file, a tab, its caption; see docs/pictures.md)",
    ]


DEMO = MediaDemo(
    "pictures",
    "pictures of two coloured shapes; training sees what is said of them, never where a thing is",
    known,
    {"ordinary": "as in training", "combinations": "a thing whose colour and shape never went together"},
    ("drawn:ordinary/3", "drawn:ordinary/14", "drawn:combinations/5"),
    "Regard: which part of the picture each word was seen in",
    "overlap (IoU)",
    lambda found: f"{found.overlap:.3f}",
    steps,
)
