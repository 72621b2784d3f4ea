"""The transformer decoder against torch's, its cache, and the recipes that name it."""

from dataclasses import replace

import models
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attention
from regard.attention.build import build_attention, build_self_attention
from regard.attention.cache import Cache
from regard.attention.self_attention import SelfAttention
from regard.config import Config
from regard.data.batch import Batch
from regard.decoders.step import Unrolled
from regard.decoders.transformer import TransformerDecoderLayer
from regard.model.encoder_decoder import EncoderDecoder

SIZE, INNER, HEADS, SOURCE, TARGET, BATCH = 14, 17, 7, 5, 3, 2
MASK = torch.tensor([[True] * SOURCE, [True, True, False, False, False]])
DECODER = models.DECODERS["transformer"]
LENGTHS = [(5, 3), (1, 7), (3, 1)]


def model_of(config: Config | None = None) -> tuple[EncoderDecoder, Batch]:
    return models.small_model(config or models.recipe(DECODER)), models.batch_of(LENGTHS)


def steps_of(model: EncoderDecoder, batch: Batch) -> list:
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    steps = []
    for tokens in batch.inputs.unbind(1):
        steps.append(model.step(tokens, state, source))
        state = steps[-1].state
    return steps


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_layer_is_that_of_torch(norm: str) -> None:
    torch.manual_seed(0)
    cross = build_attention(SIZE, SIZE, score="scaled_dot", num_heads=HEADS)
    ours = TransformerDecoderLayer(
        build_self_attention(SIZE, num_heads=HEADS, causal=True),
        cross,
        memory_size=SIZE,
        hidden_size=SIZE,
        feed_forward_size=INNER,
        norm=norm,
    ).double()
    theirs = nn.TransformerDecoderLayer(
        SIZE, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=norm == "pre"
    ).double()
    pairs = [
        (ours.feed_forward.expand, theirs.linear1),
        (ours.feed_forward.contract, theirs.linear2),
        (ours.around_self.normalize, theirs.norm1),
        (ours.around_cross.normalize, theirs.norm2),
        (ours.around_feed_forward.normalize, theirs.norm3),
    ]
    for mine, other in pairs:
        nn.init.normal_(mine.weight)
        nn.init.normal_(mine.bias)
        other.load_state_dict(mine.state_dict())
    attentions = ((ours.self_attention.attention, theirs.self_attn), (cross, theirs.multihead_attn))
    for attention, other in attentions:
        copy_attention(other, attention)
    target, memory = (
        torch.randn(BATCH, length, SIZE, dtype=torch.double, requires_grad=True) for length in (TARGET, SOURCE)
    )
    source = cross.prepare(memory, memory, MASK)
    one = ours(target, Cache.start(target), lambda attention, query: attention(query, source, attention.begin(source)))
    later = torch.ones(TARGET, TARGET, dtype=torch.bool).triu(1)
    two = theirs(target, memory, tgt_mask=later, memory_key_padding_mask=~MASK)
    torch.testing.assert_close(one[0], two)
    toward = torch.randn(BATCH, TARGET, SIZE, dtype=torch.double)
    found = torch.autograd.grad((one[0] * toward).sum(), [target, memory, *weights_of(pairs, attentions, 0)])
    expected = torch.autograd.grad((two * toward).sum(), [target, memory, *weights_of(pairs, attentions, 1)])
    for mine, other in zip(joined(found), expected, strict=True):
        torch.testing.assert_close(mine, other)


def copy_attention(theirs: nn.MultiheadAttention, ours: Attention) -> None:
    """Ours has no biases, as in the paper; theirs are zero from the start."""
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in projections(ours)]))
        theirs.out_proj.weight.copy_(ours.heads.project_output.weight)


def projections(attention: Attention) -> list[nn.Linear]:
    heads = attention.heads
    return [heads.project_query, heads.project_key, heads.project_value]


def weights_of(pairs: list, attentions: tuple, side: int) -> list[Tensor]:
    """The parameters of one side, in the same order; those of a projection stand apart on ours."""
    weights = [weight for pair in pairs for weight in pair[side].parameters()]
    for attention in (each[side] for each in attentions):
        if side:
            weights += [attention.out_proj.weight, attention.in_proj_weight]
        else:
            weights += [attention.heads.project_output.weight, *(part.weight for part in projections(attention))]
    return weights


