"""`regard demo --corpus spoken`: recordings of number words → text, and which seconds each word was heard in."""

from itertools import islice

from regard.analysis.pointed import Known
from regard.cli.demo_media import MediaDemo
from regard.data.embedded.spoken import recordings
from regard.data.speech.recording import SPLIT


def known(split: str, count: int | None) -> list[Known]:
    """The first recordings of a split."""
    made = islice(recordings(split), count)
    return [Known(f"{SPLIT}{split}/{number}", one.text, {"all": one.seconds}) for number, one in enumerate(made)]


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f"Try it:   regard view {model} spoken:hard/7",
        "Your own: regard train speech YOUR.tsv --out runs/mine",
        "          (a line: the name of a sound file, a tab, its text; see docs/recordings.md)",
    ]


DEMO = MediaDemo(
    "recordings",
    "recordings of number words by seven synthetic voices; training sees their text, never where a word is",
    known,
    {"ordinary": "as in training", "hard": "much noise, half from an unknown voice"},
    ("spoken:ordinary/3", "spoken:ordinary/14", "spoken:hard/5"),
    "Regard: which seconds each word was heard in",
    "time error s",
    lambda found: f"{found.distance:.3f}",
    steps,
)
