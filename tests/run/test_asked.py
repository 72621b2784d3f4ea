"""What is asked of outputs, from texts to alignments: prefixes, phrases, rules and groups, with all that searches."""

from collections.abc import Sequence
from typing import Any

import pytest
import test_copying_run
import torch
from test_joint_decoding import SOURCE, TARGET, TEXTS, same, translator

from regard.alignment.alignment import Alignment
from regard.search.diversity import Diversity
from regard.search.options import SamplingOptions
from regard.search.rules import Rules
from regard.search.shortlist import Shortlist
from regard.translator import Translator

NOTHING = torch.zeros(0, dtype=torch.long)
CONSTRAINTS = [["C A"], [], ["B", "C C"], "A", ["B A B A B"]]
PREFIXES = ["", "", "A B", "", "C"]
KINDS: dict[str, dict[str, Any]] = {
    "one model": {},
    "an ensemble": {"seeds": (0, 1)},
    "a shortlist": {"shortlists": True},
    "with CTC": {"weight": 0.4},
    "CTC alone": {"weight": 1.0},
    "a penalty": {"rules": Rules(0, 2, 1.5)},
    "no repeats": {"rules": Rules(1)},
}


def kind(name: str, **more: Any) -> Any:
    options = {"weight": 0.0} | KINDS[name] | more
    if options.pop("shortlists", False):
        starts = torch.zeros(1 + SOURCE.size, dtype=torch.long)
        options["shortlists"] = (Shortlist(torch.tensor(TARGET.ids("A B")), starts, NOTHING, TARGET.size),)
    return translator(**options)


@pytest.mark.parametrize("name", KINDS)
def test_outputs_have_what_is_asked_of_them_in_any_company_and_scores_of_the_model(name: str) -> None:
    made, alone = kind(name), kind(name, batch_size=1)
    wishes: dict[str, Any] = {"prefixes": PREFIXES, "constraints": CONSTRAINTS}
    plain, together = made.translate(TEXTS, 2), made.translate(TEXTS, 2, **wishes, alternatives=1)
    by_one = alone.translate(TEXTS[::-1], 2, **{key: given[::-1] for key, given in wishes.items()})[::-1]
    for place, (found, others) in enumerate(zip(together, by_one, strict=True)):
        phrases = [CONSTRAINTS[place]] if isinstance(CONSTRAINTS[place], str) else CONSTRAINTS[place]
        for one, other in zip(found, others, strict=True):
            same(one, other)
            assert one.target_text.startswith(PREFIXES[place])
            assert all(f" {phrase} " in f" {one.target_text} " for phrase in phrases)
            assert all(each.probability > 0 for each in one.predictions)
        if not phrases and not PREFIXES[place]:
            assert [one.score for one in found] == [one.score for one in plain[place]]
    if not made.shortlists:
        as_forced(made, [one for found in together for one in found])


def as_forced(made: Translator, found: Sequence[Alignment]) -> None:
    """The scores are those of forced decoding; that of a cut output lacks its end mark."""
    forced = made.score([one.source_text for one in found], [one.target_text for one in found])
    for one, other in zip(found, forced, strict=True):
        if one.target_end is not None:
            assert other.score == pytest.approx(one.score, abs=1e-4)


@pytest.mark.parametrize("decoder", ["luong", "transformer"])
def test_groups_of_models(decoder: str) -> None:
    made, alone = (
        translator(0.0, decoder=decoder, beam_size=4, diversity=Diversity(2, 2.0), batch_size=size) for size in (64, 1)
    )
    together, by_one = made.translate(TEXTS, 4), alone.translate(TEXTS, 4)
    for found, others in zip(together, by_one, strict=True):
        for one, other in zip(found, others, strict=True):
            same(one, other)
    as_forced(made, [one for found in together for one in found])


def test_what_is_drawn_keeps_the_rules_and_is_scored_by_the_model() -> None:
    made = translator(0.0, rules=Rules(1, 1))
    drawn = made.sample(TEXTS * 5, SamplingOptions(seed=3))
    for one in drawn:
        words = one.target_text.split()
        assert len(set(words)) == len(words) >= 1
    as_forced(made, drawn)
    greedy = translator(0.0, rules=Rules(0, 0, 3.0), beam_size=1)
    for one, (other, *_) in zip(greedy.sample(TEXTS, SamplingOptions(top_k=1)), greedy.translate(TEXTS), strict=True):
        same(one, other)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_phrase_may_be_a_word_that_is_copied(seeds: tuple[int, ...]) -> None:
    made = test_copying_run.translator(*seeds, beam_size=4)
    found = made.translate(test_copying_run.TEXTS[:3], 2, constraints=[["Ada", "b c"], "Ada Bob", []])
    for outputs, phrases in zip(found, (["Ada", "b c"], ["Ada Bob"], []), strict=True):
        for one in outputs:
            test_copying_run.check_copied(one)
            assert all(f" {phrase} " in f" {one.target_text} " for phrase in phrases)
    with pytest.raises(ValueError, match=r"constraints\[0\]: the phrase 'Eve' has a word that the vocabulary of"):
        made.outputs("Ada saw", constraints="Eve")


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ValueError, match=r"Translator.outputs: 2 sources and 1 constraints; expected as many of each"):
        translator(0.0).outputs(["u", "v"], constraints=["A"])
    with pytest.raises(ValueError, match=r"constraints are given and beam_size is 1; expected a beam of 2 or more"):
        translator(0.0, beam_size=1).outputs("u", constraints="A")
    with pytest.raises(ValueError, match=r"constraints are given and the beam has groups; expected one of the two"):
        translator(0.0, beam_size=4, diversity=Diversity(2)).outputs("u", constraints="A")
