"""The result of a metric, and the checks of its input."""

from collections.abc import Sequence
from dataclasses import dataclass

References = Sequence[Sequence[str]]
"""For each segment, the texts that are right: one or several."""


@dataclass(frozen=True, slots=True)
class Score:
    """One number about a corpus.

    Args:
        name: what it is, for a table: "BLEU".
        value: in percent, unless the signature names a unit.
        signature: how it was computed, to be printed beside it: two numbers compare only if their signatures are equal.
        higher_is_better: the direction.
    """

    name: str
    value: float
    signature: str
    higher_is_better: bool

    def __str__(self) -> str:
        return f"{self.name} {self.value:.2f} ({self.signature})"


def plain(text: str) -> str:
    """The text with one space for each sequence of white space, and none at its ends; NUL counts as white space. So all
    white space is the same for every metric."""
    return " ".join(text.replace("\0", " ").split())


def prepared(hypotheses: Sequence[str], references: References) -> tuple[list[str], list[list[str]]]:
    """Hypotheses and references with each text `plain`. Raises ValueError as `check` does."""
    check(hypotheses, references)
    return [plain(text) for text in hypotheses], [[plain(text) for text in texts] for texts in references]


def check(hypotheses: Sequence[str], references: References) -> None:
    """Raises ValueError unless there is at least one segment and each has at least one reference."""
    if not hypotheses:
        raise ValueError("metric: hypotheses is empty; expected at least one segment. Give some output to score.")
    if len(hypotheses) != len(references):
        raise ValueError(
            f"metric: hypotheses has {len(hypotheses)} segments and references has {len(references)}; expected the "
            "same number. Give the references of each segment, in the order of the output."
        )
    for place, texts in enumerate(references):
        if isinstance(texts, str) or not texts:
            raise ValueError(
                f"metric: references[{place}] is {texts!r}; expected a list of at least one text. "
                "Put a single reference into a list."
            )
