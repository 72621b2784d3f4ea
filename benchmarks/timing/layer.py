"""What a search does inside its output layer and before it, taken around the calls that it makes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from regard.decoders.inference import InferenceTokens
from regard.decoders.luong import LuongDecoder
from regard.output.listed import ListedOutput

WHOLE, LISTED = InferenceTokens, ListedOutput
"""The output layer of a search over the whole vocabulary, and that of a search with a shortlist."""


@dataclass
class Asked:
    """What a search asked of its output layer.

    Args:
        seconds: inside it.
        rows: hypotheses whose best tokens were found.
        shared: of the hypotheses of a `luong` decoder, those that had their past in common with one before them.
    """

    seconds: float = 0.0
    rows: int = 0
    shared: int = 0


@contextmanager
def watched(layer: type[Any]) -> Iterator[Asked]:
    """Adds up what is asked of any layer of this kind, which is `WHOLE` or `LISTED`, in the block.

    A search over the whole vocabulary follows its last few sentences in compiled code, which reads a part of the layer
    by itself: that is not seen.
    """
    asked, find, advance = Asked(), layer.best, LuongDecoder.advance

    def best(self: Any, features: Any, *others: Any) -> Any:
        started = time.perf_counter()
        found = find(self, features, *others)
        asked.seconds += time.perf_counter() - started
        asked.rows += len(features)
        return found

    def advanced(self: Any, tokens: Any, state: Any, source: Any) -> Any:
        asked.shared += len(tokens) - len(state.fed)
        return advance(self, tokens, state, source)

    with patch.object(layer, "best", best), patch.object(LuongDecoder, "advance", advanced):
        yield asked
