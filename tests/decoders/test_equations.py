"""Each decoder against its equations, written out a second time in plain torch."""

import models
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
