"""A shortlist hides part of the vocabulary, and nothing else."""

from functools import partial

import models
import pytest
import torch
from torch import Tensor

from regard.data.batch import BEGIN, END, PAD
from regard.decoders.sourced_state import SourcedState
from regard.kernels.topk_shortlist import ListedOutput, Lists
from regard.search.beam import beam
from regard.search.ensemble import Ensemble, EnsembleState
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import MARKS, Shortlist, ShortlistState, ShortlistStep, common, lists

LENGTHS = [(5, 3), (1, 7), (3, 1), (7, 5)]
LIMIT = LengthLimit(1.0, 5)
EACH = pytest.mark.parametrize("name", [*models.DECODERS, *models.FIXED])


def drawn(seed: int = 0, sources: int = models.SOURCE_VOCABULARY) -> Shortlist:
    """Up to four random targets of each source token."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, 5, (sources,), generator=generator)
    targets = torch.randint(4, models.TARGET_VOCABULARY, (int(counts.sum()),), generator=generator)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    return Shortlist(torch.tensor([7, 11]), starts, targets, models.TARGET_VOCABULARY)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"targets": torch.tensor([-1, 5])}, "targets holds no target token; expected 0 to"),
        ({"targets": torch.tensor([5, models.TARGET_VOCABULARY])}, "targets holds no target token"),
        ({"common": torch.tensor([2**62])}, "common holds no target token"),
        ({"starts": torch.tensor([0, 2, 1, 2])}, "starts do not ascend from 0 to 2"),
        ({"starts": torch.tensor([0, 3])}, "starts do not ascend"),
        ({"starts": torch.tensor([1, 2])}, "starts do not ascend"),
        ({"starts": torch.tensor([], dtype=torch.long)}, "starts do not ascend"),
        ({"common": torch.tensor([5], dtype=torch.int32)}, "common has 1 axes of torch.int32"),
    ],
)
def test_what_is_no_list_is_refused(changed: dict[str, Tensor], message: str) -> None:
    right = {"common": torch.tensor([7]), "starts": torch.tensor([0, 1, 2]), "targets": torch.tensor([5, 6])}
    Shortlist(**right, target_size=models.TARGET_VOCABULARY)
    with pytest.raises(ValueError, match=f"Shortlist: {message}"):
        Shortlist(**{**right, **changed}, target_size=models.TARGET_VOCABULARY)


def everything() -> Shortlist:
    nothing = torch.zeros(models.SOURCE_VOCABULARY + 1, dtype=torch.long)
    return Shortlist(torch.arange(models.TARGET_VOCABULARY), nothing, nothing[:0], models.TARGET_VOCABULARY)


def named(name: str, seed: int = 0) -> models.EncoderDecoder:
    model = models.small_model(models.recipe((models.DECODERS | models.FIXED)[name]), seed)
    with torch.no_grad():
        model.decoder.tokens.output.weight.mul_(4)
    return model


def searched(name: str, size: int, shortlist: Shortlist, source: Tensor, mask: Tensor, seeds=(0,)) -> list[Hypothesis]:
    """The best output of each sentence, with one model or several."""
    allowed = lists([shortlist], source, mask)
    steps, states = [], []
    with torch.inference_mode():
        for seed in seeds:
            model = named(name, seed)
            prepared, state = model.begin(model.encode(source, mask))
            output = ListedOutput(model.tokens.output.weight, model.tokens.output.bias, common([shortlist]))
            steps.append(ShortlistStep(model.decoder, output))
            states.append(ShortlistState.start(SourcedState(state, prepared), allowed))
        step, state = (steps[0], states[0]) if len(seeds) == 1 else (Ensemble(steps), EnsembleState(tuple(states)))
        if size == 1:
            return greedy(step, state, mask.sum(1), limit=LIMIT)
        return [best for best, *_ in beam(step, state, mask.sum(1), size=size, limit=LIMIT)]


def same(one: Hypothesis, other: Hypothesis) -> None:
    assert one.tokens == other.tokens
    assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
    torch.testing.assert_close(torch.tensor(one.weights), torch.tensor(other.weights), atol=1e-5, rtol=0)


@EACH
@pytest.mark.parametrize("size", [1, 3])
def test_alone_and_in_any_batch(name: str, size: int) -> None:
    batch = models.batch_of(LENGTHS)
    together = searched(name, size, drawn(), batch.source, batch.source_mask)
    for row, (length, _) in enumerate(LENGTHS):
        source, mask = (part[row : row + 1, : length + 1] for part in (batch.source, batch.source_mask))
        same(searched(name, size, drawn(), source, mask)[0], together[row])


@EACH
@pytest.mark.parametrize("size", [1, 3])
def test_what_allows_everything_changes_nothing(name: str, size: int) -> None:
    batch, model = models.batch_of(LENGTHS), named(name)
    with torch.inference_mode():
        prepared, state = model.begin(model.encode(batch.source, batch.source_mask))
        step, lengths = partial(model.step, source=prepared), batch.source_mask.sum(1)
        whole = beam(step, state, lengths, size=size, limit=LIMIT)
    found = searched(name, size, everything(), batch.source, batch.source_mask)
    for one, (other, *_) in zip(found, whole, strict=True):
        same(one, other)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one", "ensemble"])
@pytest.mark.parametrize("size", [1, 3])
def test_outputs_hold_allowed_tokens_alone(size: int, seeds: tuple[int, ...]) -> None:
    batch = models.batch_of(LENGTHS)
    allowed = drawn().allowed(batch.source, batch.source_mask)
    found = searched("luong", size, drawn(), batch.source, batch.source_mask, seeds)
    for row, one in enumerate(found):
        assert allowed[row, list(one.tokens)].all()
    assert len({token for one in found for token in one.tokens}) > 2


def test_probabilities_are_those_given_what_is_allowed() -> None:
    """The logits of what is allowed are the model's own; those of the rest have no part in the sum."""
    batch, model, shortlist = models.batch_of(LENGTHS), named("luong"), drawn()
    allowed = shortlist.allowed(batch.source, batch.source_mask)
    with torch.inference_mode():
        prepared, state = model.begin(model.encode(batch.source, batch.source_mask))
        output = ListedOutput(model.tokens.output.weight, model.tokens.output.bias, common([shortlist]))
        step = ShortlistStep(model.decoder, output)
        begun = ShortlistState.start(SourcedState(state, prepared), lists([shortlist], batch.source, batch.source_mask))
        begin = torch.full((len(LENGTHS),), BEGIN)
        logits, whole = step(begin, begun).logits, model.step(begin, state, prepared).logits
    torch.testing.assert_close(logits, whole.masked_fill(~allowed, -torch.inf), atol=1e-5, rtol=0)


