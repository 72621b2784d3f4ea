"""The layer that copies, beside its equations computed one source position after the other, with every decoder and
through every search."""

from collections.abc import Sequence
from typing import Any

import models
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard.config import parse
from regard.data.batch import BEGIN, END, PAD, Batch, teacher_forced
from regard.data.copying import copied_from
from regard.data.sources import batch_of as padded
from regard.data.text import Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.decoders.output import LinearOutput, Output
from regard.decoders.pointer_generator import PointerGenerator
from regard.decoders.step import Unrolled
from regard.encoders.memory import Memory
from regard.errors import UsageError
from regard.marks import UNKNOWN
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.origins import origins
from regard.search.beam import beam
from regard.search.forced import force, rank
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.sampling import sample
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started
from regard.training.objective import CrossEntropy

SIZE, KNOWN = models.TARGET_VOCABULARY, 17
"""Source tokens from KNOWN on are words that the target vocabulary does not have."""
LENGTHS = [(5, 3), (2, 7), (3, 1), (7, 5), (2, 2), (9, 1), (4, 1)]
LIMIT = LengthLimit(1.0, 7)
EVERY = pytest.mark.parametrize("name", models.DECODERS)
ALL = pytest.mark.parametrize("name", ["luong", "transformer"])


def copying(name: str, seed: int = 0, **attention: Any) -> EncoderDecoder:
    """A small model that copies about half the time."""
    config = models.recipe(
        models.DECODERS[name], output={"kind": "copy"}, **({"attention": attention} if attention else {})
    )
    torch.manual_seed(seed)
    model = build_model(config.model, Vocabulary(models.SOURCE_VOCABULARY), SIZE, barred=UNKNOWN).eval()
    layer = model.tokens.output
    assert isinstance(layer, Output)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.7)
        layer.generate.bias[END] += 1.0  # so that outputs end at different times
    return model


def batch_of(lengths: Sequence[tuple[int, int]] = LENGTHS, padding: int = 0) -> Batch:
    """Random pairs: sources repeat words, and a third of the targets are words of the source alone."""
    batch = models.batch_of(list(lengths), padding=padding)
    tokens = torch.where(batch.source > 3, 4 + (batch.source * 7) % 25, batch.source)
    tokens[:, 1] = torch.where(tokens[:, 1] > 3, tokens[:, 0], tokens[:, 1])
    firsts = (tokens.unsqueeze(2) == tokens.unsqueeze(1)).int().argmax(2)
    numbers = torch.where(tokens < KNOWN, tokens, SIZE + firsts)
    targets = batch.targets.clone()
    for row, own in enumerate(numbers):
        beyond = own[own >= SIZE]
        third = (torch.arange(targets.size(1)) % 3 == 0) & (targets[row] > 3)
        if len(beyond):
            targets[row, third] = beyond[0]
    inputs = torch.cat([batch.inputs[:, :1], targets[:, :-1]], 1)
    inputs = torch.where(batch.inputs == PAD, PAD, inputs)
    source = torch.stack([tokens, numbers], -1)
    return Batch(source, batch.source_mask, inputs, targets, batch.target_mask, batch.order)


def by_hand(model: EncoderDecoder, batch: Batch) -> Tensor:
    """The equations, one source position after the other: probabilities (batch, target, size + source)."""
    unrolled, layer = model(batch), model.tokens.output
    weights, features, values = unrolled.weights, unrolled.features, unrolled.memory.values
    context = weights @ values
    score = features @ layer.gate.weight[0] + layer.gate.bias + context @ layer.gate_context.weight[0]
    p_gen = (1 / (1 + torch.exp(-score))).unsqueeze(-1)
    scores = torch.exp(features @ layer.generate.weight.T + layer.generate.bias)
    width = batch.source.size(1)
    probs = F.pad(p_gen * scores / scores.sum(-1, keepdim=True), (0, width))
    for position in range(width):
        at = F.one_hot(batch.source[:, position, 1], SIZE + width).unsqueeze(1)
        probs = probs + (1 - p_gen) * weights[..., position : position + 1] * at
    return probs


