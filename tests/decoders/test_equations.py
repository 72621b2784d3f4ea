"""Each decoder against its equations, written out a second time in plain torch."""

import models
import pytest
import torch
from torch.nn import functional as F


def parts(name: str):
    model = models.small_model(models.recipe(models.DECODERS[name]))
    batch = models.batch_of([(5, 1)])
    decoder = model.decoder
    memory = model.encode(batch.source, batch.source_mask)
    source, state = model.begin(memory)
    embedded = decoder.tokens.embedding(batch.inputs[:, 0])
    step = model.step(batch.inputs[:, 0], state, source)
    return decoder, memory, state.cells.hidden[:, 0], embedded, step


def attend(decoder, query, memory):
    score = decoder.attention.score
    hidden = torch.tanh(score.project_query(query).unsqueeze(1) + score.project_key(memory.keys))
    weights = torch.softmax(score.energy(hidden).squeeze(-1).masked_fill(~memory.mask, -torch.inf), -1)
    return torch.einsum("bs,bsd->bd", weights, memory.values), weights


def gru(rnn, inputs, hidden):
    """The GRU of Cho et al. 2014 as torch writes it."""
    reset, update, new = F.linear(inputs, rnn.weight_ih_l0, rnn.bias_ih_l0).chunk(3, -1)
    reset_h, update_h, new_h = F.linear(hidden, rnn.weight_hh_l0, rnn.bias_hh_l0).chunk(3, -1)
    reset, update = torch.sigmoid(reset + reset_h), torch.sigmoid(update + update_h)
    return (1 - update) * torch.tanh(new + reset * new_h) + update * hidden


def test_bahdanau_attends_with_the_state_before() -> None:
    decoder, memory, state, embedded, step = parts("bahdanau")
    context, weights = attend(decoder, state, memory)
    pairs = decoder.deep(torch.cat([state, embedded, context], -1))
    torch.testing.assert_close(step.weights, weights)
    torch.testing.assert_close(step.logits, decoder.tokens.output(torch.maximum(pairs[:, 0::2], pairs[:, 1::2])))
    moved = gru(decoder.recurrence.rnn, torch.cat([embedded, context], -1), state)
    torch.testing.assert_close(step.state.cells.top, moved)


def test_luong_steps_first() -> None:
    decoder, memory, state, embedded, step = parts("luong-fed")
    fed = torch.zeros(1, decoder.tokens.output.feature_size)
    hidden = gru(decoder.recurrence.rnn, torch.cat([embedded, fed], -1), state)
    context, weights = attend(decoder, hidden, memory)
    attentional = torch.tanh(decoder.combine(torch.cat([context, hidden], -1)))
    torch.testing.assert_close(step.weights, weights)
    torch.testing.assert_close(step.state.fed, attentional)
    torch.testing.assert_close(step.logits, decoder.tokens.output(attentional))


def test_conditional_looks_between_its_cells() -> None:
    decoder, memory, state, embedded, step = parts("conditional")
    between = gru(decoder.before.rnn, embedded, state)
    context, weights = attend(decoder, between, memory)
    hidden = gru(decoder.behind.rnn, context, between)
    torch.testing.assert_close(step.weights, weights)
    torch.testing.assert_close(step.state.cells.top, hidden)
    features = torch.tanh(decoder.deep(torch.cat([hidden, embedded, context], -1)))
    torch.testing.assert_close(step.logits, decoder.tokens.output(features))


@pytest.mark.parametrize("tying", ["adjacent", "layer_wise"])
@pytest.mark.parametrize("summary", ["last", "mean"])
def test_a_memory_network_reads_hop_by_hop(tying: str, summary: str) -> None:
    """The first step asks with the question; the second with what the first ended with, and its token."""
    config = models.recipe(
        {"kind": "memory_network", "tying": tying}, "dot", encoder={"hidden_size": 7, "summary": summary}
    )
    model, batch = models.small_model(config), models.batch_of([(5, 2), (3, 2)])
    decoder, memory = model.decoder, model.encode(batch.source, batch.source_mask)
    maps = [each.weight for each in decoder.maps]
    pairs = [(maps[hop], maps[hop + 1]) for hop in range(3)] if tying == "adjacent" else [tuple(maps)] * 3
    query = memory.summary @ (maps[0] if tying == "adjacent" else decoder.ask.weight).T
    source, state = model.begin(memory)
    for place, tokens in enumerate(batch.inputs.unbind(1)):
        if place:
            query = gru(decoder.recurrence.rnn, decoder.tokens.embedding(tokens), query)
        looks = []
        for key, value in pairs:
            scores = torch.einsum("bd,bsd->bs", query, memory.keys @ key.T).masked_fill(~memory.mask, -torch.inf)
            looks.append(scores.softmax(-1))
            carried = query if tying == "adjacent" else query @ decoder.carry.weight.T
            query = carried + torch.einsum("bs,bsd->bd", looks[-1], memory.values @ value.T)
        step = model.step(tokens, state, source)
        state = step.state
        torch.testing.assert_close(step.logits, decoder.tokens.output(query))
        torch.testing.assert_close(torch.stack(step.heads, 1), torch.stack(looks, 1).unsqueeze(2))
        torch.testing.assert_close(step.weights, looks[-1])
