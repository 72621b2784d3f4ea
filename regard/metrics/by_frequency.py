"""Words of the references by how often training has them: does a model write rare words, and those it never saw?

Source: Neubig et al. 2019, "compare-mt: A Tool for Holistic Comparison of Language Generation Systems",
[arXiv:1903.07926](https://arxiv.org/abs/1903.07926), section 2.2.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from regard.data.scripts import UNSPACED
from regard.metrics.score import References, check

EDGES = (0, 1, 2, 5, 10, 100, 1000)
WIDE = "[\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
"""Chinese and Japanese punctuation."""


@dataclass(frozen=True, slots=True)
class FrequencyRow:
    """The words that training has so often.

    Args:
        low, high: smallest and largest count in training; `high` is None for the last, which has no end.
        references: such words in the references.
        outputs: such words in the outputs.
        right: such words that an output shares with its reference, each as often as both have it.
    """

    low: int
    high: int | None
    references: int
    outputs: int
    right: int

    @property
    def precision(self) -> float | None:
        """Per cent of the words of the outputs that are right; None where there are none."""
        return 100 * self.right / self.outputs if self.outputs else None

    @property
    def recall(self) -> float | None:
        """Per cent of the words of the references that an output has; None where there are none."""
        return 100 * self.right / self.references if self.references else None

    @property
    def f1(self) -> float | None:
        """Their harmonic mean, 2 · right / (words of the outputs + of the references); None where there are none."""
        words = self.outputs + self.references
        return 200 * self.right / words if words else None

    def record(self) -> dict[str, Any]:
        """The counts and the scores, as a JSON object."""
        return asdict(self) | {"precision": self.precision, "recall": self.recall, "f1": self.f1}


def by_frequency(
    counts: Mapping[str, int],
    hypotheses: Sequence[str],
    references: References,
    *,
    edges: Sequence[int] = EDGES,
    split: Callable[[str], Sequence[str]] | None = None,
) -> list[FrequencyRow]:
    """How many words of each frequency are right.

    Args:
        counts: how often each word occurs in training.
        hypotheses, references: of each segment. Of several references, the one that shares the most words with its
            output counts, by F1.
        edges: the smallest count of each row, ascending, the first of them 0.
        split: text → words; `words` if None.

    Raises ValueError for unequal numbers of segments, or edges that do not ascend from 0.
    """
    check(hypotheses, references)
    if not edges or edges[0] != 0 or any(left >= right for left, right in pairwise(edges)):
        raise ValueError(
            f"by_frequency: edges is {list(edges)}; expected ascending counts from 0. Give, for example, 0 1 10 100."
        )
    split = split or words
    wanted, said, right = Counter[int](), Counter[int](), Counter[int]()
    for hypothesis, texts in zip(hypotheses, references, strict=True):
        output = Counter(split(hypothesis))
        reference = max((Counter(split(text)) for text in texts), key=lambda text: _shared(output, text))
        for found, segment in ((wanted, reference), (said, output), (right, reference & output)):
            for word, times in segment.items():
                found[row(counts.get(word, 0), edges)] += times
    return [FrequencyRow(*ends, wanted[at], said[at], right[at]) for at, ends in enumerate(rows(edges))]


def rows(edges: Sequence[int] = EDGES) -> list[tuple[int, int | None]]:
    """Smallest and largest count of each row."""
    return list(zip(edges, [*(edge - 1 for edge in edges[1:]), None], strict=True))


def row(count: int, edges: Sequence[int] = EDGES) -> int:
    """The number of the row for words that occur so often."""
    return bisect_right(edges, count) - 1


def named(low: int, high: int | None) -> str:
    """A row, for readers: 0, 2 to 4, 1000 and more."""
    if high is None:
        return f"{low} and more"
    return f"{low}" if low == high else f"{low} to {high}"


def words(text: str) -> list[str]:
    """The tokens 13a of sacrebleu, as BLEU counts them; in a script without spaces each character is one, and each of
    its marks of punctuation."""
    return _parts().findall(_tokenizer()(text))


def _shared(output: "Counter[str]", reference: "Counter[str]") -> float:
    total = output.total() + reference.total()
    return 2 * (output & reference).total() / total if total else 1.0


@cache
def _tokenizer() -> Callable[[str], str]:
    return Tokenizer13a()  # type: ignore[no-untyped-call]


@cache
def _parts() -> re.Pattern[str]:
    single = f"{UNSPACED}|{WIDE}"
    return re.compile(rf"{single}|(?:(?!{single})\S)+")  # here, since it takes 5 ms the first time
