"""Each mechanism against its equation, written out once more in the plainest way."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from mechanisms import BATCH, KEY, QUERY, SOURCE, TARGET, VALUE
from torch import Tensor, nn

from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.cosine import CosineScore
from regard.attention.history import History
from regard.attention.local import LocalMWindow, LocalPWindow
from regard.attention.location import LocationScore
from regard.attention.location_sensitive import LocationSensitiveScore
from regard.attention.monotonic import Monotonic
from regard.attention.source import Source


def draw(*sizes: int, seed: int = 1) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def ready(attention: Attention) -> tuple[Source, Tensor]:
    """A source of which all is real, and a query."""
    source = attention.prepare(
        draw(BATCH, SOURCE, KEY), draw(BATCH, SOURCE, VALUE, seed=2), torch.ones(BATCH, SOURCE, dtype=torch.bool)
    )
    return source, draw(BATCH, TARGET, QUERY, seed=3)


# Scores


def test_location_sensitive_reads_a_convolution_over_the_step_before() -> None:
    attention = build_attention(QUERY, KEY, score="location_sensitive", options={"location_sensitive": {"width": 3}})
    attention = attention.double()
    score, keys = attention.score, draw(BATCH, SOURCE, KEY)
    source, query = ready(attention)
    weights = attention(query, source, attention.begin(source)).weights
    for batch in range(BATCH):
        before = torch.zeros(SOURCE).double()
        for target in range(TARGET):
            scores = []
            for position in range(SOURCE):
                around = nn.functional.pad(before, (1, 1))[position : position + 3]
                location = score.project_location.weight @ (score.convolve.weight.squeeze(1) @ around)
                hidden = score.project_query.weight @ query[batch, target] + location
                hidden = hidden + score.project_key.weight @ keys[batch, position] + score.project_key.bias
                scores.append(score.energy.weight[0] @ hidden.tanh())
            before = torch.softmax(torch.stack(scores), 0)
            torch.testing.assert_close(weights[batch, target], before)


def test_coverage_reads_what_each_position_has_had_over_its_fertility() -> None:
    attention = build_attention(QUERY, KEY, score="coverage", options={"coverage": {"max_fertility": 3.0}}).double()
    score, keys = attention.score, draw(BATCH, SOURCE, KEY)
    source, query = ready(attention)
    attended = attention(query, source, attention.begin(source))
    had = torch.zeros(BATCH, SOURCE).double()
    for target in range(TARGET):
        coverage = had / (3 * torch.sigmoid(keys @ score.fertility.weight[0]))
        hidden = (query[:, target] @ score.project_query.weight.T).unsqueeze(1) + keys @ score.project_key.weight.T
        hidden = hidden + coverage.unsqueeze(-1) * score.project_coverage.weight[:, 0]
        weights = torch.softmax(hidden.tanh() @ score.energy.weight[0], -1)
        torch.testing.assert_close(attended.weights[:, target], weights)
        had = had + weights
    torch.testing.assert_close(attended.history.total, had)


def test_what_is_remembered_is_never_changed_in_place() -> None:
    attention = build_attention(QUERY, KEY, score="coverage").double()
    source, query = ready(attention)
    first = attention.begin(source)
    second = attention(query[:, :1], source, first).history
    kept = second.total.clone()
    attention(query[:, 1:], source, second)
    assert torch.equal(second.total, kept)
    assert not first.total.any()


def test_location_ignores_words_behind_the_longest_source() -> None:
    attention = build_attention(QUERY, KEY, score="location", options={"location": {"max_source": 3}}).double()
    source, query = ready(attention)
    weights = attention(query, source, attention.begin(source)).weights
    assert (weights[..., 3:] == 0).all()
    torch.testing.assert_close(weights[..., :3], torch.softmax(query @ attention.score.project_query.weight.T, -1))


def test_location_asks_nothing_of_the_keys() -> None:
    score = LocationScore(QUERY, KEY).double()
    query, history = draw(BATCH, TARGET, QUERY), History.start(torch.zeros(BATCH, 0))
    first, second = (score(query, score.prepare(draw(BATCH, SOURCE, KEY, seed=each)), history) for each in (1, 2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_cosine_of_zeros_is_zero_in_every_precision(dtype: torch.dtype) -> None:
    score = CosineScore(3, 3).to(dtype)
    keys = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]], dtype=dtype).requires_grad_()
    scores = score(torch.ones(1, 1, 3, dtype=dtype), score.prepare(keys), History.start(torch.zeros(1, 0)))
    scores.sum().backward()
    assert scores[0, 0, 0] == 0
    assert keys.grad is not None
    assert keys.grad.isfinite().all()


def test_cosine_does_not_ask_how_long_vectors_are() -> None:
    score = CosineScore(QUERY, QUERY, strength=2.0).double()
    query, keys, history = draw(1, TARGET, QUERY), draw(1, SOURCE, QUERY, seed=2), History.start(torch.zeros(1, 0))
    first, second = score(query, score.prepare(keys), history), score(3 * query, score.prepare(7 * keys), history)
    torch.testing.assert_close(first, second)
    expected = 2 * torch.cosine_similarity(query.unsqueeze(2), keys.unsqueeze(1), dim=-1)
    torch.testing.assert_close(first, expected)


# Windows


def source_of(length: int, total: int) -> Source:
    mask = (torch.arange(total) < length).unsqueeze(0)
    return Source(torch.zeros(1, total, 0), torch.zeros(1, total, 1), mask)


def test_local_m_follows_the_step_and_stays_on_the_last_word() -> None:
    window, source = LocalMWindow(radius=2), source_of(7, 11)
    visible, gain = window(torch.zeros(1, 13, 1), source, History.start(torch.zeros(1, 0)))
    assert gain is None
    for step in range(13):
        centre = min(step, 6)
        expected = [abs(position - centre) <= 2 and position < 7 for position in range(11)]
        assert visible[0, step].tolist() == expected


def test_local_p_is_a_gaussian_around_the_prediction() -> None:
    window, source, query = LocalPWindow(QUERY, radius=3), source_of(7, 11), draw(1, TARGET, QUERY).float()
    visible, gain = window(query, source, History.start(torch.zeros(1, 0)))
    centres = 7 * torch.sigmoid(torch.tanh(query @ window.project_query.weight.T) @ window.energy.weight[0])
    for target, centre in enumerate(centres[0]):
        for position in range(11):
            near = abs(position - centre) <= 3 and position < 7
            assert visible[0, target, position] == near
            expected = torch.exp(-((position - centre) ** 2) / (2 * (3 / 2) ** 2))
            torch.testing.assert_close(gain[0, target, position], expected)


def test_local_p_predicts_far_positions_in_half_precision() -> None:
    window, source = LocalPWindow(1, radius=2).bfloat16(), source_of(1000, 1000)
    with torch.no_grad():
        window.project_query.weight.fill_(1e4)
        window.energy.weight.fill_(2.0)
    _, gain = window(torch.ones(1, 1, 1).bfloat16(), source, History.start(torch.zeros(1, 0)))
    share = torch.sigmoid(torch.tensor(2.0).bfloat16()).float()
    assert gain.argmax() == round(float(1000 * share))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LocalMWindow(radius=0), r"^LocalMWindow: radius is 0; expected 1 or more\."),
        (lambda: LocalPWindow(3, radius=0), r"^LocalPWindow: radius is 0; expected 1 or more\."),
        (lambda: LocationScore(3, 3, max_source=0), r"^LocationScore: max_source is 0; expected 1 or more\."),
        (
            lambda: LocationSensitiveScore(3, 3, width=4),
            r"^LocationSensitiveScore: width is 4; expected an odd",
        ),
        (lambda: CosineScore(3, 3, strength=-1.0), r"^CosineScore: strength is -1.0; expected more than 0\."),
    ],
)
def test_options_out_of_range(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# Monotonic


def enumerate_walks(stop: Tensor) -> Tensor:
    """The expected alignment (target, source) of the walk of Raffel 2017, section 2.2, over every sequence of coins."""
    targets, length = stop.shape
    expected = torch.zeros(targets, length, dtype=torch.double)
    for ends in product(range(length + 1), repeat=targets):  # `length` stands for having run past the end
        probability, position = torch.ones((), dtype=torch.double), 0
        for target, end in enumerate(ends):
            if end < position:
                probability = probability * 0
                break
            for passed in range(position, min(end, length)):
                probability = probability * (1 - stop[target, passed])
            if end < length:
                probability = probability * stop[target, end]
            position = end
        for target, end in enumerate(ends):
            if end < length:
                expected[target, end] += probability
    return expected


def monotonic(scores: Tensor, select: Monotonic) -> Tensor:
    history, weights = History.start(torch.zeros(len(scores), scores.size(2)).to(scores)), []
    for target in range(scores.size(1)):
        visible = torch.ones(len(scores), 1, scores.size(2), dtype=torch.bool)
        weights.append(select(scores[:, target : target + 1], visible, history).weights)
        history = replace(history, step=history.step + 1, previous=weights[-1].squeeze(1))
    return torch.cat(weights, 1)


def test_expected_alignment_is_that_of_all_walks() -> None:
    scores = 2 * draw(BATCH, TARGET, SOURCE)
    weights = monotonic(scores, Monotonic(offset=-0.5, noise=0.0).double())
    for batch in range(BATCH):
        torch.testing.assert_close(weights[batch], enumerate_walks(torch.sigmoid(scores[batch] - 0.5)))


def test_hard_alignment_is_the_walk() -> None:
    scores = draw(53, TARGET, SOURCE)
    weights = monotonic(scores, Monotonic(offset=0.0).double().eval())
    for batch, target in product(range(53), range(TARGET)):
        position: int | None = 0
        for step in range(target + 1):
            ahead = [] if position is None else range(position, SOURCE)
            position = next((each for each in ahead if scores[batch, step, each] > 0), None)
        assert weights[batch, target].tolist() == [float(each == position) for each in range(SOURCE)]


def test_large_scores_make_the_expected_alignment_the_hard_one() -> None:
    scores = 1e4 * draw(BATCH, TARGET, SOURCE)
    hard = monotonic(scores, Monotonic().eval())
    torch.testing.assert_close(monotonic(scores, Monotonic(noise=1.0).train()), hard)


def test_expected_alignment_keeps_its_gradient_over_long_sources() -> None:
    """Where the quotient of cumulative products is 0 / 0: hundreds of positions, each very likely passed or taken."""
    scores = (20 * draw(1, 2, 997).float()).requires_grad_()
    weights = monotonic(scores, Monotonic(noise=0.0))
    weights[0, 1].square().sum().backward()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert (weights.sum(-1) <= 1 + 1e-5).all()
