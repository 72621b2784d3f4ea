"""Sources in, alignments out: what a trained model is used through."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from regard.alignment.alignment import Alignment
from regard.alignment.predictions import predictions
from regard.alignment.shown import regrouped
from regard.alignment.units import Span, Stretch, align
from regard.compiled.freeze import prepare
from regard.data.batch import END
from regard.data.sources import Source, batch_of
from regard.data.tokenizer import Tokenizer
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.forced import Ranked, force, rank
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.joint import expect_weight
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.refill import Later
from regard.search.sampling import sample
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started

LOOKS = 1 << 20
"""Squared source lengths, summed, of the sentences of one search: what they looked at is kept to its end."""

SHARES = 2
"""A later batch enters in so many parts: the more there are, the sooner each finds room."""

Found = list[list[Hypothesis]]
Values = Sequence[int] | np.ndarray
"""A source as `Source.encode` gives it."""
Spans = dict[int, np.ndarray]
"""By the number of the source: what the positions of its memory cover."""
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class SearchOptions:
    """How outputs are looked for.

    Args:
        beam_size: 1 is greedy.
        length_normalization, coverage_penalty: α and β of Wu et al. 2016, eq. 14-15.
        ctc_weight: share of CTC in every score, see `regard.search.joint.JointStep`; 0 for attention alone, 1 for CTC
            alone. The models need a CTC head for another than 0.
        batch_size: sentences at a time; changes nothing but speed.
        limit: the longest output.
    """

    beam_size: int = 5
    length_normalization: float = 1.0
    coverage_penalty: float = 0.0
    ctc_weight: float = 0.0
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
        models: over the same tokenisers; several average their probabilities. Their parameters are read here: make
            another translator when they change.
        source: what the sources are: texts, or another kind.
        target_tokenizer: text → token numbers and back, for the target.
        options: how outputs are looked for.
        shortlists: outputs are made of what any of these allows; none for the whole vocabulary. Scores of outputs are
            then those of the model given that only such tokens come. `score` knows the whole vocabulary always.

    Alignments are of `units`: "words" is what stands between white space, "tokens" what the model read and wrote;
    "auto", as in the commands, is words, save that a stretch written without spaces (Chinese) keeps its tokens.
    A sentence gives the same output alone and in any batch. A source of nothing but white space gives an empty output.
    A text alone is a list of one, wherever texts are given: `translate("Tom.")` is `translate(["Tom."])`.

    Where `alternatives` is given, every alignment has its `predictions`: the probability of each token, and so many of
    the most probable tokens of its step. They come of one more pass over what was found; 0 leaves them out.
    """

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        source: Source,
        target_tokenizer: Tokenizer,
        options: SearchOptions,
        shortlists: Sequence[Shortlist] = (),
    ) -> None:
        if not models:
            raise ValueError("Translator: models is empty; expected at least one model.")
        expect_weight("Translator", options.ctc_weight)
        for number, model in enumerate(models):
            if options.ctc_weight and model.ctc is None:
                raise ValueError(
                    f"Translator: ctc_weight is {options.ctc_weight} and model {number} has no CTC head; expected a "
                    "weight of 0. Train with training.ctc above 0 to have one."
                )
        self.models = [model.eval() for model in models]
        self.source = source
        self.target_tokenizer = target_tokenizer
        self.options = options
        self.shortlists = tuple(shortlists)
        self._reader = prepare(self.models, self.shortlists, options.ctc_weight)

    def translate(
        self, sources: str | Sequence[str], nbest: int = 1, *, units: str = "auto", alternatives: int = 0
    ) -> list[list[Alignment]]:
        """The `nbest` best outputs of every source, best first, each with its alignment of these units.

        Raises TypeError for sources that are no text, ValueError for an `nbest` below 1.
        """
        sources, options = _texts("translate", "sources", sources), self.options
        if nbest < 1:
            raise ValueError(f"Translator.translate: nbest is {nbest}; expected 1 or more.")
        size = max(options.beam_size, nbest)

        def look(started: Started, later: Later) -> Found:
            given = (started.step, started.state, started.lengths)
            if size == 1:
                return [[found] for found in greedy(*given, limit=options.limit, later=later)]
            return beam(
                *given,
                size=size,
                nbest=nbest,
                length_normalization=options.length_normalization,
                coverage_penalty=options.coverage_penalty,
                limit=options.limit,
                later=later,
            )

        found = self._each(sources, lambda chosen, _: self._flowing(chosen, look), alternatives)
        return [[regrouped(each, units) for each in group] for group in found]

    def sample(
        self,
        sources: str | Sequence[str],
        sampling: SamplingOptions,
        places: Sequence[int] | None = None,
        *,
        units: str = "auto",
        alternatives: int = 0,
    ) -> list[Alignment]:
        """One drawn output of every source. Raises TypeError for sources that are no text.

        Args:
            places: the number of each source among all that are ever drawn for, where `sources` are some of them;
                None counts from 0. A draw depends on the seed and this number, not on its company.
            units: of the alignments.
        """

        sources = _texts("sample", "sources", sources)

        def draw(started: Started, numbers: Tensor) -> Found:
            found = sample(
                started.step,
                started.state,
                started.lengths,
                seed=sampling.seed,
                sentences=numbers,
                temperature=sampling.temperature,
                top_k=sampling.top_k,
                top_p=sampling.top_p,
                limit=self.options.limit,
            )
            return [[hypothesis] for hypothesis in found]

        def search(chosen: Sequence[Values], called: Sequence[int]) -> tuple[Found, Spans]:
            reader = self._reader.scoring_all()
            return self._batchwise(chosen, lambda started, batch: draw(started, torch.tensor(called)[batch]), reader)

        return [regrouped(found, units) for (found,) in self._each(sources, search, alternatives, places)]

    def score(
        self,
        sources: str | Sequence[str],
        targets: str | Sequence[str],
        *,
        units: str = "auto",
        alternatives: int = 0,
    ) -> list[Alignment]:
        """Forced decoding: the log-probability and the alignment of given pairs. An empty text is scored, too.

        Raises TypeError for what is no text, ValueError unless there are as many targets as sources.
        """
        sources, targets = _texts("score", "sources", sources), _texts("score", "targets", targets)
        if len(sources) != len(targets):
            raise ValueError(
                f"Translator.score: {len(sources)} sources and {len(targets)} targets; expected as many of each."
            )
        encoded = [self.source.encode(source) for source in sources]
        wanted = [self.target_tokenizer.encode(target) for target in targets]

        def forced(started: Started, places: Sequence[int]) -> Found:
            given = [[*wanted[place].ids, END] for place in places]
            return [[found] for found in force(started.step, started.state, started.lengths, given)]

        results: list[Alignment] = []
        reader = self._reader.whole()
        hypotheses, spans = self._batchwise(encoded, forced, reader)
        ranked = self._ranked(encoded, hypotheses, alternatives, reader)
        for number, (found,) in enumerate(hypotheses):
            texts = sources[number], targets[number]
            places = self.source.spans(sources[number], encoded[number], spans[number])
            made = self._alignment(texts, places, wanted[number].spans, found, ranked[number][0])
            results.append(regrouped(made, units))
        return results

    def _each(
        self,
        sources: Sequence[str],
        search: Callable[[Sequence[Values], Sequence[int]], tuple[Found, Spans]],
        alternatives: int,
        numbers: Sequence[int] | None = None,
    ) -> list[list[Alignment]]:
        """Search for the sources that hold something; the others have an empty output."""
        kind, nothing = self.source.kind, np.zeros((0, 0), np.float32)
        answers = [[Alignment(source, "", (), (), nothing, 0.0, source_kind=kind)] for source in sources]
        places = [place for place, source in enumerate(sources) if source.strip()]
        chosen = [self.source.encode(sources[place]) for place in places]
        called = places if numbers is None else [numbers[place] for place in places]
        found, spans = search(chosen, called)
        ranked = self._ranked(chosen, found, alternatives)
        for number, (place, hypotheses, known) in enumerate(zip(places, found, ranked, strict=True)):
            answers[place] = []
            stretches = self.source.spans(sources[place], chosen[number], spans[number])
            for hypothesis, each in zip(hypotheses, known, strict=True):
                spelled = self.target_tokenizer.spell([token for token in hypothesis.tokens if token != END])
                texts = sources[place], spelled.text
                answers[place].append(self._alignment(texts, stretches, spelled.spans, hypothesis, each))
        return answers

    def _alignment(
        self,
        texts: tuple[str, str],
        source: Sequence[Stretch],
        target: Sequence[Span],
        found: Hypothesis,
        ranked: Ranked | None,
    ) -> Alignment:
        """Of a source and what was found for it, or given, and the spans of both."""
        made = align(
            *texts,
            source,
            target,
            found.weights,
            found.log_prob,
            draw=partial(self.source.draw, texts[0]),
            source_kind=self.source.kind,
        )
        if ranked is None:
            return made
        return replace(made, predictions=predictions(found.tokens, target, ranked, self.target_tokenizer))

    def _ranked(
        self, sources: Sequence[Values], found: Found, width: int, reader: Reader | None = None
    ) -> list[list[Ranked | None]]:
        """The probabilities behind all that was found; None for each where they are not asked for."""
        if width < 0:
            raise ValueError(
                f"Translator: alternatives is {width}; expected at least 0. Give the number of tokens for each step."
            )
        if not width:
            return [[None] * len(each) for each in found]
        repeated = [source for source, each in zip(sources, found, strict=True) for _ in each]
        tokens = [hypothesis.tokens for each in found for hypothesis in each]

        def look(started: Started, places: Sequence[int]) -> list[Ranked]:
            return rank(started.step, started.state, started.lengths, [tokens[place] for place in places], width)

        ranked = iter(self._batchwise(repeated, look, reader)[0])
        return [[next(ranked) for _ in each] for each in found]

    @torch.inference_mode()
    def _flowing(self, sources: Sequence[Values], look: Callable[[Started, Later], Found]) -> tuple[Found, Spans]:
        """Search for all, so that further sentences enter where others have ended; the answers in their order."""
        found: Found = [[] for _ in sources]
        spans: Spans = {}
        batches, size = self._batches(sources), self.options.batch_size
        while batches:
            first = next(self._read(sources, batches[0], size, spans))
            count = _window(batches, sources) if first.joins else 1
            window, batches = batches[:count], batches[count:]
            share = -(-size // SHARES)
            started = (each for batch in window[1:] for each in self._read(sources, batch, share, spans))
            hypotheses = look(first, ((each.state, each.lengths) for each in started))
            for number, each in zip(chain.from_iterable(window), hypotheses, strict=True):
                found[number] = each
        return found, spans

    @torch.inference_mode()
    def _batchwise(
        self,
        sources: Sequence[Values],
        look: Callable[[Started, Sequence[int]], Sequence[Answer]],
        reader: Reader | None = None,
    ) -> tuple[list[Answer], Spans]:
        """Search for one batch after the other; the answers in the order of the sources."""
        found: dict[int, Answer] = {}
        spans: Spans = {}
        for batch in self._batches(sources):
            for started in self._read(sources, batch, len(batch), spans, reader):
                found.update(zip(batch, look(started, batch), strict=True))
        return [found[number] for number in range(len(sources))], spans

    def _batches(self, sources: Sequence[Values]) -> list[list[int]]:
        """Their numbers, those of similar length together; the longest first, which would else end last, and alone."""
        order, size = sorted(range(len(sources)), key=lambda number: -len(sources[number])), self.options.batch_size
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _read(
        self,
        sources: Sequence[Values],
        batch: Sequence[int],
        count: int,
        spans: Spans,
        reader: Reader | None = None,
    ) -> Iterator[Started]:
        """Read a batch, and begin with so many of its sentences at a time; note the spans of their memory."""
        device = next(self.models[0].parameters()).device
        source, mask = (part.to(device) for part in batch_of(self.source, [sources[number] for number in batch]))
        numbers = iter(batch)
        for started in (reader or self._reader).read(source, mask, count):
            for covered, length in zip(started.spans.numpy(force=True), started.lengths.tolist(), strict=True):
                spans[next(numbers)] = covered[:length]
            yield started


def _texts(method: str, name: str, given: str | Sequence[str]) -> list[str]:
    """The texts; one alone as a list of one."""
    if isinstance(given, str):
        return [given]
    several = isinstance(given, Iterable) and not isinstance(given, bytes | Mapping)
    texts = list(given) if several else []
    wrong = {f"[{number}]": text for number, text in enumerate(texts) if not isinstance(text, str)}
    for place, text in wrong.items() if several else [("", given)]:
        raise TypeError(
            f"Translator.{method}: {name}{place} is {text!r:.60}; expected a str, or a list of them: one for each text."
        )
    return texts


def _window(batches: Sequence[Sequence[int]], sources: Sequence[Values]) -> int:
    """How many of the batches one search may go through, at least one. The first sentence of each is its longest."""
    looks = np.cumsum([len(batch) * len(sources[batch[0]]) ** 2 for batch in batches])
    return max(1, int(np.searchsorted(looks, LOOKS, side="right")))
