"""Sources in, alignments out: what a trained model is used through."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regard.alignment.alignment import Alignment
from regard.alignment.shown import regrouped
from regard.alignments import Alignments, said
from regard.compiled.freeze import prepare
from regard.data.batch import END
from regard.data.copying import CopySource
from regard.data.edits import SCRIPTS, SentenceEdits
from regard.data.given import Constraints, texts
from regard.data.phrases import Borders, Phrase, borders
from regard.data.sources import Source
from regard.data.tokenizer import Spelled, Tokenizer
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.latent import WEIGHTS
from regard.search.asked import NO_BEAM, NOTHING, ONE_DIVISION, Asked, asked, phrases_of
from regard.search.batches import Batches, Found, Spans, Values
from regard.search.beam import beam
from regard.search.constrained_step import under_constraints
from regard.search.diverse import diverse_beam
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.joint import expect_weight
from regard.search.options import SamplingOptions, SearchOptions
from regard.search.refill import Later
from regard.search.ruled_step import under_rules
from regard.search.rules import NO_RULES
from regard.search.sampling import sample
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started
from regard.search.step_function import StepFunction
from regard.search.writing import Wanted, write

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
        warning: what every alignment says of the weights of these models, see `Alignment`.

    Alignments are of `units`: "words" is what stands between white space, "tokens" what the model read and wrote;
    "auto", as in the commands, is words, save that a stretch written without spaces (Chinese) keeps its tokens.
    A sentence gives the same output alone and in any batch. A source of nothing but white space gives an empty output.
    A text alone is a list of one, wherever texts are given: `translate("Tom.")` is `translate(["Tom."])`.

    Of a decoder that looks several times before each token and names its looks, as a memory network does, every
    alignment has its `layers`. They, too, come of one more pass.

    Of a decoder that sums over alignments the weights are those that `options.weights` names. They belong to the
    output, not to the search that found it, and come of one more pass.

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
        warning: str | None = None,
    ) -> None:
        if not models:
            raise ValueError("Translator: models is empty; expected at least one model.")
        expect_weight("Translator", options.ctc_weight)
        if options.weights not in WEIGHTS:
            raise ValueError(f"Translator: weights is {options.weights!r}; expected one of {', '.join(WEIGHTS)}.")
        for number, model in enumerate(models):
            if options.ctc_weight and model.ctc is None:
                raise ValueError(
                    f"Translator: ctc_weight is {options.ctc_weight} and model {number} has no CTC head; expected a "
                    "weight of 0. Train with training.ctc above 0 to have one."
                )
        if options.rules != NO_RULES and isinstance(source, CopySource) and source.edits:
            raise ValueError(f"Translator: options.rules is {options.rules}; expected none, since {SCRIPTS}")
        self.models = [model.eval() for model in models]
        self.source = source
        self.target_tokenizer = target_tokenizer
        self.options = options
        self.shortlists = tuple(shortlists)
        self.warning = warning
        self._alignments = Alignments(
            self.models, source, target_tokenizer, options.batch_size, options.weights, warning
        )
        self._reader = prepare(self.models, self.shortlists, options.ctc_weight)

    def translate(
        self,
        sources: str | Sequence[str],
        nbest: int = 1,
        *,
        prefixes: str | Sequence[str] | None = None,
        constraints: Constraints | None = None,
        units: str = "auto",
        alternatives: int = 0,
    ) -> list[list[Alignment]]:
        """The `nbest` best outputs of every source, best first, each with its alignment of these units.

        With `prefixes`, the output of each source begins with the tokens of its prefix; "" for none. With
        `constraints`, every output of a source has all of its phrases, in any order: [["Tom", "New York"], []].

        Raises TypeError for what is no text, ValueError for an `nbest` below 1, for another number of prefixes or
        constraints than of sources, and for phrases that the vocabulary cannot write.
        """
        sources = texts("Translator.translate", "sources", sources)
        wishes = self._asked("Translator.translate", sources, prefixes, constraints)
        search = self._best("Translator.translate", nbest, wishes)
        found = self._each(sources, search, alternatives, wishes=wishes)
        return [[regrouped(each, units) for each in group] for group in found]

    def outputs(
        self,
        sources: str | Sequence[str],
        nbest: int = 1,
        *,
        prefixes: str | Sequence[str] | None = None,
        constraints: Constraints | None = None,
    ) -> list[list[Output]]:
        """The texts and scores of what `translate` finds, without the alignments: they are a tenth of its time.

        Raises what `translate` raises.
        """
        sources = texts("Translator.outputs", "sources", sources)
        wishes = self._asked("Translator.outputs", sources, prefixes, constraints)
        answers = [[Output("", 0.0)] for _ in sources]
        places, encoded, found, _ = self._found(sources, self._best("Translator.outputs", nbest, wishes))
        for place, values, hypotheses in zip(places, encoded, found, strict=True):
            tokens = self._alignments.vocabulary(sources[place], values)
            spelt = [tokens.decode(said(each)) for each in hypotheses]
            answers[place] = [Output(text, each.log_prob) for text, each in zip(spelt, hypotheses, strict=True)]
        return answers

    def phrases(self, source: str, given: Sequence[str]) -> list[Phrase]:
        """What `constraints` become. Raises ValueError for a phrase that the vocabulary cannot write."""
        return phrases_of(source, given, self.source, self.target_tokenizer)

    def _asked(
        self, place: str, sources: Sequence[str], prefixes: str | Sequence[str] | None, constraints: Constraints | None
    ) -> Asked:
        return asked(place, sources, prefixes, constraints, self.source, self.target_tokenizer)

    def _best(self, place: str, nbest: int, wishes: Asked) -> Search:
        """Looks for the `nbest` best hypotheses, with what is asked of them."""
        options = self.options
        size = max(options.beam_size, nbest)
        self._check(place, nbest, size, wishes)
        wide: Any = partial(diverse_beam, diversity=options.diversity) if options.diversity else beam

        def look(numbers: np.ndarray, started: Started, later: Later, order: Sequence[int]) -> Found:
            step, groups = self._heeding(started, later, wishes, numbers[order].tolist())
            given = (step, *next(iter(groups)))
            if size == 1:
                return [[found] for found in greedy(*given, limit=options.limit, later=groups)]
            return wide(
                *given,
                size=size,
                nbest=nbest,
                length_normalization=options.length_normalization,
                coverage_penalty=options.coverage_penalty,
                limit=options.limit,
                later=groups,
            )

        def search(chosen: Sequence[Values], called: Sequence[int]) -> tuple[Found, Spans]:
            found: Found = [[] for _ in chosen]
            spans: Spans = {}
            for places in wishes.kinds(called):
                numbers = np.array(called)[places]
                batches = self._batches(wishes=wishes, numbers=numbers.tolist())
                answers, covered = batches.flowing([chosen[place] for place in places], partial(look, numbers))
                for number, place in enumerate(places):
                    found[place], spans[place] = answers[number], covered[number]
            return found, spans

        return search

    def _check(self, place: str, nbest: int, size: int, wishes: Asked) -> None:
        """Raises ValueError for what no search can do."""
        if nbest < 1:
            raise ValueError(f"{place}: nbest is {nbest}; expected 1 or more.")
        if wishes.phrases and self.options.diversity:
            raise ValueError(f"{place}: constraints are given and the beam has groups; {ONE_DIVISION}")
        if wishes.phrases and size == 1:
            raise ValueError(f"{place}: constraints are given and beam_size is 1; {NO_BEAM} Take 10.")

    def _heeding(
        self, started: Started, later: Later, wishes: Asked, numbers: Sequence[int]
    ) -> tuple[StepFunction, Later]:
        """The step function with the rules, and with what is asked of the sources of these numbers; and what the search
        begins with."""
        groups: Later = iter(chain([(started.state, started.lengths)], later))
        first, limit = numbers[0], self.options.limit
        if self.options.rules == NO_RULES and first not in wishes.prefixes and first not in wishes.phrases:
            return started.step, groups
        prefixes = [wishes.prefixes.get(number, ()) for number in numbers]
        step, groups = under_rules(self.options.rules, prefixes, started.step, groups)
        if first not in wishes.phrases:
            return step, groups
        return under_constraints(step, groups, [wishes.phrases[number] for number in numbers], self._borders, limit)

    @cached_property
    def _borders(self) -> Borders:
        return borders(self.target_tokenizer, next(self.models[0].parameters()).device)

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
        sources, rules = texts("Translator.sample", "sources", sources), self.options.rules

        def draw(started: Started, numbers: Tensor) -> Found:
            step, state = started.step, started.state
            if rules != NO_RULES:
                step, groups = under_rules(rules, [()] * len(numbers), step, [(state, started.lengths)])
                ((state, _),) = groups
            found = sample(
                step,
                state,
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
        """Forced decoding: the log-probability and the alignment of given pairs. An empty text is scored, too. Of edits
        these are those of the most probable script that is found, see `search.writing`.

        Raises TypeError for what is no text, ValueError unless there are as many targets as sources.
        """
        sources, targets = (
            texts("Translator.score", name, given) for name, given in (("sources", sources), ("targets", targets))
        )
        if len(sources) != len(targets):
            raise ValueError(
                f"Translator.score: {len(sources)} sources and {len(targets)} targets; expected as many of each."
            )
        encoded = [self.source.encode(source) for source in sources]
        known = [self._alignments.vocabulary(source, values) for source, values in zip(sources, encoded, strict=True)]
        wanted = [tokens.encode(target) for tokens, target in zip(known, targets, strict=True)]
        edits = isinstance(self.source, CopySource) and self.source.edits

        def forced(started: Started, places: Sequence[int]) -> Found:
            given = [wanted[place].ids for place in places]
            begun = started.step, started.state, started.lengths
            over = [each for place in places if isinstance(each := known[place], SentenceEdits)]
            if over:
                letters = [Wanted(one.source, one.written(ids)) for one, ids in zip(over, given, strict=True)]
                return [[found] for found in write(*begun, letters, self.target_tokenizer.size)]
            return [[found] for found in force(*begun, [[*ids, END] for ids in given])]

        batches = self._batches(self._reader.whole())
        found, spans = batches.one_by_one(encoded, forced)
        # Which edits write a text, and so their spans, is known of what was found alone.
        given = None if edits else [Spelled(target, each.spans) for target, each in zip(targets, wanted, strict=True)]
        made = self._alignments.of(sources, encoded, found, spans, batches, alternatives, given)
        return [regrouped(alignment, units) for (alignment,) in made]

    def _each(
        self,
        sources: Sequence[str],
        search: Search,
        alternatives: int,
        numbers: Sequence[int] | None = None,
        wishes: Asked = NOTHING,
    ) -> list[list[Alignment]]:
        """The alignments of what is found for the sources."""
        answers = [[self._alignments.empty(source)] for source in sources]
        places, encoded, found, spans = self._found(sources, search, numbers)
        held = [sources[place] for place in places]
        batches = self._batches(self._reader.scoring_all(), wishes, places)
        made = self._alignments.of(held, encoded, found, spans, batches, alternatives)
        for place, alignments in zip(places, made, strict=True):
            answers[place] = alignments
        return answers

    def _found(
        self, sources: Sequence[str], search: Search, numbers: Sequence[int] | None = None
    ) -> tuple[list[int], list[Values], Found, Spans]:
        """The places of the sources that hold something, these as numbers, and what is found for them. The output of
        the others is empty."""
        places = [place for place, source in enumerate(sources) if source.strip()]
        encoded = [self.source.encode(sources[place]) for place in places]
        return places, encoded, *search(encoded, places if numbers is None else [numbers[place] for place in places])

    def _batches(self, reader: Reader | None = None, wishes: Asked = NOTHING, numbers: Sequence[int] = ()) -> Batches:
        """What searches for the sources of these numbers; by another reader, where one is given."""
        device, wanted = next(self.models[0].parameters()).device, wishes.tokens(numbers)
        found = reader or (
            self._reader.scoring_all() if wanted else self._reader
        )  # no search has chosen what is wanted
        return Batches(found, self.source, self.options.batch_size, device, wanted)
