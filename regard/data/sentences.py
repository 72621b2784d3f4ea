"""Where the sentences of a text are: behind their punctuation, or between marks that the user names."""

import re

PUNCTUATION = "punctuation"
"""The rule that needs no mark: a sentence ends with one of . ! ? … before white space, or with one of 。！？."""

_BEHIND_PUNCTUATION = r"(?<=[.!?…])\s+|(?<=[。！？])\s*"


def sentence_spans(text: str, between: str) -> list[tuple[int, int]]:
    """First character of each sentence and the one after its last, without the white space around it.

    Args:
        text: some sentences. What is nothing but white space is none.
        between: `PUNCTUATION`, or the mark that stands between two sentences and belongs to neither.
    """
    pattern = _BEHIND_PUNCTUATION if between == PUNCTUATION else re.escape(between)
    spans, start = [], 0
    for match in [*re.finditer(pattern, text), None]:
        end = len(text) if match is None else match.start()
        part = text[start:end]
        if said := part.strip():
            first = start + part.index(said)
            spans.append((first, first + len(said)))
        start = end if match is None else match.end()
    return spans
