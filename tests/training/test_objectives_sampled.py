"""The score-function objective: its formula, its baseline, and its gradient against the exact one by enumeration."""

from itertools import product

import pytest
import torch
from small_run import make_batch
from torch import Tensor, nn
from torch.nn import functional as F

from regard.attention import SELECTIONS
from regard.attention.history import History
from regard.attention.select import Selected
from regard.config import parse
from regard.data.batch import BEGIN, END, Batch
from regard.data.text import Vocabulary
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.training.objective import CrossEntropy
from regard.training.score_function import ScoreFunction

DECODERS = {
    "luong": {"kind": "luong"},
    "luong-fed": {"kind": "luong", "input_feeding": True},
    "bahdanau": {"kind": "bahdanau"},
    "conditional": {"kind": "conditional", "cell": "lstm"},
    "luong-coverage": {"kind": "luong"},
}
SOURCE, TARGET = 3, 2


def hard_model(name: str, select: str = "hard", vocabulary: int = 13) -> EncoderDecoder:
    """A model of a few hundred weights, drawn wide enough that its choices matter."""
    score = "coverage" if name == "luong-coverage" else "additive"
    values = {
        "embedding_size": 3,
        "encoder": {"hidden_size": 2},
        "decoder": {"hidden_size": 4, **DECODERS[name]},
        # Paths are counted over all positions, the end mark among them.
        "attention": {"score": score, "select": select, "options": {"hard": {"expectation": 0.0}}, "end": True},
    }
    torch.manual_seed(7)
    model = build_model(parse({"model": values}, "test").model, Vocabulary(vocabulary), vocabulary).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight))
    return model


def one_pair(copies: int) -> Batch:
    """The same pair of three source and two target tokens, many times."""
    source, targets = torch.tensor([[5, 11, END]]), torch.tensor([[7, END]])
    inputs = torch.tensor([[BEGIN, 7]])
    rows = [part.repeat(copies, 1) for part in (source, source > 0, inputs, targets, targets > 0)]
    return Batch(*rows, torch.arange(copies))


class Forced(nn.Module):
    """A selection that takes the paths that it is given, one per row, and says how probable they are."""

    sequential, timed, random = False, True, False

    def __init__(self, paths: Tensor) -> None:
        super().__init__()
        self.paths = paths

    def forward(self, scores: Tensor, visible: Tensor, history: History) -> Selected:
        log_probs = scores.log_softmax(-1)
        chosen = self.paths.gather(1, history.positions(scores.size(1))).unsqueeze(-1)
        weights = torch.zeros_like(scores).scatter(-1, chosen, 1.0)
        return Selected(weights, log_probs.gather(-1, chosen).squeeze(-1), -(log_probs.exp() * log_probs).sum(-1))


def exact_gradient(model: EncoderDecoder, entropy: float, smoothing: float) -> Tensor:
    """Of the expected cross-entropy, by the sum over all paths; and the expected gradient of the entropies."""
    paths = torch.tensor(list(product(range(SOURCE), repeat=TARGET)))
    sampling, model.decoder.attention.select = model.decoder.attention.select, Forced(paths)
    batch = one_pair(len(paths))
    unrolled = model(batch)
    logits = model.logits(unrolled).transpose(1, 2)
    losses = F.cross_entropy(logits, batch.targets, reduction="none", label_smoothing=smoothing).sum(1)
    probs = unrolled.log_prob.sum(1).exp()
    torch.testing.assert_close(probs.sum(), torch.ones_like(probs.sum()))
    total = (probs * losses).sum() - entropy * (probs.detach() * unrolled.entropy.sum(1)).sum()
    model.decoder.attention.select = sampling
    return flat(torch.autograd.grad(total, list(model.parameters()), materialize_grads=True))


def flat(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


@pytest.mark.parametrize(
    ("name", "carries", "smoothing"),
    [(name, name != "luong", 0.0) for name in DECODERS] + [("luong", True, 0.0), ("luong-fed", True, 0.3)],
)
def test_the_gradient_is_unbiased(name: str, carries: bool, smoothing: float) -> None:
    """The mean over many samples is the exact gradient, within five standard errors of each of its numbers."""
    model, rounds, copies = hard_model(name).train(), 40, 400
    assert model.decoder.carries == (name != "luong")
    expected = exact_gradient(model, 0.3, smoothing)
    objective = ScoreFunction(smoothing, entropy=0.3, carries=carries)
    batch, found = one_pair(copies), []
    for _ in range(rounds):
        loss = objective(model, batch).total / copies
        found.append(flat(torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)))
    gradients = torch.stack(found)
    error = gradients.std(0) / rounds**0.5
    exact = error < 1e-12  # what no choice reaches, as the embeddings of absent tokens
    torch.testing.assert_close(gradients.mean(0)[exact], expected[exact])
    assert ((gradients.mean(0) - expected) / error)[~exact].abs().max() < 5
    assert error.norm() < 0.1 * expected.norm()  # so that the test could see a wrong gradient


