"""What a search does inside its output layer and before it, taken around the calls that it makes."""

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from regard.compiled.beam_buffers import BeamBuffers
from regard.compiled.decoder import CompiledDecoder
from regard.compiled.vocabulary import InferenceTokens
from regard.kernels.topk_shortlist import ListedOutput

WHOLE, LISTED = InferenceTokens, ListedOutput
"""The output layer of a search over the whole vocabulary, and that of a search with a shortlist."""

POINTER, SIZE, NUMBER = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
CHOOSER = ctypes.CFUNCTYPE(NUMBER, POINTER, POINTER, SIZE, SIZE, POINTER, POINTER, NUMBER, NUMBER, POINTER)
STEPPER = ctypes.CFUNCTYPE(NUMBER, POINTER, SIZE, SIZE, NUMBER, NUMBER, POINTER)
"""What compiled code asks, see beam_search.c."""


@dataclass
class Asked:
    """What a search asked of its output layer.

    Args:
        seconds: inside it.
        rows: hypotheses whose best tokens were found.
        shared: of the hypotheses of a compiled decoder, those that continued the same row as one before them.
    """

    seconds: float = 0.0
    rows: int = 0
    shared: int = 0

    def best(self, find: Callable[..., Any]) -> Callable[..., Any]:
        """The same method of a layer, added up."""

        def found(layer: Any, features: Any, *others: Any) -> Any:
            with self._timed(len(features)):
                return find(layer, features, *others)

        return found

    def advance(self, move: Callable[..., Any]) -> Callable[..., Any]:
        """The same method of a decoder."""

        def moved(decoder: Any, tokens: Any, state: Any, source: Any) -> Any:
            self.shared += len(tokens) - len(state.fed)
            return move(decoder, tokens, state, source)

        return moved

    def finder(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """The same method of a layer; compiled code comes back here with what it asks."""

        def made(layer: Any, *others: Any) -> Any:
            finder = copy(make(layer, *others))
            if finder is not None:
                find = CHOOSER(finder.function)

                def found(of: Any, features: Any, rows: int, *others: Any) -> int:
                    with self._timed(rows):
                        return int(find(of, features, rows, *others))

                _instead(finder, CHOOSER(found))
            return finder

        return made

    def prepare(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """The same method of the buffers of a beam."""

        def made(buffers: Any, tokens: Any) -> Any:
            prepared = make(buffers, tokens)
            if prepared is not None:
                step = STEPPER(prepared.function)

                def stepped(of: Any, rows: int, continued: int, *others: Any) -> int:
                    self.shared += rows - continued
                    return int(step(of, rows, continued, *others))

                _instead(prepared, STEPPER(stepped))
            return prepared

        return made

    @contextmanager
    def _timed(self, rows: int) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        self.rows += rows


def _instead(holder: Any, function: Any) -> None:
    """Compiled code is given this function."""
    holder.function, holder.watched = ctypes.cast(function, ctypes.c_void_p).value, function


@contextmanager
def watched(layer: type[Any]) -> Iterator[Asked]:
    """Adds up what is asked of any layer of this kind, which is `WHOLE` or `LISTED`, in the block.

    A search over the whole vocabulary follows its last few sentences in compiled code, which reads a part of the layer
    by itself: that is not seen.
    """
    asked = Asked()
    with (
        patch.object(layer, "best", asked.best(layer.best)),
        patch.object(layer, "finder", asked.finder(layer.finder)),
        patch.object(CompiledDecoder, "advance", asked.advance(CompiledDecoder.advance)),
        patch.object(BeamBuffers, "prepare", asked.prepare(BeamBuffers.prepare)),
    ):
        yield asked
