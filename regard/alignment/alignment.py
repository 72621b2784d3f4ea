"""Source units and target units, each with its place in the raw text, and the weights between them."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from regard.data.media import Medium
from regard.data.rows import BETWEEN


class Unit(NamedTuple):
    """A piece of what the user gave: a token, a word, a stretch of a recording.

    Args:
        text: what to write beside it.
        start, end: characters of the raw text, integers (end exclusive); of another source the measure of its kind,
            floats: seconds of a recording; 0 in a picture.
        box: in a picture: left, top, right, bottom in its own pixels.
    """

    text: str
    start: int | float
    end: int | float
    box: tuple[float, float, float, float] | None = None


class Prediction(NamedTuple):
    """One token of the output, how probable it was, and what else could have stood there.

    Args:
        text: the token as it is spelled; "" for the end of the output.
        unit: the target unit that it is a part of; the number of target units for the end of the output.
        probability: of this token, given what stands before it.
        alternatives: the most probable tokens of this step and their probabilities, best first; the token itself
            is among them where it was one of the best.
    """

    text: str
    unit: int
    probability: float
    alternatives: tuple[tuple[str, float], ...]


class Word(NamedTuple):
    """A part of a unit of the source that an encoder made of its words by attention pooling.

    Args:
        text: what to write beside it.
        start, end: characters of the raw text, end exclusive.
        unit: the number of the source unit that it is a part of.
        weight: its share in the vector of that unit; those of a unit sum to one. Whatever was written, it is the same.
    """

    text: str
    start: int
    end: int
    unit: int
    weight: float


class Layer(NamedTuple):
    """One of several looks behind each target unit, such as a hop of a memory network.

    Args:
        name: such as "hop 1".
        weights, source_end, target_end: as in `Alignment`.
    """

    name: str
    weights: np.ndarray
    source_end: np.ndarray | None = None
    target_end: np.ndarray | None = None


@dataclass(frozen=True)
class Alignment:
    """The soft alignment behind one output. Every view takes this record and nothing else.

    Args:
        source_text: the source as the user reads it.
        target_text: the target, likewise.
        source: the units of the source, in order, without the end mark.
        target: the units of the target, likewise.
        weights: float32 (target, source); row t is what target unit t looked at.
        score: natural logarithm of the probability of the output.
        source_end: float32 (target,), what each target unit looked at on the end mark of the source; a row of
            `weights` and its entry here sum to what the mechanism says, one for most. None where no mark stands
            behind the source, or where no model may look at it.
        target_end: float32 (source + 1,) or (source,) without `source_end`: the row that wrote the end of the
            output, the end mark of the source last. None where the output was cut before its end.
        predictions: one for each target token and one for the end; empty where they were not asked for.
        source_kind: what the source is, a name in the table of source kinds. Only the units of a text are characters of
            `source_text`.
        receptive_field: how far the convolutions of the encoder see around what a position covers: seconds before it
            and behind it; of a picture pixels on the left, above, on the right, below. None where all of the source is
            seen, or where it is not known. Layers above the convolutions, and normalisation, may see all of it.
        medium: the recording or the picture itself, for views that draw and play it. Files of raw numbers leave it out.
        layers: the looks of a decoder that looks several times before each token and shows all of them, in their order;
            empty for any other. `weights` is then the last of them.
        source_parts: what the parts of a source of several texts are called, which have a tab between two in
            `source_text`; empty for one text.
        p_gen: float32 (target,), the probability to generate rather than copy at the step of each target unit, of
            several tokens the mean. None where the model does not copy.
        copied: float32 (target, source), the probability that a target unit was copied from each source unit, given
            that it was written; a row sums to the probability that it was copied at all. None likewise.
        inside: of a source whose units are sentences, made of their words by attention pooling: the words with their
            weights, in order. `weights` times these is the share of each word: `word_weights`. Empty for any other
            source, and where an encoder makes sentences in another way.
        warning: what the weights of this model do instead of explaining, as `alignment.verdict` says of the pairs of
            its validation; every view shows it. None where nothing speaks against them, or nothing was measured.

    Raises ValueError where the shapes do not fit.
    """

    source_text: str
    target_text: str
    source: tuple[Unit, ...]
    target: tuple[Unit, ...]
    weights: np.ndarray
    score: float
    source_end: np.ndarray | None = None
    target_end: np.ndarray | None = None
    predictions: tuple[Prediction, ...] = ()
    source_kind: str = "text"
    receptive_field: tuple[float, ...] | None = None
    medium: Medium | None = None
    layers: tuple[Layer, ...] = ()
    source_parts: tuple[str, ...] = ()
    p_gen: np.ndarray | None = None
    copied: np.ndarray | None = None
    inside: tuple[Word, ...] = ()
    warning: str | None = None

    def __post_init__(self) -> None:
        self._check_look("", self)
        if self.p_gen is not None:
            self._check("p_gen", self.p_gen, (len(self.target),), "one for each target unit")
        if self.copied is not None:
            self._check("copied", self.copied, (len(self.target), len(self.source)), "as weights")
        for number, layer in enumerate(self.layers):
            self._check_look(f"layers[{number}].", layer)
            if (layer.source_end is None, layer.target_end is None) != (
                self.source_end is None,
                self.target_end is None,
            ):
                raise ValueError(
                    f"Alignment.layers[{number}]: source_end and target_end are not both there as in the alignment; "
                    "expected the same ends in every layer. Give them all, or none."
                )

        if any(not 0 <= word.unit < len(self.source) for word in self.inside):
            raise ValueError(
                f"Alignment.inside: a word is in a unit of number {max(word.unit for word in self.inside)}; expected "
                f"numbers of the {len(self.source)} source units, from 0."
            )
        texts = 1 + self.source_text.count(BETWEEN)
        if self.source_parts and len(self.source_parts) != texts:
            raise ValueError(
                f"Alignment.source_parts: {len(self.source_parts)} names; expected {texts}, one for each text between "
                "the tabs of source_text."
            )

    def _check_look(self, place: str, look: "Alignment | Layer") -> None:
        source, target = len(self.source), len(self.target)
        meaning = "a row for each target unit and a column for each source unit"
        self._check(f"{place}weights", look.weights, (target, source), meaning)
        if look.source_end is not None:
            self._check(f"{place}source_end", look.source_end, (target,), "one for each target unit")
        if look.target_end is not None:
            expected = (source + (look.source_end is not None),)
            meaning = "one for each source unit, and with source_end one for the end mark"
            self._check(f"{place}target_end", look.target_end, expected, meaning)

    def _check(self, name: str, array: np.ndarray, expected: tuple[int, ...], meaning: str) -> None:
        shape = np.shape(array)
        if shape != expected:
            raise ValueError(
                f"Alignment.{name}: shape is {shape}; expected {expected}, {meaning}. What was looked at on the end "
                "mark of the source belongs to source_end, the row that wrote the end of the output to target_end."
            )

    @property
    def word_weights(self) -> np.ndarray:
        """The share of each word of `inside` in each target unit, float32 (target, words): the weight of its unit times
        its weight within. A row sums to what the row of `weights` does, over units that have words."""
        units = [word.unit for word in self.inside]
        shares: np.ndarray = self.weights[:, units] * np.array([word.weight for word in self.inside], np.float32)
        return shares

    @property
    def each_layer(self) -> "list[tuple[str, Alignment]]":
        """Every layer with its name, as an alignment without layers; itself under the name "" where there are none."""
        if not self.layers:
            return [("", self)]
        return [(layer.name, replace(self, layers=(), **_look(layer))) for layer in self.layers]


def _look(layer: Layer) -> dict[str, Any]:
    return {name: value for name, value in layer._asdict().items() if name != "name"}
