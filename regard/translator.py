"""Text in, alignments out: what a trained model is used through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regard.alignment.alignment import Alignment
from regard.alignment.units import align
from regard.data.batch import END
from regard.data.batches import pad_sources
from regard.data.tokenizer import Encoded, Tokenizer
from regard.decoders.inference import InferenceTokens
from regard.model import EncoderDecoder
from regard.output.listed import ListedOutput
from regard.search.beams import beam
from regard.search.choices import ProjectedStep, StepFunction
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.forcing import force
from regard.search.hypothesis import Hypothesis
from regard.search.limits import DEFAULT_LIMIT, LengthLimit
from regard.search.sampling import sample
from regard.search.shortlist import ListedState, ListedStep, Shortlist, common, lists
from regard.search.walking import greedy

Found = list[list[Hypothesis]]


@dataclass(frozen=True)
class SearchOptions:
    """How outputs are looked for.

    Args:
        beam_size: 1 is greedy.
        length_normalization, coverage_penalty: α and β of Wu et al. 2016, eq. 14-15.
        batch_size: sentences at a time; changes nothing but speed.
        limit: the longest output.
    """

    beam_size: int = 5
    length_normalization: float = 1.0
    coverage_penalty: float = 0.0
    batch_size: int = 64
    limit: LengthLimit = DEFAULT_LIMIT


@dataclass(frozen=True)
class SamplingOptions:
    """How outputs are drawn; see `regard.search.sample`. A sentence's draw depends on the seed and its place alone."""

    seed: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


