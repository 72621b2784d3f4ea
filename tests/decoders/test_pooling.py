"""Labels: one look, one label, one end; whatever pools the source."""

from dataclasses import replace

import pytest
import torch
from models import batch_of
from torch.nn import functional as F

from regard.attention import POOLINGS
from regard.config import Config, parse
from regard.data.batch import BEGIN, END, Batch
from regard.data.text import Vocabulary
from regard.errors import UsageError
from regard.marks import UNKNOWN
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.beam import beam
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.start import Reader, Started
from regard.training.hop_penalty import WithHopPenalty, likeness
from regard.training.objective import CrossEntropy

LABELS, SOURCE = 5, 29
SIZE = UNKNOWN + 1 + LABELS
LENGTHS = [(5, 1), (3, 1), (7, 1), (0, 1)]
every_pool = pytest.mark.parametrize("pool", POOLINGS)


def recipe(pool: str, **training: float) -> Config:
    model = {
        "embedding_size": 11,
        "encoder": {"hidden_size": 7},
        "decoder": {"kind": "pooling", "pool": pool},
        "output": {"kind": "label"},
    }
    target = {"tokenizer": "label"}
    return parse({"model": model, "data": {"target": target}, "training": training}, "test")


def made(pool: str, seed: int = 0) -> EncoderDecoder:
    torch.manual_seed(seed)
    return build_model(recipe(pool).model, Vocabulary(SOURCE), SIZE, barred=UNKNOWN).eval()


def pairs(padding: int = 0) -> Batch:
    """Sources, and a label for each."""
    batch = batch_of(LENGTHS, seed=3, padding=padding)
    labels = torch.tensor([UNKNOWN + 1, UNKNOWN + 3, UNKNOWN + LABELS, UNKNOWN + 2])
    inputs, targets = batch.inputs.clone(), batch.targets.clone()
    inputs[:, 1], targets[:, 0] = labels, labels
    return replace(batch, inputs=inputs, targets=targets)


def started(model: EncoderDecoder) -> Started:
    batch = pairs()
    return next(Reader([model]).read(batch.source, batch.source_mask, len(batch.source)))


@every_pool
def test_an_output_is_one_label_whose_probability_is_that_of_the_output(pool: str) -> None:
    model, batch = made(pool), pairs()
    logits = model.logits(model(batch))
    labels = logits[:, 0].log_softmax(-1)
    assert (labels[:, :UNKNOWN] == -torch.inf).all()
    begun = started(model)
    found = beam(begun.step, begun.state, begun.lengths, size=2 * SIZE, nbest=2 * SIZE, length_normalization=1.0)
    for row, hypotheses in enumerate(found):
        expected = labels[row, UNKNOWN + 1 :].sort(descending=True)
        assert [one.tokens for one in hypotheses] == [(UNKNOWN + 1 + int(i), END) for i in expected.indices]
        assert [one.log_prob for one in hypotheses] == pytest.approx(expected.values.tolist(), rel=1e-5)
    first = greedy(begun.step, begun.state, begun.lengths)
    assert [one.tokens for one in first] == [best.tokens for best, *_ in found]
    forced = force(begun.step, begun.state, begun.lengths, [one.tokens for one in first])
    for one, other in zip(first, forced, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob)
        assert (one.weights == other.weights).all()


@every_pool
def test_steps_are_those_of_a_whole_target(pool: str) -> None:
    model, batch = made(pool), pairs()
    whole = model(batch)
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    for number in range(2):
        step = model.step(batch.inputs[:, number], state, source)
        torch.testing.assert_close(step.logits, model.logits(whole)[:, number])
        torch.testing.assert_close(step.weights, whole.weights[:, number])
        for stepped, layer in zip(step.heads, whole.heads, strict=True):
            torch.testing.assert_close(stepped, layer[:, :, number])
        state = step.state.select(torch.arange(len(LENGTHS)))


@every_pool
def test_padding_and_company_do_not_matter(pool: str) -> None:
    model, batch = made(pool), pairs()
    whole, wide = model(batch), model(pairs(padding=3))
    torch.testing.assert_close(whole.features, wide.features[:, :2])
    alone = model(Batch(*(getattr(batch, name)[1:2] for name in Batch.__dataclass_fields__)))
    torch.testing.assert_close(alone.features, whole.features[1:2])


