"""Guided alignment: its formula, its gradient, what adds nothing to it; and runs that are guided."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_run import make_batch, make_model
from torch import Tensor

import regard
from regard.compiled.training import accelerated
from regard.config import parse
from regard.data.batch import Batch
from regard.data.readers import PairFiles
from regard.decoders.step import Unrolled
from regard.errors import DataError, UsageError
from regard.run import guidance
from regard.run.directory import Run
from regard.run.sides import learn_sides
from regard.run.subsets import split
from regard.training.guided import GivenLinks, WithGuidedAlignment, surprise
from regard.training.objective import CrossEntropy


def links_of(pairs: list[list[tuple[int, int]]]) -> GivenLinks:
    """Links (source, target) of each pair."""
    flat = [link for pair in pairs for link in sorted(pair, key=lambda link: link[1])]
    starts = np.cumsum([0, *map(len, pairs)])
    return GivenLinks(starts, np.array([s for s, _ in flat], np.int32), np.array([t for _, t in flat], np.int32))


def looked(weights: Tensor, order: list[int]) -> tuple[Unrolled, Batch]:
    """A batch of which nothing but the looks is known."""
    rows, steps, positions = weights.shape
    nothing = torch.zeros(rows, steps, dtype=weights.dtype)
    tokens, real = torch.zeros(rows, steps, dtype=torch.long), torch.ones(rows, steps, dtype=torch.bool)
    source = torch.ones(rows, positions, dtype=torch.bool)
    batch = Batch(source.long(), source, tokens, tokens, real, torch.tensor(order))
    return Unrolled(nothing.unsqueeze(-1), weights, nothing, nothing), batch


def test_a_worked_example_of_two_pairs_in_another_order() -> None:
    """-log (0.5 + 0.25) of a token with two links, -log 0.25 of one with one; a token without a link costs nothing."""
    weights = torch.tensor([[[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]], [[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]]])
    links = links_of([[], [(0, 0)], [(0, 0), (1, 0)]])
    found = surprise(*looked(weights, [2, 1]), links)
    torch.testing.assert_close(found, -torch.tensor([0.75, 0.25]).log(), atol=1e-5, rtol=0)
    assert surprise(*looked(weights[:1], [0]), links).tolist() == [0]


def test_its_gradient_is_right_and_is_finite_where_a_link_cannot_be_reached() -> None:
    torch.manual_seed(0)
    weights = torch.rand(2, 4, 5, dtype=torch.double).requires_grad_()
    links = links_of([[(0, 0), (4, 0), (2, 3)], [(1, 1)]])
    assert torch.autograd.gradcheck(lambda weights: surprise(*looked(weights, [1, 0]), links), weights)
    nowhere = torch.zeros(1, 4, 5, requires_grad=True)
    cost = surprise(*looked(nowhere, [0]), links)
    cost.sum().backward()
    assert 0 < cost.item() < 30
    assert nowhere.grad is not None
    assert nowhere.grad.isfinite().all()


def test_it_stands_beside_the_objective_by_its_weight() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    links = links_of([[(0, 0), (2, 1)], [(3, 1)]])
    plain, both = CrossEntropy()(model, batch), WithGuidedAlignment(CrossEntropy(), 0.5, links)(model, batch)
    torch.testing.assert_close(both.total - plain.total, 0.5 * surprise(model(batch), batch, links).sum())
    assert (both.nll, both.tokens) == (plain.nll, plain.tokens)
    fast = WithGuidedAlignment(CrossEntropy(), 0.5, links)(accelerated(model), batch)
    torch.testing.assert_close(fast.total, both.total)
    with pytest.raises(ValueError, match=r"WithGuidedAlignment: weight is -1\.0; expected 0 or more"):
        WithGuidedAlignment(CrossEntropy(), -1.0, links)


def test_until_step_ends_it() -> None:
    model, batch = make_model(dropout=0.0), make_batch([(3, 5), (5, 2)], seed=1)
    plain = CrossEntropy()
    guided = WithGuidedAlignment(plain, 0.5, links_of([[(0, 0)], [(3, 1)]]), until_step=4)
    assert [guided.at(step) is plain for step in (1, 4, 5)] == [False, False, True]
    assert guided.at(4)(model, batch).total > guided.at(5)(model, batch).total


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tom sleeps. I read!", ["Tom", "sleeps", ".", "I", "read", "!"]),
        ("3.14 l' ami (yes)", ["3.14", "l'", "ami", "(", "yes", ")"]),
        ("汤姆睡觉。", ["汤", "姆", "睡", "觉", "。"]),
        ("Tom's l’ami 's dogs'", ["Tom", "'", "s", "l", "’", "ami", "'s", "dogs'"]),
    ],
)
def test_marks_of_punctuation_are_words_of_their_own_where_links_are_learned(text: str, words: list[str]) -> None:
    assert guidance.PART.findall(text) == words


@pytest.mark.parametrize("unlinked", ["free", "before"])
def test_words_without_a_link_look_where_the_word_before_does(unlinked: str, tmp_path: Path) -> None:
    """If they are asked to; words before the first link stay free."""
    (tmp_path / "pairs.tsv").write_text("a b c\tA B C D\n" * 2)
    links = given(["1-1 2-3"] * 2, tmp_path / "links")
    options = {"weight": 1.0, "links": links, "unlinked": unlinked}
    config, files = (
        parse({"data": SYMBOLS, "training": {"guided_alignment": options}}, "test"),
        PairFiles((str(tmp_path / "pairs.tsv"),)),
    )
    sides = learn_sides(config.data, files)
    learn, _ = split(config, files, files, *sides, tmp_path / "cache")
    found = guidance.guiding_links(config, files, learn, *sides, lambda line: None)
    assert found is not None
    _, targets, sources = found.of(np.array([1]))
    expected = [(1, 1), (2, 1), (3, 2)] if unlinked == "before" else [(1, 1), (3, 2)]
    assert list(zip(targets.tolist(), sources.tolist(), strict=True)) == expected


def reversing(count: int) -> list[tuple[str, str]]:
    """Pairs whose target has the words of the source in the opposite order, in other letters."""
    draw = random.Random(0)
    rows = [draw.sample("abcdefghij", draw.randrange(3, 6)) for _ in range(count)]
    return [(" ".join(row), " ".join(each.upper() * 2 for each in row[::-1])) for row in rows]


PAIRS = reversing(120)
SYMBOLS = {"source": {"tokenizer": "symbols"}, "target": {"tokenizer": "symbols"}}
RECIPE: dict[str, Any] = {
    "data": {**SYMBOLS, "batch_size": 200},
    "model": {"embedding_size": 16, "encoder": {"hidden_size": 16}, "decoder": {"hidden_size": 16}},
    "training": {
        "max_steps": 60,
        "max_epochs": 60,
        "validate_every": 60,
        "learning_rate": 0.01,
        "guided_alignment": {"weight": 2.0},
    },
}


def given(lines: list[str], path: Path) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def opposite(source: str) -> str:
    words = source.split()
    return " ".join(f"{len(words) - 1 - place}-{place}" for place in range(len(words)))


@pytest.mark.parametrize("links", ["learned", "given"])
def test_a_guided_model_looks_where_the_links_say(links: str, tmp_path: Path) -> None:
    """Without them it has learned nothing yet after so few updates."""
    changes: dict[str, Any] = {}
    if links == "given":
        changes = {"training.guided_alignment.links": given([opposite(s) for s, _ in PAIRS], tmp_path / "links")}
    run = regard.train(RECIPE, PAIRS, out=tmp_path / "run", dev=PAIRS[:20], changes=changes, quiet=True)
    model = run.load()
    found = model.score([s for s, _ in PAIRS[:20]], [t for _, t in PAIRS[:20]], units="tokens")
    right = [
        one.weights[place].argmax() == len(one.weights) - 1 - place
        for one in found
        for place in range(len(one.weights))
    ]
    assert np.mean(right) > 0.9


def test_links_of_words_become_links_of_tokens(tmp_path: Path) -> None:
    """With the end mark in sight, words without a link look at it, and so does the end of the target."""
    pairs = [("ab c", "X YZ")] * 5
    lines = ["0-1"] * 4 + [""]
    changes = {
        "data.source": {"tokenizer": "characters"},
        "data.target": {"tokenizer": "characters"},
        "training.guided_alignment.links": given(lines, tmp_path / "links"),
        "training.max_steps": 1,
        "model.attention.end": True,
    }
    regard.train(RECIPE, pairs, out=tmp_path / "run", dev=pairs, changes=changes, quiet=True)
    links = guidance.load(Run(tmp_path / "run").cache)
    rows, targets, sources = links.of(np.array([4, 3]))
    # a b _ c </s>, X _ Y Z </s>: the space before a word is a part of it
    expected = [(0, 4)] + [(token, place) for token in (1, 2, 3) for place in (0, 1)] + [(4, 4)]
    assert sorted(zip(targets.tolist(), sources.tolist(), strict=True)) == expected
    assert (rows == 1).all()  # a pair without links is free


def test_a_run_goes_on_with_the_same_links(tmp_path: Path) -> None:
    regard.train(RECIPE, PAIRS, out=tmp_path / "run", dev=PAIRS[:5], changes={"training.max_steps": 2}, quiet=True)
    path = Run(tmp_path / "run").cache / guidance.FILE
    before = path.read_bytes()
    path.unlink()
    regard.train(
        RECIPE, PAIRS, out=tmp_path / "run", dev=PAIRS[:5], changes={"training.max_steps": 3}, resume=True, quiet=True
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["0-0"] * 119, r"guided_alignment\.links has 119 lines, and .* 120\. Give one line of links for each"),
        (["0-9"] + ["0-0"] * 119, r"line 1: its links join word 0 with word 9, counted from 0, but the pair has"),
        (["0-0"] * 119 + ["a"], r"links:120: 'a' is no link; expected source-target"),
        (["0p0"] * 120, r"links:1: a possible link"),
    ],
)
def test_links_that_do_not_fit_the_pairs_are_refused(lines: list[str], said: str, tmp_path: Path) -> None:
    changes = {"training.guided_alignment.links": given(lines, tmp_path / "links")}
    with pytest.raises(DataError, match=said):
        regard.train(RECIPE, PAIRS, out=tmp_path / "run", dev=PAIRS[:5], changes=changes, quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"model": {"decoder": {"kind": "fixed"}}}, "another decoder than fixed, which looks at no position"),
        ({"model": {"attention": {"select": "hard"}}}, "another model.attention.select than hard, whose choices"),
        ({"data": {"source": {"kind": "recording"}}}, "data.source.kind text for recording, which is not one text"),
        ({"model": {"encoder": {"kind": "pyramidal"}}}, "another encoder than pyramidal, whose positions are several"),
        ({"data": {"target": {"tokenizer": "label"}}, "model": {"decoder": {"kind": "pooling"}}}, "."),
    ],
)
def test_what_cannot_follow_links_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse({**keys, "training": {"guided_alignment": {"weight": 0.3}}}, "test")


def test_links_of_a_file_say_nothing_of_what_is_likely() -> None:
    options = {"weight": 0.3, "links": "links.txt", "unlinked": "likely"}
    with pytest.raises(
        UsageError, match=r"free or before for training\.guided_alignment\.unlinked likely beside links"
    ):
        parse({"training": {"guided_alignment": options}}, "test")


def test_links_without_a_weight_are_refused() -> None:
    with pytest.raises(UsageError, match=r"links are given, and weight is 0; expected above 0"):
        parse({"training": {"guided_alignment": {"links": "file"}}}, "test")


def test_links_count_lines_of_which_no_pair_is_made(tmp_path: Path) -> None:
    """An empty pair, one that is too long, a line that is no text: each has its line of links."""
    lines = ["\t", "a b c d e f\tA", "a b\tA B", "c d\tC D"]
    (tmp_path / "pairs.tsv").write_text("".join(f"{line}\n" for line in lines))
    changes = {
        "data.max_length": 4,
        "training.max_steps": 1,
        "training.guided_alignment.links": given(["", "0-0", "1-0", "0-1"], tmp_path / "links"),
    }
    pairs = str(tmp_path / "pairs.tsv")
    regard.train(RECIPE, pairs, out=tmp_path / "run", dev=PAIRS[:2], changes=changes, quiet=True)
    _, targets, sources = guidance.load(Run(tmp_path / "run").cache).of(np.arange(2))
    assert list(zip(sources.tolist(), targets.tolist(), strict=True)) == [(1, 0), (0, 1)]