class Translator:
    """One trained model, or several as an ensemble, with their tokenisers.

    Args:
        models: over the same tokenisers; several average their probabilities.
        source_tokenizer, target_tokenizer: text → token numbers and back.
        options: how outputs are looked for.
        shortlists: outputs are made of what any of these allows; none for the whole vocabulary. Scores of outputs are
            then those of the model given that only such tokens come. `score` knows the whole vocabulary always.

    A sentence gives the same output alone and in any batch. A source of nothing but white space gives an empty output.
    """

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        options: SearchOptions,
        shortlists: Sequence[Shortlist] = (),
    ) -> None:
        if not models:
            raise ValueError("Translator: models is empty; expected at least one model.")
        self.models = [model.eval() for model in models]
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.options = options
        self.shortlists = tuple(shortlists)
        self._listed = [_listed(model, self.shortlists) for model in self.models if self.shortlists]

    def translate(self, sources: Sequence[str], nbest: int = 1) -> list[list[Alignment]]:
        """The `nbest` best outputs of every source, best first, each with its alignment."""
        options = self.options
        size = max(options.beam_size, nbest)

        def look(step: StepFunction, state: Any, lengths: Tensor, places: Tensor) -> Found:
            if size == 1:
                return [[found] for found in greedy(step, state, lengths, limit=options.limit)]
            return beam(
                step,
                state,
                lengths,
                size=size,
                nbest=nbest,
                length_normalization=options.length_normalization,
                coverage_penalty=options.coverage_penalty,
                limit=options.limit,
            )

        return self._each(sources, look)

    def sample(
        self, sources: Sequence[str], sampling: SamplingOptions, places: Sequence[int] | None = None
    ) -> list[Alignment]:
        """One drawn output of every source.

        Args:
            places: the number of each source among all that are ever drawn for, where `sources` are some of them;
                None counts from 0. A draw depends on the seed and this number, not on its company.
        """

        def draw(step: StepFunction, state: Any, lengths: Tensor, places: Tensor) -> Found:
            found = sample(
                step,
                state,
                lengths,
                seed=sampling.seed,
                sentences=places,
                temperature=sampling.temperature,
                top_k=sampling.top_k,
                top_p=sampling.top_p,
                limit=self.options.limit,
            )
            return [[hypothesis] for hypothesis in found]

        return [found[0] for found in self._each(sources, draw, places)]

    def score(self, sources: Sequence[str], targets: Sequence[str]) -> list[Alignment]:
        """Forced decoding: the log-probability and the alignment of given pairs. An empty text is scored, too."""
        if len(sources) != len(targets):
            raise ValueError(
                f"Translator.score: {len(sources)} sources and {len(targets)} targets; expected as many of each."
            )
        encoded = [self.source_tokenizer.encode(source) for source in sources]
        wanted = [self.target_tokenizer.encode(target) for target in targets]

        def forced(step: StepFunction, state: Any, lengths: Tensor, places: Tensor) -> Found:
            given = [[*wanted[place].ids, END] for place in places.tolist()]
            return [[found] for found in force(step, state, lengths, given)]

        results: list[Alignment] = []
        for number, (found,) in enumerate(self._search(encoded, forced, (), range(len(sources)))):
            spans = encoded[number].spans, wanted[number].spans
            results.append(align(sources[number], targets[number], *spans, found.weights, found.log_prob))
        return results

    def _each(
        self, sources: Sequence[str], look: Callable[..., Found], numbers: Sequence[int] | None = None
    ) -> list[list[Alignment]]:
        """Search for the sources that hold something; the others have an empty output."""
        answers = [[Alignment(source, "", (), (), np.zeros((0, 0), np.float32), 0.0)] for source in sources]
        places = [place for place, source in enumerate(sources) if source.strip()]
        chosen = [self.source_tokenizer.encode(sources[place]) for place in places]
        called = places if numbers is None else [numbers[place] for place in places]
        searched = self._search(chosen, look, self.shortlists, called)
        for place, encoded, found in zip(places, chosen, searched, strict=True):
            answers[place] = [self._alignment(sources[place], encoded, hypothesis) for hypothesis in found]
        return answers

    def _alignment(self, source: str, encoded: Encoded, hypothesis: Hypothesis) -> Alignment:
        ids = [token for token in hypothesis.tokens if token != END]
        spelled = self.target_tokenizer.spell(ids)
        return align(source, spelled.text, encoded.spans, spelled.spans, hypothesis.weights, hypothesis.log_prob)

    @torch.inference_mode()
    def _search(
        self,
        sources: Sequence[Encoded],
        look: Callable[..., Found],
        shortlists: Sequence[Shortlist],
        places: Sequence[int],
    ) -> Found:
        """Search in batches of similar length; the answers in the order of the sources."""
        device = next(self.models[0].parameters()).device
        ids = [source.ids for source in sources]
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        found: Found = [[] for _ in ids]
        for start in range(0, len(order), self.options.batch_size):
            chosen = order[start : start + self.options.batch_size]
            source, mask = (part.to(device) for part in pad_sources([ids[number] for number in chosen]))
            step, state = self._begin(source, mask, shortlists)
            own = torch.tensor([places[number] for number in chosen], device=device)
            for number, hypotheses in zip(chosen, look(step, state, mask.sum(1), own), strict=True):
                found[number] = hypotheses
        return found

    def _begin(self, source: Tensor, mask: Tensor, shortlists: Sequence[Shortlist]) -> tuple[StepFunction, Any]:
        """The step function of all models, and its first state."""
        allowed = lists(shortlists, source, mask) if shortlists else None
        steps, states = [], []
        for number, model in enumerate(self.models):
            prepared, state = model.begin(model.encode(source, mask))
            if allowed is None:
                steps.append(_step(model, prepared))
            else:
                steps.append(ListedStep(partial(model.decoder.advance, source=prepared), self._listed[number]))
                state = ListedState.start(state, allowed)
            states.append(state)
        return (steps[0], states[0]) if len(steps) == 1 else (Ensemble(steps), EnsembleState(tuple(states)))


def _step(model: EncoderDecoder, prepared: Any) -> StepFunction:
    """The step function of one model over the whole vocabulary."""
    if isinstance(model.tokens, InferenceTokens):
        return ProjectedStep(partial(model.decoder.advance, source=prepared), model.tokens)
    return partial(model.step, source=prepared)


def _listed(model: EncoderDecoder, shortlists: Sequence[Shortlist]) -> ListedOutput:
    """Its output layer over what shortlists allow."""
    output = model.tokens.output
    return ListedOutput(output.weight, output.bias, common(shortlists).to(output.weight.device))
