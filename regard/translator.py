"""Sources in, alignments out: what a trained model is used through."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from regard.alignment.alignment import Alignment
from regard.alignment.predictions import predictions
from regard.alignment.shown import regrouped
from regard.alignment.units import Span, Stretch, align, seen_around
from regard.compiled.freeze import prepare
from regard.data.batch import END
from regard.data.copying import CopySource, SentenceTokens, target_ids
from regard.data.sources import Source, batch_of
from regard.data.tokenizer import Tokenizer
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.origins import Copied, origins
from regard.search.batches import Answer, Batches, Found, Spans, Values
from regard.search.beam import beam
from regard.search.forced import Ranked, force, looks, rank
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.joint import expect_weight
from regard.search.options import SamplingOptions, SearchOptions
from regard.search.refill import Later
from regard.search.rules import NO_RULES, under_rules
from regard.search.sampling import sample
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started

Search = Callable[[Sequence[Values], Sequence[int]], tuple[Found, Spans]]
"""Sources, and the number of each among all that are given → what is found for each, and what its memory covers."""


@dataclass(frozen=True, slots=True)
class Output:
    """A text, and the natural logarithm of its probability."""

    target_text: str
    score: float


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

    Of a decoder that looks several times before each token and names its looks, as a memory network does, every
    alignment has its `layers`. They, too, come of one more pass.

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
        self,
        sources: str | Sequence[str],
        nbest: int = 1,
        *,
        prefixes: str | Sequence[str] | None = None,
        units: str = "auto",
        alternatives: int = 0,
    ) -> list[list[Alignment]]:
        """The `nbest` best outputs of every source, best first, each with its alignment of these units.

        With `prefixes`, the output of each source begins with the tokens of its prefix; "" for none.

        Raises TypeError for sources that are no text, ValueError for an `nbest` below 1 or another number of prefixes.
        """
        sources = _texts("translate", "sources", sources)
        search = self._best("translate", nbest, self._begun("translate", sources, prefixes))
        return [[regrouped(each, units) for each in group] for group in self._each(sources, search, alternatives)]

    def outputs(
        self, sources: str | Sequence[str], nbest: int = 1, *, prefixes: str | Sequence[str] | None = None
    ) -> list[list[Output]]:
        """The texts and scores of what `translate` finds, without the alignments: they are a tenth of its time.

        Raises TypeError for sources that are no text, ValueError for an `nbest` below 1 or another number of prefixes.
        """
        sources = _texts("outputs", "sources", sources)
        search = self._best("outputs", nbest, self._begun("outputs", sources, prefixes))
        answers = [[Output("", 0.0)] for _ in sources]
        places, encoded, found, _ = self._found(sources, search)
        for place, values, hypotheses in zip(places, encoded, found, strict=True):
            tokens = self._target_of(sources[place], values)
            texts = [tokens.decode(_said(each)) for each in hypotheses]
            answers[place] = [Output(text, each.log_prob) for text, each in zip(texts, hypotheses, strict=True)]
        return answers

    def _begun(
        self, method: str, sources: Sequence[str], prefixes: str | Sequence[str] | None
    ) -> list[Sequence[int]] | None:
        """The tokens that the output of each source begins with."""
        if prefixes is None:
            return None
        texts = _texts(method, "prefixes", prefixes)
        if len(texts) != len(sources):
            raise ValueError(
                f"Translator.{method}: {len(sources)} sources and {len(texts)} prefixes; expected as many of each. "
                "Give an empty one for a source without."
            )
        ids = target_ids(self.source, self.target_tokenizer)
        return [ids(source, text) for source, text in zip(sources, texts, strict=True)]

    def _best(self, method: str, nbest: int, prefixes: Sequence[Sequence[int]] | None = None) -> Search:
        """Looks for the `nbest` best hypotheses, which begin with their prefixes."""
        options = self.options
        ruled = options.rules != NO_RULES or prefixes is not None
        if nbest < 1:
            raise ValueError(f"Translator.{method}: nbest is {nbest}; expected 1 or more.")
        size = max(options.beam_size, nbest)

        def look(started: Started, later: Later, begun: Sequence[Sequence[int]]) -> Found:
            given = (started.step, started.state, started.lengths)
            if ruled:
                step, groups = under_rules(options.rules, begun, started.step, chain([given[1:]], later))
                given, later = (step, *next(iter(groups))), groups
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

        def search(chosen: Sequence[Values], called: Sequence[int]) -> tuple[Found, Spans]:
            def begun(numbers: Sequence[int]) -> list[Sequence[int]]:
                return [() if prefixes is None else prefixes[called[number]] for number in numbers]

            return self._batches().flowing(chosen, lambda started, later, numbers: look(started, later, begun(numbers)))

        return search

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
            batches = self._batches(self._reader.scoring_all())
            return batches.one_by_one(chosen, lambda started, batch: draw(started, torch.tensor(called)[batch]))

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
        known = [self._target_of(source, values) for source, values in zip(sources, encoded, strict=True)]
        wanted = [tokens.encode(target) for tokens, target in zip(known, targets, strict=True)]

        def forced(started: Started, places: Sequence[int]) -> Found:
            given = [[*wanted[place].ids, END] for place in places]
            return [[found] for found in force(started.step, started.state, started.lengths, given)]

        results: list[Alignment] = []
        batches = self._batches(self._reader.whole())
        hypotheses, spans = batches.one_by_one(encoded, forced)
        ranked = self._ranked(encoded, hypotheses, alternatives, batches)
        layers, copied = self._layers(encoded, hypotheses, batches), self._copied(encoded, hypotheses)
        for number, (found,) in enumerate(hypotheses):
            texts = sources[number], targets[number]
            places = self.source.spans(sources[number], encoded[number], spans[number])
            around = self._around(places, spans[number])
            behind = known[number], ranked[number][0], layers[number][0], copied[number][0]
            made = self._alignment(texts, places, around, wanted[number].spans, found, *behind)
            results.append(regrouped(made, units))
        return results

    def _each(
        self, sources: Sequence[str], search: Search, alternatives: int, numbers: Sequence[int] | None = None
    ) -> list[list[Alignment]]:
        """The alignments of what is found for the sources."""
        kind, nothing = self.source.kind, np.zeros((0, 0), np.float32)
        empty = Alignment("", "", (), (), nothing, 0.0, source_kind=kind)
        if isinstance(self.source, CopySource):
            empty = replace(empty, p_gen=nothing[0:0].sum(1), copied=nothing)
        answers = [[replace(empty, source_text=source)] for source in sources]
        places, encoded, found, spans = self._found(sources, search, numbers)
        ranked, layers = self._ranked(encoded, found, alternatives), self._layers(encoded, found)
        copied = self._copied(encoded, found)
        for number, (place, hypotheses) in enumerate(zip(places, found, strict=True)):
            answers[place] = []
            stretches = self.source.spans(sources[place], encoded[number], spans[number])
            around = self._around(stretches, spans[number])
            tokens = self._target_of(sources[place], encoded[number])
            known = ranked[number], layers[number], copied[number]
            for hypothesis, each, looked, origin in zip(hypotheses, *known, strict=True):
                spelled = tokens.spell(_said(hypothesis))
                texts, behind = (sources[place], spelled.text), (tokens, each, looked, origin)
                answers[place].append(self._alignment(texts, stretches, around, spelled.spans, hypothesis, *behind))
        return answers

    def _target_of(self, source: str, values: Values) -> Tokenizer | SentenceTokens:
        """The target vocabulary of one sentence: where models copy, it has the words of the source."""
        copying = self.source
        return copying.target_of(source, values) if isinstance(copying, CopySource) else self.target_tokenizer

    def _found(
        self, sources: Sequence[str], search: Search, numbers: Sequence[int] | None = None
    ) -> tuple[list[int], list[Values], Found, Spans]:
        """The places of the sources that hold something, these as numbers, and what is found for them. The output of
        the others is empty."""
        places = [place for place, source in enumerate(sources) if source.strip()]
        encoded = [self.source.encode(sources[place]) for place in places]
        return places, encoded, *search(encoded, places if numbers is None else [numbers[place] for place in places])

    def _alignment(
        self,
        texts: tuple[str, str],
        source: Sequence[Stretch],
        around: tuple[float, ...] | None,
        target: Sequence[Span],
        found: Hypothesis,
        tokens: Tokenizer | SentenceTokens,
        ranked: Ranked | None,
        layers: np.ndarray | None,
        copied: Copied | None,
    ) -> Alignment:
        """Of a source and what was found for it, or given, and the spans of both; `around` is the receptive field."""
        made = align(
            *texts,
            source,
            target,
            found.weights,
            found.log_prob,
            draw=partial(self.source.draw, texts[0]),
            source_kind=self.source.kind,
            layers=None if layers is None else dict(zip(self._looks, layers, strict=True)),
            p_gen=None if copied is None else copied.p_gen,
            copied=None if copied is None else copied.copied,
        )
        made = replace(made, receptive_field=around)
        if ranked is None:
            return made
        return replace(made, predictions=predictions(found.tokens, target, ranked, tokens))

    def _around(self, stretches: Sequence[Stretch], positions: np.ndarray) -> tuple[float, ...] | None:
        """What the convolutions of the encoder see around a position: of an ensemble, of the one that sees most."""
        given = [getattr(model.encoder, "receptive_field", None) for model in self.models]
        fields = [field for field in given if field is not None]
        if self.source.tokenizer is not None or len(fields) < len(given):
            return None
        before, after = map(max, zip(*fields, strict=True))
        return seen_around((before, after), stretches, positions)

    def _ranked(
        self, sources: Sequence[Values], found: Found, width: int, batches: Batches | None = None
    ) -> list[list[Ranked | None]]:
        """The probabilities behind all that was found; None for each where they are not asked for."""
        if width < 0:
            raise ValueError(
                f"Translator: alternatives is {width}; expected at least 0. Give the number of tokens for each step."
            )
        if not width:
            return [[None] * len(each) for each in found]
        return self._again(sources, found, batches, partial(rank, width=width))

    @property
    def _looks(self) -> tuple[str, ...]:
        """The names of the layers to show; none where the models do not have the same."""
        names = {getattr(model.decoder, "looks", ()) for model in self.models}
        return names.pop() if len(names) == 1 else ()

    def _layers(
        self, sources: Sequence[Values], found: Found, batches: Batches | None = None
    ) -> list[list[np.ndarray | None]]:
        """What each layer looked at; None for each where there are none to show."""
        if not self._looks:
            return [[None] * len(each) for each in found]
        return self._again(sources, found, batches, looks)

    def _again(
        self,
        sources: Sequence[Values],
        found: Found,
        batches: Batches | None,
        look: Callable[..., Sequence[Answer]],
    ) -> list[list[Answer]]:
        """One more pass over what was found; `look` is given a step function, a state, lengths and targets."""
        repeated = [source for source, each in zip(sources, found, strict=True) for _ in each]
        tokens = [hypothesis.tokens for each in found for hypothesis in each]

        def seen(started: Started, places: Sequence[int]) -> Sequence[Answer]:
            return look(started.step, started.state, started.lengths, [tokens[place] for place in places])

        answers = iter((batches or self._batches(self._reader.scoring_all())).one_by_one(repeated, seen)[0])
        return [[next(answers) for _ in each] for each in found]

    def _copied(self, sources: Sequence[Values], found: Found) -> list[list[Copied | None]]:
        """Where the tokens of all that was found come from; None for each where models do not copy."""
        if not isinstance(self.source, CopySource):
            return [[None] * len(each) for each in found]
        pairs = [
            (values, hypothesis.tokens) for values, each in zip(sources, found, strict=True) for hypothesis in each
        ]
        order = sorted(range(len(pairs)), key=lambda number: len(pairs[number][0]))  # little padding
        device, size, made = next(self.models[0].parameters()).device, self.options.batch_size, dict[int, Copied]()
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            source, mask = (part.to(device) for part in batch_of(self.source, [pairs[each][0] for each in chosen]))
            made.update(
                zip(chosen, origins(self.models, source, mask, [pairs[each][1] for each in chosen]), strict=True)
            )
        several = iter(range(len(pairs)))
        return [[made[next(several)] for _ in each] for each in found]

    def _batches(self, reader: Reader | None = None) -> Batches:
        """What searches for all sources; by another reader, where one is given."""
        device = next(self.models[0].parameters()).device
        return Batches(reader or self._reader, self.source, self.options.batch_size, device)


def _said(hypothesis: Hypothesis) -> list[int]:
    """Its tokens without the end mark."""
    return [token for token in hypothesis.tokens if token != END]


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