def joined(gradients: tuple[Tensor, ...]) -> list[Tensor]:
    """The gradients of ours in the shapes of torch's: query, key and value projections in one."""
    rest, one, two = gradients[:-8], gradients[-8:-4], gradients[-4:]
    return [*rest, one[0], torch.cat(one[1:]), two[0], torch.cat(two[1:])]


CHOSEN = [
    *((score, "softmax", "global") for score in SCORES),
    *(("general", select, "global") for select in SELECTIONS if select != "softmax"),
    *(("general", "softmax", window) for window in WINDOWS if window != "global"),
    ("coverage", "monotonic", "global"),
]
every_mechanism = pytest.mark.parametrize("names", CHOSEN, ids="-".join)


@every_mechanism
@pytest.mark.parametrize("kind", ["transformer", "luong"])
def test_every_mechanism_has_heads(names: tuple[str, str, str], kind: str) -> None:
    score, select, window = names
    attention = {"score": score, "select": select, "window": window, "num_heads": 2}
    model, batch = model_of(models.recipe(models.DECODERS[kind], attention=attention))
    with torch.inference_mode():
        unrolled, steps = model(batch), steps_of(model, batch)
        logits = model.logits(unrolled)
    torch.testing.assert_close(torch.stack([step.logits for step in steps], 1), logits, atol=1e-5, rtol=0)
    for layer, heads in enumerate(unrolled.heads):
        each = torch.stack([step.heads[layer] for step in steps], 2)
        torch.testing.assert_close(each, heads, atol=1e-5, rtol=0)
    torch.testing.assert_close(unrolled.heads[-1].mean(1), unrolled.weights)
    assert len(unrolled.heads) == len(getattr(model.decoder, "layers", [None]))
    assert unrolled.heads[0].shape == (len(LENGTHS), 2, batch.inputs.size(1), batch.source.size(1))


@pytest.mark.parametrize("beam", [2, 3])
def test_heads_of_a_beam_are_those_of_its_rows(beam: int) -> None:
    model, batch = model_of(models.recipe(DECODER, attention={"score": "general", "num_heads": 2}))
    rows = torch.arange(len(LENGTHS)).repeat_interleave(beam)
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        whole = model.step(batch.inputs[:, 0], state, source)
        many = model.step(batch.inputs[rows, 0], state.select(rows), source)
    for one, other in zip(whole.heads, many.heads, strict=True):
        torch.testing.assert_close(other, one[rows], atol=1e-6, rtol=0)


@pytest.mark.parametrize("encoder", ["recurrent", "transformer"])
@pytest.mark.parametrize("decoder", ["luong", "transformer"])
def test_stages_are_swapped_by_one_key(encoder: str, decoder: str) -> None:
    """The recipe of the others, whatever their sizes."""
    config = models.recipe({"kind": decoder, "hidden_size": 20}, encoder={"kind": encoder, "hidden_size": 12})
    model, batch = model_of(config)
    loss(model, batch).backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_a_position_knows_nothing_of_what_follows() -> None:
    model, batch = model_of()
    changed = replace(batch, inputs=torch.cat([batch.inputs[:, :2], (batch.inputs[:, 2:] + 1) % 31], 1))
    one, other = (model(given).features for given in (batch, changed))
    torch.testing.assert_close(one[:, :2], other[:, :2])
    assert not torch.equal(one[:, 2:], other[:, 2:])


def test_a_source_without_positions_gives_zero_weights_and_finite_logits() -> None:
    model, batch = model_of()
    unrolled: Unrolled = model(replace(batch, source_mask=batch.source_mask & (torch.arange(3) != 1).unsqueeze(1)))
    assert (unrolled.weights[1] == 0).all()
    model.logits(unrolled).sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


# The cache


def test_gradients_of_stepping_are_those_of_forcing() -> None:
    model, batch = model_of()
    model.logits(model(batch)).square().sum().backward()
    forced = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    torch.stack([step.logits for step in steps_of(model, batch)]).square().sum().backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, forced[name], atol=1e-4, rtol=1e-4, msg=name)


