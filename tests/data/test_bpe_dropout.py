"""BPE-dropout: the same text in other pieces, in training alone."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizer import SENTENCES, TEXT, trained

from regard.config import parse
from regard.data.pieces import FIRST_PIECE
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.run.directory import paired
from regard.run.fit import learn_sides
from regard.run.pairs import pair_files
from regard.run.subsets import Subset, split

KINDS = ("bpe", "spaced_bpe")
PAIRS = [("the lowest newer wider tower", "die niedrigsten neueren weiteren Türme"), ("low ☃", "niedrig ☃")] * 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dropout", [0.0, 0.3, 1.0])
@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(text=TEXT, seed=st.integers(0, 99))
def test_the_text_stays_and_its_pieces_lie_between_those_of_bpe_and_characters(
    kind: str, dropout: float, text: str, seed: int
) -> None:
    tokenizer, drop = trained(kind), trained(kind).dropping(dropout)
    assert drop is not None
    own = np.array(tokenizer.ids(text), np.uint16)
    made = drop(own, np.random.default_rng(seed))
    assert made.dtype == own.dtype
    assert tokenizer.decode(made.tolist()) == text
    assert len(made) >= len(own)
    if dropout == 0:
        assert made.tolist() == own.tolist()
    if dropout == 1:
        assert all(number < FIRST_PIECE or len(tokenizer.texts[number] or "") == 1 for number in made.tolist())


def test_a_merge_is_left_out_as_often_as_asked() -> None:
    """Of a word of one merge, the share of ways in which it is split is p, within five standard errors."""
    drop = Tokenizer.train("bpe", ["ab", "ab", "cd", "cd"] * 9, 300).dropping(0.3)
    assert drop is not None
    assert drop.split("ab", 0) in (["ab"], ["a", "b"])
    whole = Counter(len(drop.split("ab", way)) for way in range(2000))
    assert abs(whole[2] / 2000 - 0.3) < 5 * (0.3 * 0.7 / 2000) ** 0.5


@pytest.mark.parametrize("kind", ["characters", "symbols", "label", "tags", "inflection"])
def test_other_kinds_have_no_merges_to_leave_out(kind: str) -> None:
    assert Tokenizer.train(kind, SENTENCES, 331).dropping(0.1) is None


def learned(folder: Path, data: dict[str, Any]) -> tuple[Subset, Subset, Any]:
    config = parse({"data": {"bpe_dropout": 0.5, **data}, "model": {"decoder": {"kind": "luong"}}}, "test")
    (folder / "pairs.tsv").write_text("".join("\t".join(pair) + "\n" for pair in PAIRS), encoding="utf-8")
    files = pair_files([str(folder / "pairs.tsv")], config.data)
    sides = paired(config, *learn_sides(config.data, files))
    return *split(config, files, files, *sides, folder / "cache"), sides


def epoch_of(subset: Subset, epoch: int) -> dict[int, tuple[list[int], list[int]]]:
    """The numbers of both sides of each pair, whatever batch it is in."""
    found = {}
    for one in subset.batches(1, epoch):
        for row, number in enumerate(one.order.tolist()):
            sides = one.source[row][one.source_mask[row]], one.targets[row][one.target_mask[row]]
            assert one.inputs[row][1 : len(sides[1])].tolist() == sides[1][:-1].tolist()
            found[number] = tuple(side[:-1].tolist() for side in sides)
    return found


@pytest.mark.parametrize("joint", [True, False])
def test_both_sides_are_split_anew_in_each_epoch_and_those_to_validate_on_never(tmp_path: Path, joint: bool) -> None:
    learn, held, (source, target) = learned(tmp_path, {"joint": joint})
    for number, (left, right) in epoch_of(held, 0).items():
        assert (left, right) == (source.encode(PAIRS[number][0]), target.ids(PAIRS[number][1]))
    epochs = [epoch_of(learn, epoch) for epoch in range(4)]
    for made in epochs:
        for number, (left, right) in made.items():
            assert (source.tokenizer.decode(left), target.decode(right)) == PAIRS[number]
    for side in (0, 1):
        assert len({tuple(made[0][side]) for made in epochs}) > 1
    assert epoch_of(learn, 3) == epochs[3]  # a function of seed, epoch and pair: a resumed epoch goes on with the same


def test_only_the_side_in_pieces_is_split(tmp_path: Path) -> None:
    learn, _, (_, target) = learned(tmp_path, {"target": {"tokenizer": "symbols"}})
    assert all(right == target.ids(PAIRS[number][1]) for number, (_, right) in epoch_of(learn, 0).items())


def test_a_side_that_would_get_too_long_stays(tmp_path: Path) -> None:
    learn, _, _ = learned(tmp_path, {"max_length": 15})
    lengths = {len(left) for epoch in range(9) for left, _ in epoch_of(learn, epoch).values()}
    assert 5 < max(lengths) <= 15  # five words; dropping half of the merges may give more than fifteen pieces


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"data": {"source": {"tokenizer": "characters"}, "target": {"tokenizer": "label"}}}, r"bpe or spaced_bpe"),
        ({"model": {"output": {"kind": "copy"}}}, r"another model\.output than copy"),
        ({"training": {"guided_alignment": {"weight": 0.3}}}, r"guided_alignment\.weight 0: links"),
        ({"training": {"ctc": 0.3}}, r"training\.ctc 0"),
        ({"data": {"source": {"turn_mark": "<turn>"}}}, r"texts without marks within"),
        ({"data": {"source": {"kind": "recording"}}}, r"0 for data\.source\.kind recording"),
    ],
)
def test_what_counts_the_pieces_of_the_corpus_is_refused(values: dict[str, Any], message: str) -> None:
    values = values | {"data": {"bpe_dropout": 0.1, **values.get("data", {})}}
    with pytest.raises(UsageError, match=rf"data\.bpe_dropout is 0\.1; expected .*{message}"):
        parse(values, "test")
