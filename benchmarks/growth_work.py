"""What growth.py times: R at a point, trained and searched with as Regard does both, whole and in parts.

whole      one update; or the translation of a batch, greedy, from its token numbers
encoder    reading the source, the projection of the keys, the first state
decoder    all target steps up to the output layer, over the source as it is
near       the same over one source position alone: what more source costs the decoder is attention
output     the output layer; in training with its loss, in search with the choice of the best token
optimiser  in training: clipping, and Adam

In training each part goes forward and backward, alone. In search decoder and output layer take turns as they do in the
whole, since the weights of one push those of the other out of the cache.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from growth_model import Point, Reference, first_position, made_up
from torch import Tensor

from regard.attention.source import Source
from regard.compiled.freeze import FrozenModel
from regard.compiled.output_step import OutputStep
from regard.compiled.training import FORWARDS, fast_layer
from regard.data.batch import Batch
from regard.decoders.sourced_state import SourcedState
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.training.loop import clip, update
from regard.training.objective import cross_entropies
from regard.training.progress import Progress
from regard.training.session import Update

Work = Callable[[], float]
"""Does something once, and returns the seconds that it took."""


class Training:
    """An update of R on one batch.

    Args:
        reference: whose model is trained.
        point: the sizes of the batch.
    """

    def __init__(self, reference: Reference, point: Point) -> None:
        self.model, self.learner, self.batch = reference.model, reference.learner, made_up(point)
        with torch.no_grad():
            self.source, self.state = _begun(self.model, self.batch)
            self.read = self.model(self.batch)
        self.near = first_position(self.source)
        self.features = torch.randn(point.batch, point.target, self.model.tokens.feature_size)

    def whole(self) -> Update:
        """As the loop makes it."""
        return update(self.learner, [self.batch], Progress())

    def parts(self) -> Mapping[str, Work]:
        """In an order in which the optimiser has gradients: those of an update that came before."""
        return {
            "optimiser": partial(clocked, self._optimise),
            "encoder": partial(clocked, self._encode),
            "decoder": partial(clocked, self._decode, self.source),
            "near": partial(clocked, self._decode, self.near),
            "output": partial(clocked, self._project),
        }

    def _optimise(self) -> None:
        clip(self.model.parameters(), self.learner.clip)
        self.learner.optimizer.step()

    def _encode(self) -> None:
        source, state = _begun(self.model, self.batch)
        self._backward(source.prepared, source.values, state.cells.top)

    def _decode(self, source: Source) -> None:
        source = Source(_leaf(source.prepared), _leaf(source.values), source.mask)
        decoder = self.model.decoder
        self._backward(FORWARDS[type(decoder)](decoder, self.batch.inputs, source, self.state).features)

    def _project(self) -> None:
        self._backward(cross_entropies(self.model, replace(self.read, features=_leaf(self.features)), self.batch).total)

    def _backward(self, *results: Tensor) -> None:
        """An update begins without gradients, too: the first of a parameter is kept, not added."""
        self.learner.optimizer.zero_grad()
        torch.autograd.backward(results, [torch.ones_like(each) for each in results])


class Search:
    """The greedy translation of one batch, every output of as many tokens as the point says.

    Args:
        reference: whose model is searched with.
        point: the sizes of the batch.
    """

    def __init__(self, reference: Reference, point: Point) -> None:
        self.model, self.batch, self.length = reference.searched, made_up(point), point.target
        self.tokens = self.model.tokens
        with torch.inference_mode():
            self.source, self.state = _begun(self.model, self.batch)
            self.near = first_position(self.source)

    @torch.inference_mode()
    def whole(self) -> list[Hypothesis]:
        """As the translator does it."""
        source, state = _begun(self.model, self.batch)
        step = OutputStep(self.model.decoder, self.tokens)
        lengths = self.batch.source_mask.sum(1)
        return greedy(step, SourcedState(state, source), lengths, limit=LengthLimit(0.0, self.length))

    def parts(self) -> Mapping[str, Work]:
        """In any order."""
        return {
            "encoder": partial(clocked, self._encode),
            "decoder": lambda: self._walk(self.source)[0],
            "near": lambda: self._walk(self.near)[0],
            "output": lambda: self._walk(self.source)[1],
        }

    @torch.inference_mode()
    def _encode(self) -> None:
        _begun(self.model, self.batch)

    @torch.inference_mode()
    def _walk(self, source: Source) -> tuple[float, float]:
        """Seconds of the decoder and of the output layer over the words of the batch."""
        state, moving, choosing = self.state, 0.0, 0.0
        for words in self.batch.inputs.unbind(1):
            begun = time.perf_counter()
            moved = self.model.decoder.advance(words, state, source)
            between = time.perf_counter()
            self.tokens.best(moved.features, 1)
            moving, choosing = moving + between - begun, choosing + time.perf_counter() - between
            state = moved.state
        return moving, choosing


LINES: Mapping[str, type[Training] | type[Search]] = {"training": Training, "greedy": Search}


def clocked(work: Callable[..., object], *given: object) -> float:
    """Seconds that it takes."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def _begun(model: EncoderDecoder | FrozenModel, batch: Batch) -> tuple[Source, Any]:
    if isinstance(model, FrozenModel):
        return model.begin(model.encode(batch.source, batch.source_mask))
    memory = model.encoder(batch.source, batch.source_mask, run=fast_layer)
    return model.begin(model.attendable(memory, batch.source, batch.source_mask))


def _leaf(tensor: Tensor) -> Tensor:
    """What a gradient ends at, and is not added to one from before."""
    return tensor.detach().requires_grad_()
