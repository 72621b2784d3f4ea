"""How a recipe validates."""

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from regard.alignment.positions import PositionCount
from regard.config import Config
from regard.metrics import METRICS
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.directory import Run, search_options
from regard.run.subsets import Subset
from regard.training.validation_loss import counting, mean_loss
from regard.translator import Translator


class Validator:
    """Scores of a model on the held-out pairs: the loss, and where the recipe asks for it a metric of decoded text.

    Beside them stands where it looked, in per cent: `same_position` and `diagonal` of `alignment.positions`. They say
    nothing of how good it is; a model that looks nowhere in particular has none.

    Args:
        config: the recipe.
        run: has the tokenisers.
        held: the pairs, as token numbers.
        pairs: source and target of those that are decoded, as the user gave them: a reference that had been through
            the vocabulary would be right wherever both hold an unknown symbol. Those with one source that is no text
            are one, with several references.
    """

    def __init__(self, config: Config, run: Run, held: Subset, pairs: Sequence[tuple[str, str]]) -> None:
        self.metric = config.training.metric
        self.held = held
        self.source, self.target_tokenizer = run.sides
        self.options = search_options(config.search)
        several = self.source.kind != "text"  # one file with several texts is one group of references
        groups: dict[object, tuple[str, list[str]]] = {}
        for number, (source, target) in enumerate(pairs):
            groups.setdefault(source if several else number, (source, []))[1].append(target)
        self.sources = [source for source, _ in groups.values()]
        self.references = [targets for _, targets in groups.values()]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """The loss, the perplexity, where it looked, and the metric."""
        count = PositionCount()
        scores = mean_loss(model, self.held.batches(0, 0), counting(count))
        if found := count.result():
            scores |= found.to_scores()
        if self.metric == "loss":
            return scores
        if not math.isfinite(scores["loss"]):  # nothing can be decoded
            return scores | {self.metric: math.nan}
        assert isinstance(model, EncoderDecoder)
        greedy = replace(self.options, beam_size=1)
        translator = Translator([model], self.source, self.target_tokenizer, greedy)
        outputs = [best.target_text for best, *_ in translator.outputs(self.sources)]
        score = METRICS[self.metric](outputs, self.references)
        return scores | {self.metric: score.value}
