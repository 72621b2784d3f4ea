"""From tokens and their probabilities to what a reader of an alignment sees of them."""

from collections.abc import Sequence

import numpy as np

from regard.alignment.alignment import Prediction
from regard.data.batch import END
from regard.data.copying import SentenceTokens
from regard.data.edits import SentenceEdits
from regard.data.tokenizer import Tokenizer
from regard.search.forced import Ranked

Vocabulary = Tokenizer | SentenceTokens | SentenceEdits
REPLACEMENT = "\ufffd"


def predictions(
    tokens: Sequence[int], spans: Sequence[tuple[int, int]], ranked: Ranked, tokenizer: Vocabulary
) -> tuple[Prediction, ...]:
    """One for each token of an output, for an alignment whose units are the distinct spans of these tokens.

    Args:
        tokens: the output, with its end mark where it has one.
        spans: of each token but the end mark; neighbours with the same span are one unit.
        ranked: their probabilities, and the most probable tokens of each step.
        tokenizer: of the target.
    """
    units = np.cumsum([place > 0 and span != spans[place - 1] for place, span in enumerate(spans)]).tolist()
    units += [units[-1] + 1 if units else 0] * (len(tokens) - len(spans))
    probs, best = np.exp(ranked.log_probs.astype(np.float64)), np.exp(ranked.best.astype(np.float64))
    return tuple(
        Prediction(
            spelling(token, tokenizer),
            unit,
            float(probs[place]),
            tuple(
                (spelling(int(other), tokenizer), float(prob))
                for other, prob in zip(ranked.tokens[place], best[place], strict=True)
                if prob > 0
            ),
        )
        for place, (token, unit) in enumerate(zip(tokens, units, strict=True))
    )


def spelling(token: int, tokenizer: Vocabulary) -> str:
    """What a token spells: "" for the end mark. A byte that is no whole character has its name, such as "<0xE6>",
    and so has an edit, such as "<copy>"."""
    if token == END:
        return ""
    if isinstance(tokenizer, SentenceEdits):
        return tokenizer.tokens([token])[0]
    text = tokenizer.decode([token])
    return tokenizer.tokens([token])[0] if not text or REPLACEMENT in text else text
