"""An output as the edits that make it of its source: what a target is to an edit transducer.

    size         COPY: the token of the source at the pointer is written, and the pointer moves on
    size + 1     DELETE: it is not written, and the pointer moves on
    below size   INSERT: this token of the target vocabulary is written, and the pointer stays

Here size is the number of entries of that vocabulary. The pointer begins at the first token of the source; behind the
last there is nothing to copy or to delete, and only there an output may end. So the tokens of an output are a script,
and its text is what the script writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from regard.data.tokenizer import Encoded, Spelled

if TYPE_CHECKING:
    from regard.data.copying import SentenceTokens
    from regard.data.hallucination import Hallucination

MOVES = 2
"""COPY and DELETE: so many numbers stand behind those of the target vocabulary."""
NAMES = ("<copy>", "<delete>")
SCRIPTS = "the tokens of an edit transducer are edits of the source, not words of the output."
"""Why nothing that is said of tokens can be asked of it."""
DELETE, COPY = -2, -1
"""As `script` has them, where a number of 0 or more is a letter to insert."""


def costs(source: Sequence[int], target: Sequence[int]) -> Int[np.ndarray, "source_and_one target_and_one"]:
    """The least cost of making target[j:] of source[i:], for each i and j.

        C(i, j) = min(C(i+1, j+1) where source[i] = target[j],  1 + C(i+1, j),  1 + C(i, j+1)),    C(n, m) = 0

    A COPY is free, a DELETE and an INSERT cost 1: Levenshtein's distance without substitution.
    """
    wanted, places = np.asarray(target, np.int64), np.arange(len(target) + 1)
    rows = [places[::-1].copy()]
    for letter in reversed(source):
        row = rows[-1] + 1
        row[:-1] = np.where(wanted == letter, np.minimum(row[:-1], rows[-1][1:]), row[:-1])
        # With inserts: the least over k ≥ j of row(k) + k - j.
        rows.append(np.minimum.accumulate((row + places)[::-1])[::-1] - places)
    return np.stack(rows[::-1])


def script(source: Sequence[int], target: Sequence[int]) -> list[int]:
    """The cheapest edits; where several are as cheap, a COPY before a DELETE before an INSERT."""
    cost, i, j, found = costs(source, target).tolist(), 0, 0, list[int]()
    while i < len(source) or j < len(target):
        here = cost[i][j]
        if i < len(source) and j < len(target) and source[i] == target[j] and here == cost[i + 1][j + 1]:
            found.append(COPY)
            i, j = i + 1, j + 1
        elif i < len(source) and here == 1 + cost[i + 1][j]:
            found.append(DELETE)
            i += 1
        else:
            found.append(target[j])
            j += 1
    return found


def written(tokens: Sequence[int], source: Sequence[int], copy: int) -> list[int]:
    """The letters that a script writes.

    Args:
        tokens: the script, without the end mark.
        source: the number of each source token as a target token.
        copy: the number of COPY; that of DELETE follows.
    """
    found, place = list[int](), 0
    for token in tokens:
        if token < copy:
            found.append(token)
            continue
        if token == copy:
            found.append(source[place])
        place += 1
    return found


@dataclass(frozen=True)
class SentenceEdits:
    """The scripts over one source, beside `SentenceTokens`, which are its letters.

    Args:
        letters: the target vocabulary of this sentence, with the tokens of its source.
        source: the number of each source token there; a negative one for what is no text, and so never copied.
    """

    letters: "SentenceTokens"
    source: Sequence[int]

    @property
    def copy(self) -> int:
        """The number of COPY; that of DELETE follows."""
        return self.letters.tokenizer.size

    @property
    def delete(self) -> int:
        """The number of DELETE."""
        return self.copy + 1

    def encode(self, text: str) -> Encoded:
        """The cheapest script that writes a text. A DELETE has the span of what is written next."""
        wanted = self.letters.encode(text)
        spans, found, place = [*wanted.spans, (len(text), len(text))], list[tuple[int, tuple[int, int]]](), 0
        for edit in script(self.source, wanted.ids):
            found += [(token, spans[place]) for token in self._numbers(edit)]
            place += edit != DELETE
        return Encoded([token for token, _ in found], [span for _, span in found])

    def ids(self, text: str) -> list[int]:
        """The script without the spans."""
        return [token for edit in script(self.source, self.letters.ids(text)) for token in self._numbers(edit)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text that a script writes."""
        return self.letters.decode(self.written(ids))

    def written(self, ids: Sequence[int]) -> list[int]:
        """The letters that a script writes."""
        return written(ids, self.source, self.copy)

    def spell(self, ids: Sequence[int]) -> Spelled:
        """The text that a script writes, and the characters of it that each edit writes. A DELETE has the span of what
        is written next."""
        spelled = self.letters.spell(self.written(ids))
        spans = [*spelled.spans, (len(spelled.text), len(spelled.text))]
        places = np.cumsum([0, *(token != self.delete for token in ids)])[: len(ids)].tolist()
        return Spelled(spelled.text, [spans[place] for place in places])

    def writing(self, ids: Sequence[int]) -> list[bool]:
        """Which edits write something, or are the end mark."""
        return [token != self.delete for token in ids]

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The name to show for each edit; of one that inserts that of the token."""
        return [self.letters.tokens([token])[0] if token < self.copy else NAMES[token - self.copy] for token in ids]

    def _numbers(self, edit: int) -> list[int]:
        """The tokens of an edit. A letter that the vocabulary lacks and that is not copied is written in the pieces
        that it has."""
        if edit < 0:
            return [self.copy + (edit == DELETE)]
        own = self.letters.own.get(edit)
        return [edit] if own is None else self.letters.tokenizer.ids(own)


@dataclass(frozen=True)
class HallucinatedEdits:
    """Makes up pairs whose target is a script: the letters that are copied change in the source, and the script stays.

    Args:
        letters: makes up pairs of letters.
        copy: the number of COPY.
    """

    letters: "Hallucination"
    copy: int

    def __call__(
        self, source: np.ndarray, target: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pair as it is, or one that is made up; so it is where the script does not copy what the letters share."""
        made, wanted = self.letters(source, self._letters(source, target), generator)
        return (made if np.array_equal(self._letters(made, target), wanted) else source), target

    def places(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """As `Hallucination.places`, of the letters that are written."""
        return self.letters.places(source, self._letters(source, target))

    def _letters(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        numbers: Any = source[:, 1].tolist()
        return np.array(written(target.tolist(), numbers, self.copy), target.dtype)