def answered(batch: Batch, answers: Sequence[Sequence[int]]) -> Batch:
    """The sources with these targets."""
    width = max(map(len, answers))
    targets = torch.tensor([[*each, *[PAD] * (width - len(each))] for each in answers])
    begins = torch.full((len(answers), 1), BEGIN)
    inputs = torch.cat([begins, targets[:, :-1]], 1)
    return Batch(batch.source, batch.source_mask, inputs, targets, targets != PAD, batch.order)


def read(chosen: Sequence[Any], batch: Batch, shortlists: Any = (), count: int = 3) -> list[Started]:
    return list(Reader(chosen, shortlists).read(batch.source, batch.source_mask, count))


def searched(begun: Sequence[Started], size: int) -> list[list[Hypothesis]]:
    """Greedy for 1, else all of a beam. Where they can, further groups enter as others end."""
    found: list[list[Hypothesis]] = []
    for first, *others in [list(begun)] if begun[0].joins else [[each] for each in begun]:
        later = ((each.state, each.lengths) for each in others)
        given = (first.step, first.state, first.lengths)
        if size == 1:
            found += [[each] for each in greedy(*given, limit=LIMIT, later=later)]
        else:
            found += beam(*given, size=size, nbest=size, limit=LIMIT, later=later)
    return found


def check(found: Sequence[Sequence[Hypothesis]], batch: Batch, probs: Any = None, model: Any = None) -> None:
    """The log-probabilities are those of the equations; `probs(batch)` is what should be."""
    probs = probs or (lambda given: by_hand(model, given))
    for place in range(min(map(len, found))):
        given = answered(batch, [each[place].tokens for each in found])
        own = probs(given).gather(-1, given.targets.unsqueeze(-1)).squeeze(-1)
        own = own.log().masked_fill(~given.target_mask, 0.0).sum(1)
        torch.testing.assert_close(torch.tensor([each[place].log_prob for each in found]), own, atol=1e-4, rtol=0)


@EVERY
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_logits_loss_and_gradient_are_those_of_the_equations(name: str, smoothing: float) -> None:
    model, batch = copying(name).double(), batch_of()
    probs, real = by_hand(model, batch), batch.target_mask
    torch.testing.assert_close(probs.sum(-1), torch.ones_like(probs[..., 0]))
    torch.testing.assert_close(model.logits(model(batch)).exp(), probs)
    right = probs[real].gather(1, batch.targets[real].unsqueeze(1)).log().sum()
    expected = -(1 - smoothing) * right - smoothing / SIZE * probs[real][:, :SIZE].log().sum()
    loss = CrossEntropy(smoothing)(model, batch)
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.nll, -right.detach())
    assert (batch.targets[real] >= SIZE).sum() > 4
    parameters = [each for each in model.parameters() if each.requires_grad]
    # a gradient of the logits too: what asks why a token came takes it
    logits = model.logits(model(batch))[real].gather(1, batch.targets[real].unsqueeze(1)).sum()
    for found, wanted in ((loss.total, expected), (logits, right)):
        ours, theirs = (
            torch.autograd.grad(each, parameters, allow_unused=True, retain_graph=True) for each in (found, wanted)
        )
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other)


@EVERY
@torch.inference_mode()
def test_steps_batches_and_padding_change_nothing(name: str) -> None:
    model, batch = copying(name), batch_of(padding=2)
    whole = model.logits(model(batch))
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    for position, tokens in enumerate(batch.inputs.unbind(1)):
        step = model.step(tokens, state, source)
        state = step.state
        torch.testing.assert_close(step.logits, whole[:, position], atol=1e-5, rtol=0)
    for row, (length, target) in enumerate(LENGTHS):
        one = Batch(
            *(each[row : row + 1] for each in (batch.source[:, : length + 1], batch.source_mask[:, : length + 1])),
            *(each[row : row + 1, : target + 1] for each in (batch.inputs, batch.targets, batch.target_mask)),
            batch.order[row : row + 1],
        )
        alone = model.logits(model(one))[0]
        torch.testing.assert_close(alone, whole[row, : target + 1, : alone.size(1)], atol=1e-5, rtol=0)
        assert (whole[row, : target + 1, alone.size(1) :] == -torch.inf).all()