def test_two_ways_from_one_state_do_not_meet() -> None:
    """A step writes into room that it shares with the state it came from, which must not be source."""
    model, batch = model_of()
    with torch.inference_mode():
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        state = model.step(batch.inputs[:, 0], state, source).state
        state = model.step(batch.inputs[:, 1], state, source).state
        here = model.step(torch.tensor([5, 6, 7]), state, source)
        there = model.step(torch.tensor([8, 9, 10]), state, source)
        after, again = (model.step(batch.inputs[:, 2], one.state, source).logits for one in (here, there))
        alone = model.step(torch.tensor([5, 6, 7]), state.select(torch.arange(3)), source)
        expected = model.step(batch.inputs[:, 2], alone.state, source).logits
    torch.testing.assert_close(after, expected)
    assert (after - again).abs().max() > 1e-3


def test_a_forced_beginning_can_be_continued() -> None:
    model, batch = model_of()
    with torch.inference_mode():
        whole = model(batch)
        source, state = model.begin(model.encode(batch.source, batch.source_mask))
        for tokens in batch.inputs[:, :2].unbind(1):
            state = model.step(tokens, state, source).state
        rest = model.decoder(batch.inputs[:, 2:], source, state)
    torch.testing.assert_close(rest.features, whole.features[:, 2:], atol=1e-5, rtol=0)
    torch.testing.assert_close(rest.weights, whole.weights[:, 2:], atol=1e-5, rtol=0)


def self_attention() -> SelfAttention:
    torch.manual_seed(2)
    return SelfAttention(build_self_attention(SIZE, num_heads=2, causal=True))


def test_a_step_writes_where_there_is_room() -> None:
    """Tensors are allocated as often as the length doubles, not at every step."""
    attention, values = self_attention(), torch.randn(BATCH, 101, SIZE)
    cache, places = Cache.start(values), set()
    with torch.inference_mode():
        for position in range(101):
            _, cache = attention.extend(values[:, position : position + 1], cache)
            places.add((cache.buffers.values.data_ptr(), cache.buffers.values.size(-2)))
    assert len(places) <= 5
    assert cache.length == 101


def test_selected_rows_have_room_of_their_own() -> None:
    attention, values = self_attention(), torch.randn(3, 7, SIZE)
    with torch.inference_mode():
        _, cache = attention.extend(values[:, :5], Cache.start(values))
        kept = torch.tensor([2, 0, 0])
        chosen = cache.select(kept)
        _, cache = attention.extend(values[:, 5:6], cache)
        source, chosen = attention.extend(values[kept, 5:6], chosen)
        expected, _ = attention.extend(values[kept, :6], Cache.start(values))
    torch.testing.assert_close(source.context[:, 0], expected.context[:, 5])
    assert chosen.buffers is not cache.buffers


def test_a_sequential_self_attention_cannot_grow() -> None:
    attention = SelfAttention(build_attention(SIZE, SIZE, score="coverage"))
    with pytest.raises(ValueError, match=r"^SelfAttention\.extend: the attention is sequential; expected one that for"):
        attention.extend(torch.zeros(1, 1, SIZE), Cache.start(torch.zeros(1, 0)))


# Recipes


@pytest.mark.parametrize("tie", ["two_way", "three_way"])
def test_tied_tables_learn_together(tie: str) -> None:
    stage = {"kind": "transformer", "hidden_size": 22, "num_heads": 2}
    config = models.recipe(stage, encoder=stage, tie="two_way")
    model = models.small_model(config.model_copy(update={"model": config.model.model_copy(update={"tie": tie})}))
    decoder = model.decoder.tokens
    assert decoder.output.weight is decoder.embedding.weight
    assert (model.encoder.embedding.weight is decoder.embedding.weight) == (tie == "three_way")
    batch = models.batch_of(LENGTHS)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for _ in range(7):
        losses.append(loss(model, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def loss(model: EncoderDecoder, batch: Batch) -> Tensor:
    logits = model.logits(model(batch))[batch.target_mask]
    return F.cross_entropy(logits, batch.targets[batch.target_mask])
