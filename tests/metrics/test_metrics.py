"""Metrics: worked examples, several references, signatures, bad input."""

import logging
import math

import pytest

from regard.metrics import METRICS
from regard.metrics.by_length import by_length

ALL = pytest.mark.parametrize("name", METRICS)
LOWER_IS_BETTER = {"ter", "wer", "cer", "word_error", "edit_distance"}


@ALL
def test_a_perfect_output(name: str) -> None:
    texts = ["the cat sat on the mat .", "a dog ran over there ."]
    score = METRICS[name](texts, [[text] for text in texts])
    assert score.value == pytest.approx(0.0 if name in LOWER_IS_BETTER else 100.0)
    assert score.higher_is_better is (name not in LOWER_IS_BETTER)
    assert score.signature
    assert score.signature in str(score)


@ALL
def test_one_right_reference_of_several_is_enough(name: str) -> None:
    """Also where segments have different numbers of references."""
    score = METRICS[name](["the cat sat on the mat"], [["a dog ran away from here", "the cat sat on the mat"]])
    assert score.value == pytest.approx(0.0 if name in LOWER_IS_BETTER else 100.0)
    uneven = METRICS[name](["one two three four", "a b c d"], [["one two three four"], ["x", "a b c d", "y z"]])
    assert uneven.value == pytest.approx(0.0 if name in LOWER_IS_BETTER else 100.0)


@ALL
def test_worse_is_worse(name: str) -> None:
    right = [["the cat sat on the mat today"], ["a dog ran over there again"]]
    good = METRICS[name]([texts[0] for texts in right], right)
    bad = METRICS[name](["the cat sat in the hat today", "a dog is there over"], right)
    assert (bad.value < good.value) is good.higher_is_better


@ALL
def test_an_empty_output_is_scored(name: str) -> None:
    assert math.isfinite(METRICS[name](["", "a b c d"], [["the cat sat"], ["a b c d"]]).value)


