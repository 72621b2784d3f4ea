"""Validation as the recipe says: the loss, where the model looked, and a metric of decoded text."""

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from regard.alignment.verdict import MeasureCount
from regard.config import Config
from regard.metrics import METRICS
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.directory import Run, search_options
from regard.run.subsets import Subset
from regard.training.measuring import counting, moving
from regard.training.validation_loss import mean_loss
from regard.translator import Translator


class Validator:
    """Scores of a model on the held-out pairs: the loss, and a metric of decoded text if the recipe has one.

    The measures of `alignment.verdict` say where the model looked, in per cent, but not how good it is. A model without
    weights has none.

    Args:
        config: the recipe.
        run: the run, with the tokenisers.
        held: the pairs, as token numbers.
        pairs: source and target of the pairs that are decoded, as the user gave them. A reference made from token
            numbers would match an output wherever both have an unknown symbol. Pairs with the same source, if it is no
            text, count as one with several references.
    """

    def __init__(self, config: Config, run: Run, held: Subset, pairs: Sequence[tuple[str, str]]) -> None:
        self.metric = config.training.metric
        self.held = held
        self.source, self.target_tokenizer = run.sides
        self.options = search_options(config)
        # A pointer stands where the edits have brought it, whatever words stand there.
        self.watches_moves = self.source.kind == "text" and not config.model.decoder.edits
        several = self.source.kind != "text"  # one file with several texts is one group of references
        groups: dict[object, tuple[str, list[str]]] = {}
        for number, (source, target) in enumerate(pairs):
            groups.setdefault(source if several else number, (source, []))[1].append(target)
        self.sources = [source for source, _ in groups.values()]
        self.references = [targets for _, targets in groups.values()]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """The loss, the perplexity, where it looked, and the metric."""
        count = MeasureCount()
        watches = [counting(count), *([moving(count, model)] if self.watches_moves else [])]
        scores = mean_loss(model, self.held.batches(0, 0), *watches)
        if found := count.result():
            scores |= found.to_scores()
        if self.metric == "loss":
            return scores
        if not math.isfinite(scores["loss"]):  # no decoding with weights that are not finite
            return scores | {self.metric: math.nan}
        assert isinstance(model, EncoderDecoder)
        greedy = replace(self.options, beam_size=1)
        translator = Translator([model], self.source, self.target_tokenizer, greedy)
        outputs = [best.target_text for best, *_ in translator.outputs(self.sources)]
        score = METRICS[self.metric](outputs, self.references)
        return scores | {self.metric: score.value}