@ALL
@torch.inference_mode()
def test_every_search_finds_what_is_probable_and_forcing_says_the_same(name: str) -> None:
    model, batch = copying(name), batch_of()
    best, several = searched(read([model], batch), 1), searched(read([model], batch), 3)
    given = answered(batch, [each[0].tokens for each in best])
    probs = by_hand(model, given)
    probs[..., [PAD, BEGIN, UNKNOWN]] = 0
    assert torch.equal(probs.argmax(-1)[given.target_mask], given.targets[given.target_mask])
    assert (given.targets >= SIZE).any()
    assert {len(each[0].tokens) for each in best} != {1}
    check(best, batch, model=model)
    check(several, batch, model=model)
    (begun,) = read([model], batch, count=len(LENGTHS))
    start = (begun.step, begun.state, begun.lengths)
    forced = force(*start, [each[0].tokens for each in best])
    assert [each.log_prob for each in forced] == pytest.approx([each[0].log_prob for each in best], abs=1e-5)
    drawn = sample(*start, seed=1, sentences=batch.order, limit=LIMIT)
    check([[each] for each in drawn], batch, model=model)
    for ranked, row in zip(rank(*start, [each[0].tokens for each in best], 2), best, strict=True):
        assert ranked.tokens[:, 0].tolist() == list(row[0].tokens)
    for row, each in enumerate(several):  # alone as in company
        one = Batch(*(getattr(batch, part)[row : row + 1] for part in Batch.__dataclass_fields__))
        (alone,) = searched(read([model], one), 3)
        assert [found.tokens for found in alone] == [found.tokens for found in each]


@torch.inference_mode()
def test_an_ensemble_averages_and_a_shortlist_lets_all_words_of_the_source_through() -> None:
    batch, members = batch_of(), [copying("luong"), copying("bahdanau", 1)]
    for size in (1, 3):
        found = searched(read(members, batch), size)
        check(found, batch, lambda given: (by_hand(members[0], given) + by_hand(members[1], given)) / 2)
    links = torch.arange(models.SOURCE_VOCABULARY + 1)
    some = Shortlist(torch.tensor([7, 11]), links, 4 + (links[:-1] * 3) % 20, SIZE)

    def allowed(given: Batch) -> Tensor:
        kept = some.allowed(given.source[..., 0], given.source_mask)
        kept = F.pad(kept, (0, given.source.size(1))).scatter(1, given.source[..., 1], True)
        probs = by_hand(members[0], given) * kept.unsqueeze(1)
        return probs / probs.sum(-1, keepdim=True)

    for size in (1, 3):
        check(searched(read(members[:1], batch, [some]), size), batch, allowed)


@torch.inference_mode()
def test_where_tokens_come_from_adds_up() -> None:
    batch, members = batch_of(), [copying("luong"), copying("transformer", 1)]
    tokens = [row[real].tolist() for row, real in zip(batch.targets, batch.target_mask, strict=True)]
    found = origins(members, batch.source, batch.source_mask, tokens)
    probs = sum(by_hand(model, batch) for model in members)
    generated = sum(by_hand_generated(model, batch) for model in members)
    for row, each in enumerate(found):
        own = batch.targets[row, : len(tokens[row])]
        right = probs[row, : len(own)].gather(1, own.unsqueeze(1)).squeeze(1)
        made = F.pad(generated[row, : len(own)], (0, batch.source.size(1))).gather(1, own.unsqueeze(1)).squeeze(1)
        torch.testing.assert_close(torch.from_numpy(each.copied).sum(1), 1 - made / right, atol=1e-5, rtol=0)
        elsewhere = batch.source[row, :, 1] != own.unsqueeze(1)
        assert (torch.from_numpy(each.copied)[elsewhere] == 0).all()
        assert each.copied[own.numpy() >= SIZE].sum(1) == pytest.approx(1, abs=1e-5)


