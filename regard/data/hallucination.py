"""Data hallucination: pairs to learn from that are made up, by spelling a common stem anew at random."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

Numbers = Integer[np.ndarray, "positions ..."]
Tokens = Integer[np.ndarray, " tokens"]
NONE = -1
"""Of a token that the other side does not have, or that is no letter."""
CHANGED = 0.5
"""Probability that a letter is replaced."""
REMEMBERED = 2**14
"""Pairs whose common letters are kept in memory."""


@dataclass(frozen=True)
class Hallucination:
    """Replaces letters that source and target share by other letters, the same on both sides.

        "V;PRS;2;SG sagen" → "sagst"    becomes, for example,    "V;PRS;2;SG xogen" → "xogst"

    So a model sees every ending with many more stems than there are, and learns to copy what it does not know.

    Source: Anastasopoulos & Neubig 2019, "Pushing the Limits of Low-Resource Morphological Inflection",
    arXiv:1908.05838, section 3.1, after Silfverberg et al. 2017. There the letters are aligned by a trained aligner,
    and some thousand pairs are made beforehand. Here the longest common parts are taken, then those on either side of
    them, and the pairs are made anew in each epoch. A letter stays of its Unicode category: a capital is replaced by a
    capital. What is no letter stays: digits, spaces, and the vowel marks of Arabic and Hebrew, so that there the
    consonants of a root change and its pattern stays.

    Both sides keep their lengths, so the plan of an epoch is the same with it.

    Args:
        share: the probability that a pair is made up.
        shortest: the fewest tokens that a common part has, such as a stem; shorter ones stay.
        kept: so many tokens at the end of a common part stay, for what follows may depend on them: an ending on the
            last vowel of the stem. In the paper none do.
        source_texts, target_texts: the text of each token number, None for one that has none, such as a tag.
    """

    share: float
    shortest: int
    kept: int
    source_texts: Sequence[str | None]
    target_texts: Sequence[str | None]

    def __call__(self, source: Numbers, target: Tokens, generator: np.random.Generator) -> tuple[Numbers, Tokens]:
        """The pair as it is, or one that is made up.

        Args:
            source: (tokens,), or (tokens, 2) with the number of each as a target token, see `CopySource`.
            target: (tokens,).
        """
        if generator.random() >= self.share:
            return source, target
        places = self.places(source, target)
        places = places[generator.random(len(places)) < CHANGED]
        if not len(places):
            return source, target
        source, target = source.copy(), target.copy()
        for left, right in places.tolist():
            letters = self._letters[self._category[target[right]]]
            target[right] = letters[generator.integers(len(letters))]
            numbers = self._as_source[target[right]], target[right]
            source[left] = numbers if source.ndim > 1 else numbers[0]
        return source, target

    def places(self, source: Numbers, target: Tokens) -> Int[np.ndarray, "letters 2"]:
        """The place in the source and in the target of each letter that may be replaced."""
        own = source if source.ndim == 1 else source[:, 0]
        common = common_places(tuple(self._as_target[own].tolist()), tuple(target.tolist()), self.shortest, self.kept)
        return common[self._category[target[common[:, 1]]] != NONE]

    @cached_property
    def _as_target(self) -> np.ndarray:
        """The target number of each source number with the same text, else NONE."""
        numbers = {text: number for number, text in enumerate(self.target_texts) if text is not None}
        return np.array([NONE if text is None else numbers.get(text, NONE) for text in self.source_texts])

    @cached_property
    def _as_source(self) -> np.ndarray:
        """The other way round."""
        found = np.full(len(self.target_texts), NONE)
        known = np.flatnonzero(self._as_target != NONE)
        found[self._as_target[known]] = known
        return found

    @cached_property
    def _category(self) -> np.ndarray:
        """The number of the category of each target number; NONE for what is not a letter of both sides."""
        names = [
            unicodedata.category(text) if number != NONE and text is not None and len(text) == 1 else ""
            for text, number in zip(self.target_texts, self._as_source.tolist(), strict=True)
        ]
        kinds = sorted({name for name in names if name.startswith("L")})
        return np.array([kinds.index(name) if name in kinds else NONE for name in names])

    @cached_property
    def _letters(self) -> list[np.ndarray]:
        """The target numbers of each category."""
        return [np.flatnonzero(self._category == kind) for kind in range(int(self._category.max(initial=NONE)) + 1)]


@lru_cache(REMEMBERED)
def common_places(source: tuple[Any, ...], target: tuple[Any, ...], shortest: int, kept: int) -> np.ndarray:
    """The places of what both have in common, in parts of `shortest` tokens at least, without the last `kept`."""
    blocks = SequenceMatcher(None, source, target, autojunk=False).get_matching_blocks()
    places = [(i + k, j + k) for i, j, size in blocks if size >= shortest for k in range(size - kept)]
    return np.array(places, np.int64).reshape(-1, 2)