@every_pool
def test_the_end_looks_at_nothing_and_the_label_at_real_positions(pool: str) -> None:
    whole, batch = made(pool)(pairs()), pairs()
    assert (whole.weights[:, 1] == 0).all()
    assert (whole.weights[:, 0][~batch.source_mask] == 0).all()
    if pool != "gated":  # its weights do not compete
        torch.testing.assert_close(whole.weights[:3, 0].sum(-1), torch.ones(3))
    assert (whole.weights[3] == 0).all()  # an empty source: its end mark may not be looked at
    torch.testing.assert_close(torch.cat(whole.heads, 1).mean(1), whole.weights)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_pair_costs_what_its_label_costs(smoothing: float) -> None:
    model, batch = made("attention"), pairs()
    loss = CrossEntropy(smoothing)(model, batch)
    labels = model.logits(model(batch))[:, 0, UNKNOWN:]
    right = batch.targets[:, 0] - UNKNOWN
    torch.testing.assert_close(loss.total, F.cross_entropy(labels, right, reduction="sum", label_smoothing=smoothing))
    torch.testing.assert_close(loss.nll, F.cross_entropy(labels, right, reduction="sum").detach())
    assert loss.tokens == 2 * len(LENGTHS)


@every_pool
def test_every_parameter_but_the_target_embedding_learns(pool: str) -> None:
    model = made(pool).train()
    CrossEntropy()(model, pairs()).total.backward()
    still = [key for key, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert still == ["decoder.tokens.embedding.weight"]


def test_the_penalty_is_zero_where_each_hop_has_a_position_of_its_own() -> None:
    model, batch = made("self_attentive"), pairs()
    unrolled = model(batch)
    apart = torch.zeros_like(torch.cat(unrolled.heads, 1))
    apart[:3, :, 0, :4] = torch.eye(4)[:, :4]
    found = likeness(replace(unrolled, heads=(apart,)), batch)
    assert found.tolist() == [0, 0, 0, 0]
    same = torch.zeros_like(apart)
    same[0, :, 0, 0] = 1.0  # four hops on one position: AAᵀ is all ones, twelve of them beside the diagonal
    assert likeness(replace(unrolled, heads=(same,)), batch).tolist() == [12, 0, 0, 0]


def test_the_penalty_stands_beside_the_objective_by_its_weight() -> None:
    model, batch = made("self_attentive"), pairs()
    plain, both = CrossEntropy()(model, batch), WithHopPenalty(CrossEntropy(), 0.5)(model, batch)
    torch.testing.assert_close(both.total - plain.total, 0.5 * likeness(model(batch), batch).sum())
    assert (both.nll, both.tokens) == (plain.nll, plain.tokens)
    with pytest.raises(ValueError, match=r"WithHopPenalty: weight is -1\.0; expected 0 or more"):
        WithHopPenalty(CrossEntropy(), -1.0)


POOLING = {"decoder": {"kind": "pooling"}, "output": {"kind": "label"}}
LABEL = {"target": {"tokenizer": "label"}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"decoder": {"kind": "pooling"}}}, r"model\.output\.kind is linear; expected label"),
        ({"model": {"output": {"kind": "label"}}}, r"model\.decoder\.kind is luong; expected pooling"),
        ({"model": POOLING}, r"data\.target\.tokenizer is bpe; expected label"),
        ({"model": POOLING, "data": LABEL | {"joint": True}}, r"data\.joint is true; expected false"),
        ({"model": POOLING | {"tie": "two_way"}, "data": LABEL}, r"model\.tie is two_way; expected none"),
        (
            {"model": {"decoder": {"kind": "pooling", "hops": 3}}},
            r"hops belongs to pool self_attentive; expected no such",
        ),
        (
            {"model": POOLING, "data": LABEL, "training": {"hop_penalty": 0.1}},
            r"training\.hop_penalty is 0\.1; expected 0 for a model with fewer than two looks",
        ),
        (
            {"model": POOLING | {"decoder": {"kind": "pooling", "pool": "max"}}, "data": LABEL}
            | {"training": {"doubly_stochastic": 1.0}},
            r"training\.doubly_stochastic is 1\.0; expected 0 for the pooling decoder",
        ),
    ],
)
def test_what_does_not_go_together_is_named(values: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(values, "test")


def test_only_the_begin_mark_asks_for_a_label() -> None:
    model, batch = made("max"), pairs()
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    for token in range(SIZE):
        step = model.step(torch.full((len(LENGTHS),), token), state, source)
        ends = step.logits.softmax(-1)[:, END]
        assert (ends == (0.0 if token == BEGIN else 1.0)).all()