def by_hand_generated(model: EncoderDecoder, batch: Batch) -> Tensor:
    """p_gen P_vocab alone."""
    whole, unrolled = by_hand(model, batch), model(batch)
    p_gen = model.tokens.output.origins(unrolled, batch.targets, torch.ones_like(batch.target_mask)).p_gen
    copied = torch.zeros_like(whole).scatter_add(
        2, batch.source[..., 1].unsqueeze(1).expand_as(unrolled.weights), unrolled.weights
    )
    return (whole - (1 - p_gen).unsqueeze(-1) * copied)[..., :SIZE]


def layer(dtype: torch.dtype = torch.float32) -> PointerGenerator:
    torch.manual_seed(3)
    return PointerGenerator(LinearOutput(3, SIZE), 5).to(dtype)


def one_each(rows: int, width: int) -> Tensor:
    """The spans of a memory with a position for each token."""
    return torch.arange(width).add(torch.arange(2)[:, None]).T.expand(rows, -1, -1)


def read_of(pointer: PointerGenerator, features: Tensor, weights: Tensor, values: Tensor, source: Tensor) -> Unrolled:
    mask = source[..., 1] != PAD
    memory = Memory(values, values, mask, values[:, 0], one_each(*mask.shape), source=source)
    nothing = weights[..., 0]
    return Unrolled(features, weights, nothing, nothing, source=pointer.begin(memory))


SOURCE = torch.tensor([[[4, 4], [9, SIZE + 1], [4, 4], [2, END]], [[5, 5], [9, SIZE + 1], [2, END], [0, PAD]]])
TARGETS = torch.tensor([[4, SIZE + 1, 7], [SIZE + 1, 5, END]])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_gradient_is_exact(smoothing: float) -> None:
    pointer = layer(torch.float64)
    scores, real = torch.randn(2, 3, 4, dtype=torch.float64), SOURCE[:, None, :, 1] != PAD

    def loss(features: Tensor, scores: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        weights = scores.masked_fill(~real, -torch.inf).softmax(-1)
        given = read_of(pointer, features, weights, values, SOURCE)
        return (
            pointer.loss(given, TARGETS, torch.ones_like(TARGETS, dtype=torch.bool), smoothing).total + 0 * weight.sum()
        )

    parts = [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 3), (2, 4, 5))]
    assert torch.autograd.gradcheck(loss, (parts[0], scores.requires_grad_(), parts[1], pointer.gate.weight))


@pytest.mark.parametrize("extreme", [1e4, -1e4])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weights_of_zero_and_extreme_scores_give_finite_losses_and_gradients(extreme: float, smoothing: float) -> None:
    pointer = layer()
    with torch.no_grad():
        pointer.gate.bias.fill_(extreme)
        pointer.generate.bias[[4, 5, END]] = -1e4
    features = torch.randn(2, 3, 3, requires_grad=True)
    weights = torch.tensor([0.0, 0.0, 0.0, 1.0]).roll(-1).expand(2, 3, 4).clone()  # none on what is copied
    weights[1] = torch.tensor([0.0, 0.0, 1.0, 0.0])
    weights.requires_grad_()
    given = read_of(pointer, features, weights, torch.randn(2, 4, 5), SOURCE)
    costs = pointer.loss(given, TARGETS, torch.ones_like(TARGETS, dtype=torch.bool), smoothing)
    costs.total.backward()
    assert costs.nll.isfinite().all()
    assert costs.total.isfinite()
    for gradient in (features.grad, weights.grad, *(each.grad for each in pointer.parameters())):
        assert gradient is None or gradient.isfinite().all()
    logits = pointer.logits(given)
    assert not logits.isnan().any()
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 3))


def test_sparse_weights_that_are_zero_learn() -> None:
    model, batch = copying("luong", score="general", select="sparsemax").train(), batch_of()
    optimizer, losses = torch.optim.Adam(model.parameters(), 0.02), []
    for _ in range(12):
        loss = CrossEntropy()(model, batch)
        optimizer.zero_grad()
        loss.total.backward()
        assert all(each.grad is None or each.grad.isfinite().all() for each in model.parameters())
        optimizer.step()
        losses.append(loss.total.item())
    assert losses[-1] < 0.8 * losses[0]


