"""From what a search found to alignments. What more is asked for comes of one more pass over it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from regard.alignment.alignment import Alignment, Word
from regard.alignment.inside import words_inside
from regard.alignment.predictions import predictions
from regard.alignment.units import Stretch, align, seen_around
from regard.data.batch import END
from regard.data.copying import CopySource, SentenceTokens
from regard.data.sources import Source, batch_of
from regard.data.tokenizer import Spelled, Tokenizer
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.latent import PRIOR, latent_weights, sums_alignments
from regard.model.origins import Copied, origins
from regard.search.batches import Answer, Batches, Covered, Found, Spans, Values
from regard.search.forced import Ranked, looks, rank
from regard.search.hypothesis import Hypothesis
from regard.search.start import Started


def said(hypothesis: Hypothesis) -> list[int]:
    """Its tokens without the end mark."""
    return [token for token in hypothesis.tokens if token != END]


class Alignments:
    """Makes the alignments of some models.

    Args:
        models: those that searched.
        source: what the sources are.
        target_tokenizer: text → token numbers and back, for the target.
        batch_size: sentences at a time.
        weights: of models that sum over alignments, one of `model.latent.WEIGHTS`.
        warning: what every alignment says of its weights.
    """

    def __init__(
        self,
        models: Sequence[EncoderDecoder],
        source: Source,
        target_tokenizer: Tokenizer,
        batch_size: int,
        weights: str,
        warning: str | None = None,
    ) -> None:
        self.models, self.source, self.target_tokenizer = models, source, target_tokenizer
        self.batch_size, self.weights, self.warning = batch_size, weights, warning

    def vocabulary(self, source: str, values: Values) -> Tokenizer | SentenceTokens:
        """The target vocabulary of one sentence: where models copy, it has the words of the source."""
        copying = self.source
        return copying.target_of(source, values) if isinstance(copying, CopySource) else self.target_tokenizer

    def empty(self, source: str) -> Alignment:
        """Of a source that holds nothing with nothing."""
        nothing = np.zeros((0, 0), np.float32)
        made = Alignment(source, "", (), (), nothing, 0.0, source_kind=self.source.kind, warning=self.warning)
        return replace(made, p_gen=nothing[0:0].sum(1), copied=nothing) if isinstance(self.source, CopySource) else made

    def of(
        self,
        sources: Sequence[str],
        encoded: Sequence[Values],
        found: Found,
        spans: Spans,
        batches: Batches,
        alternatives: int,
        targets: Sequence[Spelled] | None = None,
    ) -> list[list[Alignment]]:
        """The alignment of each hypothesis of each source.

        Args:
            sources, encoded: the sources, and the same as numbers.
            found: the hypotheses of each.
            spans: what the memory of each covers, by its number.
            batches: what goes over the hypotheses once more.
            alternatives: how many of the most probable tokens of each step to keep; 0 for no probabilities.
            targets: the text of each source's hypotheses, where it was given; None spells their tokens.
        """
        found = self._weighed(encoded, found)
        known = (
            self._ranked(encoded, found, alternatives, batches),
            self._layers(encoded, found, batches),
            self._copied(encoded, found),
        )
        made: list[list[Alignment]] = []
        for number, (source, hypotheses) in enumerate(zip(sources, found, strict=True)):
            stretches = self.source.spans(source, encoded[number], spans[number].spans)
            around = self._around(stretches, spans[number].spans)
            inside = self._inside(source, encoded[number], spans[number])
            tokens = self.vocabulary(source, encoded[number])
            made.append([])
            for hypothesis, *behind in zip(hypotheses, *(each[number] for each in known), strict=True):
                target = tokens.spell(said(hypothesis)) if targets is None else targets[number]
                alignment = self._one(source, target, stretches, hypothesis, tokens, inside, *behind)
                made[-1].append(replace(alignment, receptive_field=around, warning=self.warning))
        return made

    def _one(
        self,
        source: str,
        target: Spelled,
        stretches: Sequence[Stretch],
        found: Hypothesis,
        tokens: Tokenizer | SentenceTokens,
        inside: Sequence[Word],
        ranked: Ranked | None,
        layers: np.ndarray | None,
        copied: Copied | None,
    ) -> Alignment:
        """Of a source, whose memory covers these stretches, and one target."""
        made = align(
            source,
            target.text,
            stretches,
            target.spans,
            found.weights,
            found.log_prob,
            draw=partial(self.source.draw, source),
            source_kind=self.source.kind,
            layers=None if layers is None else dict(zip(self._looks, layers, strict=True)),
            p_gen=None if copied is None else copied.p_gen,
            copied=None if copied is None else copied.copied,
            inside=inside,
        )
        if ranked is None:
            return made
        return replace(made, predictions=predictions(found.tokens, target.spans, ranked, tokens))

    def _inside(self, source: str, values: Values, covered: Covered) -> tuple[Word, ...]:
        """The words that the positions of the memory were pooled of."""
        if covered.inside is None:
            return ()
        places = np.arange(len(values))
        spans = self.source.spans(source, values, np.stack([places, places + 1], 1))
        return words_inside(source, spans, covered.spans, covered.inside)

    def _around(self, stretches: Sequence[Stretch], positions: np.ndarray) -> tuple[float, ...] | None:
        """What the convolutions of the encoder see around a position: of an ensemble, of the one that sees most."""
        given = [getattr(model.encoder, "receptive_field", None) for model in self.models]
        fields = [field for field in given if field is not None]
        if self.source.tokenizer is not None or len(fields) < len(given):
            return None
        before, after = map(max, zip(*fields, strict=True))
        return seen_around((before, after), stretches, positions)

    def _ranked(
        self, sources: Sequence[Values], found: Found, width: int, batches: Batches
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

    def _layers(self, sources: Sequence[Values], found: Found, batches: Batches) -> list[list[np.ndarray | None]]:
        """What each layer looked at; None for each where there are none to show."""
        if not self._looks:
            return [[None] * len(each) for each in found]
        return self._again(sources, found, batches, looks)

    def _again(
        self, sources: Sequence[Values], found: Found, batches: Batches, look: Callable[..., Sequence[Answer]]
    ) -> list[list[Answer]]:
        """One more pass over what was found; `look` is given a step function, a state, lengths and targets."""
        owners = [number for number, each in enumerate(found) for _ in each]
        repeated, wanted = [sources[number] for number in owners], batches.wanted
        again = {place: wanted[number] for place, number in enumerate(owners) if number in wanted}
        tokens = [hypothesis.tokens for each in found for hypothesis in each]

        def seen(started: Started, places: Sequence[int]) -> Sequence[Answer]:
            return look(started.step, started.state, started.lengths, [tokens[place] for place in places])

        answers = iter(replace(batches, wanted=again).one_by_one(repeated, seen)[0])
        return [[next(answers) for _ in each] for each in found]

    def _weighed(self, sources: Sequence[Values], found: Found) -> Found:
        """The same hypotheses with the weights that are asked for, where these are not those of a search: of models
        that sum over alignments."""
        if self.weights == PRIOR or not any(map(sums_alignments, self.models)):
            return found
        known = self._over(sources, found, partial(latent_weights, self.models, self.weights))
        return [
            [replace(one, weights=rows[:, : one.weights.shape[1]]) for one, rows in zip(*each, strict=True)]
            for each in zip(found, known, strict=True)
        ]

    def _copied(self, sources: Sequence[Values], found: Found) -> list[list[Copied | None]]:
        """Where the tokens of all that was found come from; None for each where models do not copy."""
        if not isinstance(self.source, CopySource):
            return [[None] * len(each) for each in found]
        return self._over(sources, found, partial(origins, self.models))

    def _over(
        self, sources: Sequence[Values], found: Found, look: Callable[..., Sequence[Answer]]
    ) -> list[list[Answer]]:
        """One more pass over what was found, all steps at once; `look` is given sources, their mask and outputs."""
        pairs = [
            (values, hypothesis.tokens) for values, each in zip(sources, found, strict=True) for hypothesis in each
        ]
        order = sorted(range(len(pairs)), key=lambda number: len(pairs[number][0]))  # little padding
        device, made = next(self.models[0].parameters()).device, dict[int, Answer]()
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            source, mask = (part.to(device) for part in batch_of(self.source, [pairs[each][0] for each in chosen]))
            made.update(zip(chosen, look(source, mask, [pairs[each][1] for each in chosen]), strict=True))
        several = iter(range(len(pairs)))
        return [[made[next(several)] for _ in each] for each in found]
