"""A search in compiled code finds what one finds that asks for every step, to the last bit."""

from typing import Any

import models
import pytest
import torch

from regard.compiled import beam_steps, token_cache
from regard.compiled.freeze import frozen
from regard.data.batch import END
from regard.errors import RegardError
from regard.search.beam import beam
from regard.search.greedy import greedy
from regard.search.hypothesis import Hypothesis
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import Reader, Started

DECODERS: dict[str, dict[str, Any]] = {
    "luong": {"kind": "luong"},
    "unfed": {"kind": "luong", "input_feeding": False},
    "lstm": {"kind": "luong", "cell": "lstm"},
    "conditional": {"kind": "conditional"},
}
LENGTHS = [(5, 3), (1, 7), (3, 1), (7, 5), (2, 2), (6, 1), (9, 1), (1, 1), (4, 1)] * 2
ENTERING = 4
"""Sentences at a time."""
LIMIT = LengthLimit(1.0, 9)


@pytest.fixture(autouse=True)
def _compiled() -> None:
    if beam_steps.kernels().library is None:
        pytest.skip("nothing is compiled")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sentences that each call of compiled code was given."""
    counts: list[int] = []
    steps = beam_steps.beam_steps

    def counted(model: Any, live: Any, *others: Any) -> Any:
        counts.append(len(live.sentences))
        return steps(model, live, *others)

    for module in ("output_step", "shortlist_step"):
        monkeypatch.setattr(f"regard.compiled.{module}.beam_steps", counted)
    return counts


def read(name: str, listed: bool, eager: float = 1.0) -> list[Started]:
    """Groups of sentences that a prepared model has read."""
    model = models.small_model(models.recipe(DECODERS[name]))
    with torch.no_grad():
        model.decoder.tokens.output.weight.mul_(4)
        model.decoder.tokens.output.bias[END] += eager  # so that outputs end at different times
    batch = models.batch_of(LENGTHS)
    return list(readers(frozen(model), listed).read(batch.source, batch.source_mask, ENTERING))


def readers(model: Any, listed: bool) -> Reader:
    """Of one model, which may use a few words of each source if it is `listed`."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(4, models.TARGET_VOCABULARY, (5 * models.SOURCE_VOCABULARY,), generator=generator)
    starts = torch.arange(models.SOURCE_VOCABULARY + 1) * 5
    some = Shortlist(torch.tensor([7, 11]), starts, targets, models.TARGET_VOCABULARY)
    return Reader([model], [some] if listed else [])


def searched(begun: list[Started], wrap: Any = lambda step: step, **options: Any) -> list[list[Hypothesis]]:
    """What a beam finds; the first group is there from the beginning."""
    first, later = begun[0], ((each.state, each.lengths) for each in begun[1:])
    with torch.inference_mode():
        return beam(wrap(first.step), first.state, first.lengths, limit=LIMIT, later=later, **options)


def same(found: list[list[Hypothesis]], expected: list[list[Hypothesis]]) -> None:
    assert [len(each) for each in found] == [len(each) for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one.tokens, one.log_prob, one.score) == (other.tokens, other.log_prob, other.score)
            assert (one.weights == other.weights).all()


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("listed", [False, True], ids=["whole", "listed"])
@pytest.mark.parametrize(("size", "nbest", "alpha"), [(1, 1, 0.0), (3, 1, 1.0), (5, 5, 0.6), (40, 7, 0.0)])
def test_they_are_the_same(
    name: str, listed: bool, size: int, nbest: int, alpha: float, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is room for few steps in a call, or one, and for few tokens in the tables."""
    options = {"size": size, "nbest": nbest, "length_normalization": alpha}
    expected = searched(read(name, listed), models.Single, **options)
    assert not calls
    for steps, rows, looked in ((16, 4096, 1 << 22), (2, 1, 1 << 22), (16, 4096, 1)):
        monkeypatch.setattr(beam_steps, "MAX_STEPS", steps)
        monkeypatch.setattr(beam_steps, "MAX_WEIGHTS", looked)
        monkeypatch.setattr(token_cache, "ROWS", rows)
        same(searched(read(name, listed), **options), expected)
    assert len(calls) > len(LENGTHS) / ENTERING


@pytest.mark.parametrize("eager", [-1e3, 1e3], ids=["never", "at once"])
def test_sentences_that_end_together(eager: float, calls: list[int]) -> None:
    """At the limit, or with the first token."""
    expected = searched(read("luong", False, eager), models.Single, size=3, nbest=2)
    same(searched(read("luong", False, eager), size=3, nbest=2), expected)
    assert calls


def test_greedy_search_of_many_sentences(calls: list[int]) -> None:
    with torch.inference_mode():
        model, batch = frozen(models.small_model(models.recipe(DECODERS["luong"]))), models.batch_of(LENGTHS)
        (begun,) = readers(model, listed=False).read(batch.source, batch.source_mask, len(LENGTHS))
        found, expected = (
            greedy(step, begun.state, begun.lengths, limit=LIMIT) for step in (begun.step, models.Single(begun.step))
        )
    same([found], [expected])
    assert calls


def test_a_penalty_on_coverage_asks_for_every_step(calls: list[int]) -> None:
    searched(read("luong", False), size=3, coverage_penalty=0.2)
    assert not calls


@pytest.mark.parametrize("broken", [0, 3])
def test_what_is_no_distribution_is_told(broken: int, calls: list[int]) -> None:
    first, *_ = read("luong", False)
    with torch.inference_mode():
        first.state.source.values[broken] = torch.nan
    with pytest.raises(RegardError, match=rf"sentence {broken} of the batch .* is not a distribution"):
        searched([first], size=3)
    assert calls


def test_the_first_state_stays_as_it_was(calls: list[int]) -> None:
    """A search may be begun again from it."""
    begun = read("lstm", True)
    first = searched(begun, size=3)
    same(searched(begun, size=3), first)
    assert calls
