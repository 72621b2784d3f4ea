"""CTC prefix scores and joint decoding against all labellings, one by one."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from toy_table import ToyTable, at_most

from regard.errors import RegardError
from regard.marks import BEGIN, BLANK, END, PAD
from regard.search.beam import beam
from regard.search.ctc import CtcPrefixes, best_path
from regard.search.forced import force
from regard.search.greedy import greedy
from regard.search.joint import JointState, JointStep

SYMBOLS, POSITIONS = 3, 5
TOKENS = list(range(END + 1, END + 1 + SYMBOLS))
LENGTHS = [5, 3, 1]
VOCAB = END + 1 + SYMBOLS
STRINGS = [string for size in range(4) for string in itertools.product(TOKENS, repeat=size)]


def labels(seed: int = 0, lengths: list[int] = LENGTHS, spread: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(len(lengths), max(lengths), SYMBOLS + 1, generator=generator, dtype=torch.double) * spread
    padding = torch.arange(scores.size(1)) >= torch.tensor(lengths).unsqueeze(1)
    return scores.log_softmax(-1).masked_fill(padding.unsqueeze(2), torch.nan)


def all_outputs(log_probs: Tensor, length: int) -> dict[tuple[int, ...], float]:
    """The probability of every output: the sum over all its labellings."""
    probs, outputs = log_probs.exp(), dict[tuple[int, ...], float]()
    for labelling in itertools.product(range(SYMBOLS + 1), repeat=length):
        output = tuple(label + END for label, _ in itertools.groupby(labelling) if label != BLANK)
        share = math.prod(float(probs[t, label]) for t, label in enumerate(labelling))
        outputs[output] = outputs.get(output, 0.0) + share
    return outputs


def prefix_of(outputs: dict[tuple[int, ...], float], prefix: tuple[int, ...]) -> float:
    return sum(share for output, share in outputs.items() if output[: len(prefix)] == prefix)


def follow(prefixes: CtcPrefixes, string: tuple[int, ...]) -> CtcPrefixes:
    """Every row with the same tokens more."""
    for token in string:
        prefixes = prefixes.extend(torch.full_like(prefixes.last, token))
    return prefixes


def lengths() -> Tensor:
    return torch.tensor(LENGTHS)


def test_prefix_scores_are_the_sums_over_all_labellings() -> None:
    """Of all strings up to length 3, for three lengths of the source in one batch, in float64."""
    log_probs = labels()
    each = [all_outputs(log_probs[row], length) for row, length in enumerate(LENGTHS)]
    start = CtcPrefixes.start(log_probs, lengths())
    for string in STRINGS:
        prefixes = follow(start, string)
        scores = prefixes.scores(torch.tensor([[*TOKENS, END]]).expand(3, -1))
        for row, outputs in enumerate(each):
            whole = prefix_of(outputs, string)
            if not whole:
                assert (scores[row] <= 0).all()
                assert scores[row].isfinite().all()
                continue
            assert float(prefixes.log_prob[row]) == pytest.approx(math.log(whole), abs=1e-9)
            for place, token in enumerate(TOKENS):
                share = prefix_of(outputs, (*string, token)) / whole
                assert float(scores[row, place].exp()) == pytest.approx(share, rel=1e-9, abs=1e-200)
            assert float(scores[row, -1].exp()) == pytest.approx(outputs.get(string, 0.0) / whole, rel=1e-9, abs=1e-200)


@pytest.mark.parametrize("spread", [0.0, 2.0, 300.0])
def test_scores_are_the_logarithms_of_a_distribution(spread: float) -> None:
    """Also behind 60 positions, and where nearly everything is impossible."""
    log_probs = labels(seed=1, lengths=[60, 17], spread=spread)
    prefixes, choices = CtcPrefixes.start(log_probs, torch.tensor([60, 17])), torch.tensor([[END, *TOKENS]] * 2)
    for _ in range(9):
        scores = prefixes.scores(choices)
        torch.testing.assert_close(scores.exp().sum(1), torch.ones(2, dtype=torch.double))
        prefixes = prefixes.extend(choices[:, 1:].gather(1, scores[:, 1:].argmax(1, keepdim=True)).squeeze(1))


def test_scores_in_float32_are_finite_and_near_those_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """What mps computes with; behind 60 positions, also where nearly everything is impossible."""
    for spread in (2.0, 300.0):
        log_probs, tokens = labels(seed=1, lengths=[60, 17], spread=spread), torch.tensor([[END, *TOKENS]] * 2)
        found = []
        for dtype in (torch.float64, torch.float32):
            monkeypatch.setattr("regard.search.ctc.precise", lambda tensor, dtype=dtype: tensor.to(dtype))
            prefixes = follow(CtcPrefixes.start(log_probs, torch.tensor([60, 17])), (3, 4))
            scores = prefixes.scores(tokens)
            assert scores.dtype == dtype
            assert scores.isfinite().all()
            found.append(scores.double().exp())
        torch.testing.assert_close(*found, atol=1e-4, rtol=0)


def test_the_whole_is_what_torch_says() -> None:
    """ψ along a string and its end: the CTC loss."""
    log_probs = labels(seed=2, lengths=[41])
    string = (3, 3, 4, 5, 5, 5, 3)
    prefixes = follow(CtcPrefixes.start(log_probs, torch.tensor([41])), string)
    found = prefixes.log_prob + prefixes.scores(torch.tensor([[END]]))[0]
    cost = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), torch.tensor([string]) - END, (41,), (len(string),), reduction="none"
    )
    torch.testing.assert_close(found, -cost)


def test_rows_are_each_their_own() -> None:
    """Select, join and the begin mark: rows of two batches at different places are what they are alone, unpadded."""
    one, two = labels(seed=3), labels(seed=4, lengths=[7, 2])
    first = follow(CtcPrefixes.start(one, lengths()), (3,)).select(torch.tensor([2, 0, 0]))
    second = CtcPrefixes.start(two, torch.tensor([7, 2])).select(torch.tensor([1]))
    for together in (first.join(second), second.join(first).select(torch.tensor([1, 2, 3, 0]))):
        together = together.extend(torch.tensor([4, 4, 5, BEGIN])).extend(torch.tensor([4, 3, 3, 5]))
        scores = together.scores(torch.tensor([[*TOKENS, END]]).expand(4, -1))
        alone = [(one, 2, 1, (3, 4, 4)), (one, 0, 5, (3, 4, 3)), (one, 0, 5, (3, 5, 3)), (two, 1, 2, (5,))]
        for row, (log_probs, source, length, string) in enumerate(alone):
            given = log_probs[source : source + 1, :length]
            expected = follow(CtcPrefixes.start(given, torch.tensor([length])), string)
            assert float(together.log_prob[row]) == pytest.approx(float(expected.log_prob[0]))
            torch.testing.assert_close(scores[row], expected.scores(torch.tensor([[*TOKENS, END]]))[0])
    assert len(first.join(second).probs) == 3  # the source between them is no row's any more


def joint(weight: float, seed: int, candidates: int = 64) -> tuple[ToyTable, JointStep, JointState, Tensor]:
    table, log_probs = ToyTable(LENGTHS, vocab=VOCAB, seed=seed), labels(seed)
    state = JointState(table.begin(), CtcPrefixes.start(log_probs, lengths()))
    return table, JointStep(table.step, weight, candidates), state, log_probs


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_of_ctc_alone_finds_the_most_probable_outputs(seed: int) -> None:
    """The three best of all outputs, with their probabilities, whatever the decoder says."""
    _, step, state, log_probs = joint(1.0, seed)
    found = beam(step, state, lengths(), size=400, nbest=3, limit=at_most(POSITIONS + 1))
    for row, length in enumerate(LENGTHS):
        outputs = all_outputs(log_probs[row], length)
        best = sorted(outputs, key=lambda output: -outputs[output])[:3]
        assert [hypothesis.tokens for hypothesis in found[row]] == [(*output, END) for output in best]
        for hypothesis, output in zip(found[row], best, strict=True):
            assert hypothesis.log_prob == pytest.approx(math.log(outputs[output]), abs=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_a_wide_joint_beam_finds_the_best_of_all_outputs(weight: float) -> None:
    table, step, state, log_probs = joint(weight, 7)
    (found,) = zip(*beam(step, state, lengths(), size=400, limit=at_most(POSITIONS + 1)), strict=True)
    for row, length in enumerate(LENGTHS):
        shares = all_outputs(log_probs[row], length)
        scores = {
            output: (1 - weight) * table.follow(row, output)[0] + weight * math.log(shares.get(output[:-1], 1e-300))
            for output in table.outputs(POSITIONS + 1)
        }
        best = max(scores, key=lambda output: scores[output])
        assert found[row].tokens == best
        assert found[row].log_prob == pytest.approx(scores[best], abs=1e-4)


def test_every_search_reports_the_same_score() -> None:
    """Greedy search is a beam of one, and a target that is given scores what it did when it was found."""
    _, step, state, _ = joint(0.4, 5)
    found = greedy(step, state, lengths(), limit=at_most(9))
    for one, (other,) in zip(found, beam(step, state, lengths(), size=1, limit=at_most(9)), strict=True):
        assert one.tokens == other.tokens
    for width in (1, 4):
        given = [group[0] for group in beam(step, state, lengths(), size=width, limit=at_most(9))]
        for one, other in zip(given, force(step, state, lengths(), [each.tokens for each in given]), strict=True):
            assert other.log_prob == pytest.approx(one.log_prob, abs=1e-5)
            assert abs(other.weights - one.weights).max() < 1e-6


def test_later_sentences_get_what_they_would_get_alone() -> None:
    table, step, _, log_probs = joint(0.5, 6)

    def state(rows: list[int]) -> JointState:
        prefixes = CtcPrefixes.start(log_probs, lengths()).select(torch.tensor(rows))
        return JointState(table.begin(rows), prefixes)

    later = [(state([row]), lengths()[row : row + 1]) for row in (1, 2)]
    found = beam(step, state([0]), lengths()[:1], size=3, limit=at_most(7), later=later)
    for row, (hypothesis,) in enumerate(found):
        ((alone,),) = beam(step, state([row]), lengths()[row : row + 1], size=3, limit=at_most(7))
        assert hypothesis.tokens == alone.tokens
        assert hypothesis.log_prob == pytest.approx(alone.log_prob, abs=1e-5)


def test_few_candidates_are_the_best_of_the_decoder_and_the_end() -> None:
    table, step, state, _ = joint(0.5, 8, candidates=1)
    begin = torch.full((3,), BEGIN)
    logits, best = step(begin, state).logits, table.step(begin, table.begin()).logits[:, END + 1 :].argmax(1) + END + 1
    full = JointStep(table.step, 0.5)(begin, state).logits
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(3, dtype=torch.double))
    for row in range(3):
        kept = [END, int(best[row])]
        torch.testing.assert_close(logits[row, kept], full[row, kept])
        assert [token for token in range(VOCAB) if logits[row, token] > -torch.inf] == [PAD, *kept]


def test_what_the_decoder_may_not_say_is_not_said() -> None:
    table, step, state, _ = joint(1.0, 9)
    table.logits[..., 4] = -torch.inf
    assert (step(torch.full((3,), BEGIN), state).logits[:, 4] == -torch.inf).all()


def test_labels_that_are_no_distribution_are_refused() -> None:
    log_probs = labels()
    log_probs[1, 2] = torch.nan
    with pytest.raises(RegardError, match=r"sentence 1 of the batch .* is not a distribution"):
        CtcPrefixes.start(log_probs, lengths())


def test_the_best_path_merges_and_leaves_blanks_out() -> None:
    rows = [[0, 1, 1, 0, 1, 2, 2], [3, 3, 3, 0, 0, 1, 2], [0, 0, 0, 1, 1, 1, 1]]
    log_probs = torch.nn.functional.one_hot(torch.tensor(rows), SYMBOLS + 1).double()
    assert best_path(log_probs, torch.tensor([7, 4, 2])) == [[3, 3, 4], [5], []]


def test_arguments_of_a_joint_step() -> None:
    table = ToyTable(LENGTHS, vocab=VOCAB)
    with pytest.raises(ValueError, match=r"ctc_weight is 1\.5; expected 0 ≤ ctc_weight ≤ 1"):
        JointStep(table.step, 1.5)
    with pytest.raises(ValueError, match="candidates is 0; expected at least 1"):
        JointStep(table.step, 0.5, 0)