def test_nan_at_padding_changes_nothing() -> None:
    pointer, features, weights = layer(), torch.randn(2, 3, 3), torch.full((2, 3, 4), 0.25)
    weights[1] = torch.tensor([0.5, 0.25, 0.25, 0.0])
    values = torch.randn(2, 4, 5)
    clean = pointer.logits(read_of(pointer, features, weights, values, SOURCE))
    values[1, 3] = torch.nan
    assert torch.equal(pointer.logits(read_of(pointer, features, weights, values, SOURCE)), clean)


def test_a_memory_without_target_numbers_is_refused() -> None:
    pointer, values = layer(), torch.zeros(2, 4, 5)
    memory = Memory(values, values, torch.ones(2, 4, dtype=torch.bool), values[:, 0], one_each(2, 4))
    with pytest.raises(
        ValueError, match=r"^PointerGenerator\.begin: memory\.source has shape None; expected \(2, 4, 2\)"
    ):
        pointer.begin(memory)


PARTS = {
    "data": {
        "source": {"kind": "several", "parts": {"lemma": {"tokenizer": "characters"}, "tags": {"tokenizer": "tags"}}}
    },
    "model": {"encoder": {"kind": "several", "parts": {"lemma": {"hidden_size": 6}, "tags": {"kind": "bag"}}}},
}


@torch.inference_mode()
def test_of_a_lemma_and_its_tags_only_letters_of_the_lemma_are_copied_and_new_ones_too() -> None:
    encoder = {**PARTS["model"]["encoder"], "joined": ["tags"]}
    target = {"tokenizer": "characters", "vocab_size": 300}
    model_keys = {"embedding_size": 8, "encoder": encoder, "decoder": {"hidden_size": 8}, "output": {"kind": "copy"}}
    config = parse({"data": {**PARTS["data"], "target": target}, "model": model_keys}, "recipe")
    lines = ["haus\tN;a;s", "bжбж\ta", "ua\t"]
    letters = Tokenizer.train("characters", ["haus"], 300)
    source = copied_from(config.data.source.learn(lambda: lines), letters)
    model = build_model(config.model, source, letters.size, barred=UNKNOWN).eval()
    model.tokens.output.gate.bias.fill_(-1e4)  # nothing is generated
    values = [source.encode(line) for line in lines]
    batch = teacher_forced(*padded(source, values), [[4], [4], [4]])
    weights, probs = model(batch).weights, model.logits(model(batch)).exp()
    for row, (line, tokens) in enumerate(zip(lines, values, strict=True)):
        lemma, vocabulary = line.split("\t")[0], source.target_of(line, tokens)
        for letter in lemma:
            (number,) = vocabulary.ids(letter)
            looked = sum(weights[row, 0, at].item() for at, other in enumerate(lemma) if other == letter)
            assert probs[row, 0, number].item() == pytest.approx(looked, abs=1e-5)
        assert probs[row].sum().item() == pytest.approx(1.0, abs=1e-5)


SYMBOLS, SPACED = {"tokenizer": "symbols"}, {"tokenizer": "spaced_bpe"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"decoder": {"kind": "fixed"}}}, "another decoder than fixed, which looks at no position"),
        (
            {"data": {"source": {"kind": "recording"}}},
            "data.source.kind text for recording, which is no text",
        ),
        ({"training": {"ctc": 0.3}}, "training.ctc 0 for 0.3: CTC has no label for a copied word"),
        ({"data": {"source": SYMBOLS}}, "tokeniser symbols on both sides or on neither, for symbols and bpe"),
        ({"data": {"source": SPACED, "target": SPACED}}, "data.joint true with spaced_bpe, whose pieces are copied as"),
        (PARTS, "model.encoder.joined to name all parts but lemma, the first, which is copied from"),
        ({"model": {"encoder": {"kind": "pyramidal"}}}, "another encoder than pyramidal, whose positions are several"),
    ],
)
def test_what_cannot_be_copied_is_refused(values: dict[str, Any], message: str) -> None:
    model = {"output": {"kind": "copy"}, **values.get("model", {})}
    with pytest.raises(UsageError, match=f"model.output is copy; expected {message}"):
        parse({**values, "model": model}, "recipe")