def test_a_sentence_may_use_its_own_targets_what_is_common_and_the_marks() -> None:
    starts, targets = torch.tensor([0, 0, 0, 2, 2, 3, 5]), torch.tensor([13, 17, 19, 23, 5])
    shortlist = Shortlist(torch.tensor([7]), starts, targets, 29)
    source = torch.tensor([[4, 5, END], [3, END, PAD]])
    allowed = shortlist.allowed(source, source != PAD)
    wanted = [{13, 17, 19, 23, 5}, {13, 17}]
    assert [set(row.nonzero().flatten().tolist()) for row in allowed] == [own | {7, *MARKS} for own in wanted]


def test_several_shortlists_allow_what_any_allows() -> None:
    batch, both = models.batch_of(LENGTHS), [drawn(seed) for seed in (0, 1)]
    one, two = (each.allowed(batch.source, batch.source_mask) for each in both)
    found, shared = lists(both, batch.source, batch.source_mask), common(both).tolist()
    for row, wanted in enumerate(one | two):
        own = found.tokens[found.starts[row] : found.starts[row + 1]].tolist()
        assert sorted([*own, *shared]) == wanted.nonzero().flatten().tolist()


def test_what_all_may_use_stands_in_no_list() -> None:
    allowed = torch.tensor([[1, 1, 1, 0, 1], [1, 1, 0, 1, 1]], dtype=torch.bool)
    found = Lists.of(*allowed.numpy().nonzero(), 2, torch.tensor([0, 4]))
    assert (found.starts.tolist(), found.tokens.tolist(), found.longest) == ([0, 2, 4], [1, 2, 1, 3], 2)
