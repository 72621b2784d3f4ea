"""A search that sees the best tokens alone finds what one finds that sees all logits."""

import models
import pytest
import torch

from regard.compiled.freeze import frozen
from regard.compiled.output_step import OutputStep
from regard.data.batch import END
from regard.decoders.sourced_state import SourcedState
from regard.errors import RegardError
from regard.search.beam import beam
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.step_function import DecoderStep, StepFunction

LENGTHS = [(5, 3), (1, 7), (3, 1), (7, 5), (2, 2)]
LIMIT = LengthLimit(1.0, 9)
EACH = pytest.mark.parametrize("name", [*models.DECODERS, *models.FIXED])


def model_of(name: str) -> models.EncoderDecoder:
    model = models.small_model(models.recipe((models.DECODERS | models.FIXED)[name]))
    with torch.no_grad():
        model.decoder.tokens.output.weight.mul_(4)
        model.decoder.tokens.output.bias[END] += 1.0  # so that outputs end at different times
    return model


def searched(name: str, size: int, *, projected: bool) -> list[Hypothesis]:
    model, batch = model_of(name), models.batch_of(LENGTHS)
    model = frozen(model) if projected else model
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        step: StepFunction = (
            OutputStep(model.decoder, model.tokens)
            if projected
            else DecoderStep(model.decoder, model.tokens.output, model.tokens.barred)
        )
        state = SourcedState(state, source)
        lengths = batch.source_mask.sum(1)
        if size == 0:
            targets = [[5, 4, END], [END], [7, END], [4, 4, 4, END], [9, 8]]
            return force(step, state, lengths, targets)
        if size == 1:
            return greedy(step, state, lengths, limit=LIMIT)
        found = beam(step, state, lengths, size=size, nbest=size, limit=LIMIT, coverage_penalty=0.2)
        return [one for group in found for one in group]


@EACH
@pytest.mark.parametrize("size", [0, 1, 2, 5], ids=["forced", "greedy", "beam-2", "beam-5"])
def test_the_same_is_found(name: str, size: int) -> None:
    for one, other in zip(searched(name, size, projected=True), searched(name, size, projected=False), strict=True):
        assert one.tokens == other.tokens
        assert one.score == pytest.approx(other.score, abs=1e-4)
        torch.testing.assert_close(torch.tensor(one.weights), torch.tensor(other.weights), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [1, 3])
def test_what_is_no_distribution_is_told(size: int) -> None:
    model, batch = model_of("luong"), models.batch_of(LENGTHS)
    with torch.inference_mode():
        model.decoder.tokens.output.bias[5] = torch.nan
        prepared = frozen(model)
        source, state = prepared.begin(prepared.encode(batch.source, batch.source_mask))
        step, state = OutputStep(prepared.decoder, prepared.tokens), SourcedState(state, source)
        with pytest.raises(RegardError, match=r"sentence 0 of the batch .* is not a distribution"):
            beam(step, state, batch.source_mask.sum(1), size=size)
