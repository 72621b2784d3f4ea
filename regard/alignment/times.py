"""When each word of a recording was said, from where its alignment looked; and files that say so.

times      Alignment → stretches of seconds, one a word, in order and apart
ctm        lines of NIST's CTM: recording, channel, start, duration, word
srt        SubRip subtitles, a cue a word
textgrid   a TextGrid of Praat in its long form, one tier of intervals
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from jaxtyping import Float

from regard.alignment.alignment import Alignment
from regard.alignment.parts import apart, part_numbers
from regard.errors import UsageError

SOUND = ("recording", "features")
"""Kinds of sources with seconds, among the parts of several."""


@dataclass(frozen=True)
class Word:
    """A word, and when it was said.

    Args:
        text: of the word.
        start, end: seconds of the file.
    """

    text: str
    start: float
    end: float


def heard(alignment: Alignment) -> tuple[int, Alignment]:
    """Of a recording among other parts of a source, its number and its alignment alone, each row a whole; 0 and itself
    for a source of one part. Raises UsageError unless one recording can be looked at."""
    if not alignment.part_sources:
        return 0, alignment
    looked = {int(number) for number in part_numbers(alignment)}
    sound = [number for number in sorted(looked) if getattr(alignment.part_sources[number], "kind", "") in SOUND]
    if len(sound) != 1:
        raise UsageError(f"words have times in one recording; the source has {len(sound)} that can be looked at.")
    found = dict(apart(alignment))[alignment.source_parts[sound[0]]]
    total = found.weights.sum(1, keepdims=True)
    return sound[0], replace(found, weights=found.weights / np.where(total > 0, total, 1))


def times(alignment: Alignment) -> list[Word]:
    """A stretch of time for each target unit, in the order of the units; stretches do not overlap.

    The stretches I(1) < I(2) < … of source units, none empty, have the largest

        Σ_t Σ_(s in I(t)) (weights[t, s] - 1 / source)

    so a position belongs to a word if the weight of the word on it is above the mean. This is meant for transcripts:
    their words have the order in which they were said. Of a recording among other parts of a source, the weights are
    those of each row over its positions alone.

    Raises UsageError for a source without seconds, and for one with several recordings.
    """
    _, alignment = heard(alignment)
    units = alignment.source
    if not alignment.target or (alignment.source_kind != "text" and not units):
        return []
    if alignment.source_kind == "text" or units[0].box is not None:
        raise UsageError(f"words have times in a recording; the source is of kind {alignment.source_kind!r}.")
    parts = -(-len(alignment.target) // len(units))  # where words are more than units, units are cut
    edges = np.array([np.linspace(unit.start, unit.end, parts + 1) for unit in units])
    starts, ends = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    weights = np.repeat(alignment.weights.astype(np.float64), parts, axis=1) / parts
    cuts = _stretches(weights - 1 / len(starts))
    return [
        Word(unit.text, float(starts[first]), float(ends[last - 1]))
        for unit, (first, last) in zip(alignment.target, cuts, strict=True)
    ]


def _stretches(gain: Float[np.ndarray, "target source"]) -> list[tuple[int, int]]:
    """The best stretches in order, none empty: (first position, position after the last) of each word.

    Dynamic programming: `after[t, s]` is the best sum of the first t words in the first s positions, and `inside` the
    best sum if word t ends exactly there. O(target · source).
    """
    words, places = gain.shape
    after = np.full((words + 1, places + 1), -np.inf)
    after[0] = 0.0
    begun = np.zeros((words + 1, places + 1), np.int64)  # where the stretch that ends best at or before s begins …
    ended = np.zeros((words + 1, places + 1), np.int64)  # … and ends
    for t in range(1, words + 1):
        inside, begin = -np.inf, 0
        for s in range(1, places + 1):
            if after[t - 1, s - 1] > inside:
                inside, begin = float(after[t - 1, s - 1]), s - 1
            inside += float(gain[t - 1, s - 1])
            after[t, s], begun[t, s], ended[t, s] = after[t, s - 1], begun[t, s - 1], ended[t, s - 1]
            if inside > after[t, s]:
                after[t, s], begun[t, s], ended[t, s] = inside, begin, s
    found, s = [], places
    for t in range(words, 0, -1):
        found.append((int(begun[t, s]), int(ended[t, s])))
        s = found[-1][0]
    return found[::-1]


def ctm(name: str, words: Sequence[Word], length: float) -> str:
    """Source: NIST SCTK, doc/infmts.htm: fields between blanks, so that blanks in a name become underlines."""
    recording = "_".join(PurePath(name).stem.split()) or "_"
    lines = [f"{recording} 1 {one.start:.3f} {one.end - one.start:.3f} {_joined(one.text)}\n" for one in words]
    return "".join(lines)


def srt(name: str, words: Sequence[Word], length: float) -> str:
    """Source: SubRip; a number, two times with a comma before the milliseconds, text, an empty line."""
    return "".join(
        f"{number}\n{_clock(one.start)} --> {_clock(one.end)}\n{_joined(one.text)}\n\n"
        for number, one in enumerate(words, 1)
    )


def textgrid(name: str, words: Sequence[Word], length: float) -> str:
    """Source: Praat manual, "TextGrid file formats", the long form. The intervals fill the tier from 0 to the end."""
    places, last = list[Word](), 0.0
    for one in words:
        if one.start > last:
            places.append(Word("", last, one.start))
        places.append(one)
        last = one.end
    if not places or length > last:
        places.append(Word("", last, length))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {places[-1].end:.6f}",
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        '        name = "words"',
        "        xmin = 0",
        f"        xmax = {places[-1].end:.6f}",
        f"        intervals: size = {len(places)}",
    ]
    for number, one in enumerate(places, 1):
        text = one.text.replace('"', '""')
        lines += [f"        intervals [{number}]:", f"            xmin = {one.start:.6f}"]
        lines += [f"            xmax = {one.end:.6f}", f'            text = "{text}"']
    return "\n".join(lines) + "\n"


Write = Callable[[str, Sequence[Word], float], str]
FORMATS: dict[str, Write] = {"ctm": ctm, "srt": srt, "textgrid": textgrid}
"""A name, its words, and seconds of the recording → the file, or of CTM its lines."""
ENDINGS = {"ctm": ".ctm", "srt": ".srt", "textgrid": ".TextGrid"}


def _joined(text: str) -> str:
    return " ".join(text.split())


def _clock(seconds: float) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