@ALL
@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "hypotheses is empty"),
        (["a"], [["a"], ["b"]], "hypotheses has 1 segments and references has 2"),
        (["a", "b"], [["a"], []], r"references\[1\] is \[\]; expected a list of at least one text"),
        (["a"], ["a"], r"references\[0\] is 'a'; expected a list .* Put a single reference into a list"),
    ],
)
def test_bad_input_gets_a_sentence(name: str, hypotheses: list[str], references: list[list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        METRICS[name](hypotheses, references)


def test_bleu_worked_example() -> None:
    """9 of 10 words, 7 of 9 pairs, 5 of 8 triples, 3 of 7 quadruples are right; no brevity penalty."""
    score = METRICS["bleu"](["a b c d e f x g h i"], [["a b c d e f y g h i"]])
    assert score.value == pytest.approx(100 * (9 / 10 * 7 / 9 * 5 / 8 * 3 / 7) ** 0.25)
    assert score.name == "BLEU"
    assert "tok:13a" in score.signature
    assert "nrefs:1" in score.signature


@pytest.mark.parametrize(
    ("name", "token"), [("bleu_zh", "tok:zh"), ("bleu_char", "tok:char"), ("bleu_none", "tok:none")]
)
def test_each_bleu_says_how_it_tokenises(name: str, token: str) -> None:
    assert token in METRICS[name](["汤姆追逐杰瑞"], [["汤姆追逐杰瑞"]]).signature


def test_chinese_is_scored_by_characters() -> None:
    """One of six characters is wrong; as one word, nothing would be right."""
    hypotheses, references = ["汤姆追逐杰里"], [["汤姆追逐杰瑞"]]
    assert METRICS["bleu_zh"](hypotheses, references).value == pytest.approx(
        100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25
    )
    assert METRICS["bleu"](hypotheses, references).value == 0.0


def test_sacrebleu_does_not_warn(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        METRICS["bleu"](["it is over ."] * 101, [["it is over ."]] * 101)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_word_and_character_error_rates() -> None:
    """Words: 1 substitution and 1 insertion over 2 + 3. Characters: 1 substitution and ` w` inserted over 3 + 5."""
    hypotheses, references = ["a x", "c d e w"], [["a b"], ["c d e"]]
    assert METRICS["wer"](hypotheses, references).value == pytest.approx(100 * 2 / 5)
    assert METRICS["cer"](hypotheses, references).value == pytest.approx(100 * 3 / 8)


def test_the_reference_with_the_fewest_edits_counts() -> None:
    """`a b c d` needs one insertion, `a x` one substitution and one deletion: 1 edit over 4 words."""
    assert METRICS["wer"](["a b c"], [["a x", "a b c d"]]).value == pytest.approx(100 / 4)
    assert METRICS["wer"](["a"], [["b", "a b"]]).value == pytest.approx(100 / 2)  # 1 edit each; the longer one counts


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_error_rates_want_symbols_in_the_reference(name: str) -> None:
    with pytest.raises(ValueError, match="a reference is empty; expected at least one symbol"):
        METRICS[name](["a", "b"], [["a"], [" "]])


def test_exact_and_word_error() -> None:
    hypotheses, references = ["a b", "a  b", " c ", "d"], [["a b"], ["a b"], ["x", "c"], ["e", "f"]]
    assert METRICS["exact"](hypotheses, references).value == 75.0  # all but the last
    assert METRICS["word_error"](hypotheses, references).value == 25.0


def test_macro_f1_counts_each_label_alike() -> None:
    """Of a: 1 right of 1 output and 2 references, F1 2/3. Of b: 1 of 2 and 1. Of c, which no reference has: 0."""
    hypotheses, references = ["a", "b", "b", "c"], [["a"], ["b"], ["a"], ["c c", "d"]]
    score = METRICS["macro_f1"](hypotheses, references)
    assert score.value == pytest.approx(100 * (2 / 3 + 2 / 3 + 0 + 0) / 4)  # a, b, c and `c c`
    assert METRICS["accuracy"](hypotheses, references).value == 50.0
    assert METRICS["macro_f1"](["d"], [["c c", "d"]]).value == 100.0


def test_edit_distance_is_a_mean_over_outputs() -> None:
    """One substitution; two characters missing; one too many; nothing; and the nearest of two references."""
    hypotheses, references = ["abc", "", "x", "", "walkt"], [["abd"], ["ab"], [""], [""], ["went", "walked"]]
    assert METRICS["edit_distance"](hypotheses, references).value == pytest.approx((1 + 2 + 1 + 0 + 2) / 5)


def test_rouge_worked_example() -> None:
    """4 of 5 words in either order; 1 of 4 pairs: `the cat`; the longest common subsequence has 3 of 5."""
    hypotheses, references = ["the cat ran home today"], [["today the cat sat home"]]
    assert METRICS["rouge1"](hypotheses, references).value == pytest.approx(80.0)
    assert METRICS["rouge2"](hypotheses, references).value == pytest.approx(25.0)
    assert METRICS["rougeL"](hypotheses, references).value == pytest.approx(60.0)
    assert METRICS["rouge1"](hypotheses, [["nothing of it", "today the cat sat home"]]).value == pytest.approx(80.0)
    assert METRICS["rouge1"](["the cats"], [["the cat"]]).value == pytest.approx(50.0)  # no stemming


def test_rouge_sees_chinese_by_characters() -> None:
    """5 of 6 characters, 4 of 5 pairs; by words there is nothing to compare."""
    hypotheses, references = ["汤姆追逐杰里"], [["汤姆追逐杰瑞"]]
    assert METRICS["rouge1"](hypotheses, references).value == 0.0
    assert METRICS["rouge1_char"](hypotheses, references).value == pytest.approx(100 * 5 / 6)
    assert METRICS["rouge2_char"](hypotheses, references).value == pytest.approx(100 * 4 / 5)
    assert METRICS["rougeL_char"](hypotheses, references).value == pytest.approx(100 * 5 / 6)


@pytest.mark.parametrize("name", METRICS)
def test_white_space_is_one_thing_to_every_metric(name: str) -> None:
    """Two spaces, a tab, a space without a break, a line feed and NUL, which models put out: all one space, as to the
    tokeniser of symbols."""
    plain = METRICS[name](["a b c d", "e f g"], [["a b x d"], ["e f g"]])
    spaced = METRICS[name](["a  b c\td", "\u00a0e f\ng\0"], [["a b\u3000x  d "], [" e  f g"]])
    assert spaced == plain


@pytest.mark.parametrize("name", ["blue", "chrff", "WER"])
def test_an_unknown_metric(name: str) -> None:
    with pytest.raises(ValueError, match=f"metric is '{name}'; expected one of bleu, "):
        METRICS.choose(name)


SOURCES = ["a", "a b", "a b c", "a b c d e f", "a b c d e f g", ""]


def test_by_length_puts_each_source_into_its_bucket() -> None:
    hypotheses = ["r", "r", "w", "r", "w", "r"]
    rows = by_length(METRICS["exact"], SOURCES, hypotheses, [["r"]] * 6, edges=(1, 3, 4, 7))
    assert [(row.low, row.high, row.count) for row in rows] == [(1, 2, 3), (3, 3, 1), (4, 6, 1), (7, None, 1)]
    assert [row.score.value if row.score else None for row in rows] == [100.0, 0.0, 100.0, 0.0]
    assert [row.mean_length for row in rows] == [1.0, 3.0, 6.0, 7.0]


def test_by_length_leaves_empty_buckets_without_a_score() -> None:
    rows = by_length(METRICS["bleu"], ["a b"], ["x"], [["x"]], edges=(1, 3))
    assert (rows[1].count, rows[1].score) == (0, None)


def test_by_length_counts_characters() -> None:
    rows = by_length(
        METRICS["exact"], ["汤姆 追逐 杰瑞", "汤姆"], ["x", "x"], [["x"]] * 2, edges=(1, 3), unit="characters"
    )
    assert [(row.count, row.mean_length) for row in rows] == [(1, 2.0), (1, 6.0)]


@pytest.mark.parametrize("edges", [(), (3, 1), (1, 1)])
def test_edges_ascend(edges: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"by_length: edges is .* expected ascending lengths"):
        by_length(METRICS["exact"], ["a"], ["x"], [["x"]], edges=edges)


def test_by_length_wants_a_source_each() -> None:
    with pytest.raises(ValueError, match="sources has 0 segments and hypotheses has 1"):
        by_length(METRICS["exact"], [], ["x"], [["x"]])