def by_hand(model: EncoderDecoder, batch: Batch, objective: ScoreFunction) -> tuple[Tensor, Tensor]:
    """The total and the mean cross-entropy, token by token."""
    unrolled = model(batch)
    log_probs = model.logits(unrolled).log_softmax(-1)
    losses = -log_probs.gather(-1, batch.targets.unsqueeze(-1)).squeeze(-1)
    total = torch.zeros(())
    for row, length in enumerate(batch.target_mask.sum(1).tolist()):
        for t in range(length):
            later = range(t, length) if objective.carries else [t]
            cost = sum(losses[row, u].detach() - objective.baseline for u in later)
            total = total + losses[row, t] + objective.reinforce * cost * unrolled.log_prob[row, t]
            total = total - objective.entropy * unrolled.entropy[row, t]
    return total.float(), losses[batch.target_mask].mean().float()


@pytest.mark.parametrize("carries", [True, False])
def test_total_and_baseline_are_the_formula(carries: bool) -> None:
    """Over rows of unequal length, and with a baseline that moves only after it was used."""
    model = hard_model("luong-fed").train()
    objective = ScoreFunction(reinforce=0.7, entropy=0.3, baseline=0.9, carries=carries)
    for seed in (1, 2, 3):
        batch, before = make_batch([(3, 5), (5, 2), (2, 1)], seed), objective.baseline.clone()
        torch.manual_seed(seed)
        total, mean = by_hand(model, batch, objective)
        torch.manual_seed(seed)
        loss = objective(model, batch)
        torch.testing.assert_close(loss.total.float(), total)
        torch.testing.assert_close(loss.nll.float() / 8, mean)
        assert loss.tokens == 8
        assert not loss.nll.requires_grad
        torch.testing.assert_close(objective.baseline, 0.9 * before + 0.1 * mean.detach())
    assert objective.baseline > 0.1


def test_the_loss_that_is_reported_has_no_smoothing() -> None:
    model, batch = hard_model("luong").train(), make_batch([(3, 5), (5, 2)], seed=1)
    reported = []
    for smoothing in (0.0, 0.3):
        torch.manual_seed(1)
        reported.append(ScoreFunction(smoothing)(model, batch).nll)
    torch.testing.assert_close(*reported)


def test_padding_and_company_change_no_gradient() -> None:
    model, batch = hard_model("bahdanau").train(), make_batch([(3, 5), (5, 2)], seed=1)
    noisy = Batch(
        batch.source.masked_fill(~batch.source_mask, 7),
        batch.source_mask,
        batch.inputs.masked_fill(~batch.target_mask, 7),
        batch.targets.masked_fill(~batch.target_mask, 7),
        batch.target_mask,
        batch.order,
    )
    gradients = []
    for given in (batch, noisy):
        torch.manual_seed(1)
        total = ScoreFunction(entropy=0.3)(model, given).total
        gradients.append(flat(torch.autograd.grad(total, list(model.parameters()), materialize_grads=True)))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("select", [name for name in SELECTIONS if not getattr(SELECTIONS[name], "sampled", False)])
def test_where_nothing_is_sampled_it_is_the_cross_entropy(select: str) -> None:
    model, batch = hard_model("luong", select).train(), make_batch([(3, 5), (5, 2)], seed=1)
    totals = []
    for objective in (CrossEntropy(0.1), ScoreFunction(0.1, reinforce=3.0, entropy=3.0)):
        torch.manual_seed(1)
        totals.append(objective(model, batch).total)
    torch.testing.assert_close(*totals)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"smoothing": 1.0}, r"ScoreFunction: smoothing is 1.0; expected 0 ≤ smoothing < 1"),
        ({"reinforce": -1.0}, r"reinforce is -1.0 and entropy is 0.002; expected both 0 or more. Try 1 and"),
        ({"entropy": -0.5}, r"reinforce is 1.0 and entropy is -0.5; expected both 0 or more"),
        ({"baseline": 1.0}, r"ScoreFunction: baseline is 1.0; expected 0 ≤ baseline < 1. Try 0.9"),
    ],
)
def test_weights_out_of_range_are_refused(choices: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScoreFunction(**choices)
