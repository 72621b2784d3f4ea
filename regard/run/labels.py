"""Labels that training does not see: said once, since they can only count as wrong."""

from collections.abc import Iterator

import numpy as np

from regard.data.tokenizer import Tokenizer
from regard.marks import UNKNOWN
from regard.run.subsets import Subset


def unseen(learn: Subset, held: Subset, target: Tokenizer) -> Iterator[str]:
    """A line about the pairs whose label has no number; none where targets are no labels."""
    if target.kind != "label":
        return
    for subset, purpose, why in (
        (learn, "to learn from", "beyond data.target.vocab_size, and teach no label"),
        (held, "to validate on", "that training does not see, and count as wrong"),
    ):
        rows = np.arange(len(subset)) if subset.rows is None else subset.rows
        unknown = rows[subset.corpus.target.take(rows) == UNKNOWN]
        if len(unknown):
            file, line = subset.corpus.origin(unknown[0])
            yield f"{len(unknown):,} of the pairs {purpose} have a label {why}; the first is {file}, line {line}"
