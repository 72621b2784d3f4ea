"""Tokens, units, words: nothing of a look is lost on the way."""

from itertools import pairwise

import numpy as np
import pytest

from regard.alignment import Alignment, align, regroup, regrouped, word_spans, words

SOURCE = "Tom chases 龘 now"
SOURCE_SPANS = [
    (0, 3),
    (3, 7),
    (7, 10),
    (10, 11),
    (11, 12),
    (11, 12),
    (11, 12),
    (12, 16),
]  # " cha" "ses" " " 龘×3 " now"
TARGET = "abc de"
TARGET_SPANS = [(0, 2), (2, 3), (3, 6)]


def looks(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    return drawn / drawn.sum(1, keepdims=True)


def aligned(end_marks: bool = False) -> Alignment:
    weights = looks(len(TARGET_SPANS) + end_marks, len(SOURCE_SPANS) + end_marks)
    return align(SOURCE, TARGET, SOURCE_SPANS, TARGET_SPANS, weights, -1.5)


def test_bytes_of_one_character_are_one_unit() -> None:
    alignment = aligned()
    assert [unit.text for unit in alignment.source] == ["Tom", "cha", "ses", " ", "龘", "now"]
    assert [(unit.start, unit.end) for unit in alignment.source] == [
        (0, 3),
        (3, 7),
        (7, 10),
        (10, 11),
        (11, 12),
        (12, 16),
    ]
    np.testing.assert_allclose(alignment.weights[:, 4], looks(3, 8)[:, 4:7].sum(1), rtol=1e-6)
    np.testing.assert_allclose(alignment.weights.sum(1), 1.0, rtol=1e-6)
    assert alignment.weights.dtype == np.float32
    assert alignment.score == -1.5


def test_bytes_of_one_output_character_are_averaged() -> None:
    weights = looks(3, 2)
    alignment = align("a b", "龘", [(0, 1), (1, 3)], [(0, 1)] * 3, weights, 0.0)
    np.testing.assert_allclose(alignment.weights, weights.mean(0, keepdims=True), rtol=1e-6)


def test_end_marks_are_dropped() -> None:
    weights = looks(4, 9)
    whole = align(SOURCE, TARGET, SOURCE_SPANS, TARGET_SPANS, weights, 0.0)
    cut = align(SOURCE, TARGET, SOURCE_SPANS, TARGET_SPANS, weights[:3, :8], 0.0)
    np.testing.assert_array_equal(whole.weights, cut.weights)
    assert (whole.weights.sum(1) < 1).all()  # what went to the end mark of the source is not shared out


@pytest.mark.parametrize("shape", [(5, 8), (3, 10), (2, 8), (3, 7), (24,)])
def test_weights_and_spans_must_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(3, 8\), or one more for an end mark"):
        align(SOURCE, TARGET, SOURCE_SPANS, TARGET_SPANS, np.zeros(shape, dtype=np.float32), 0.0)


def test_words_sum_columns_and_average_rows() -> None:
    tokens, merged = aligned(), words(aligned())
    assert [unit.text for unit in merged.source] == ["Tom", "chases", "龘", "now"]
    assert [unit.text for unit in merged.target] == ["abc", "de"]
    columns = np.stack([part.sum(1) for part in np.split(tokens.weights, [1, 3, 5], axis=1)], axis=1)
    np.testing.assert_allclose(merged.weights[0], columns[:2].mean(0), rtol=1e-6)
    np.testing.assert_allclose(merged.weights[1], columns[2], rtol=1e-6)


@pytest.mark.parametrize("seed", range(7))
def test_no_look_is_lost(seed: int) -> None:
    """Rows sum to what they summed to, wherever tokens end."""
    rng = np.random.default_rng(seed)
    source, target = ("".join(rng.choice(list("ab 漢\t"), 17)) + "x" for _ in range(2))
    cuts = [sorted({0, 18, *rng.integers(1, 18, 5).tolist()}) for _ in range(2)]
    spans = [list(pairwise(cut)) for cut in cuts]
    alignment = align(source, target, *spans, looks(len(spans[1]), len(spans[0])), 0.0)
    np.testing.assert_allclose(words(alignment).weights.sum(1), 1.0, rtol=1e-5)


def test_a_token_in_two_words_is_shared_by_its_characters() -> None:
    """The second token, `bb c`, has two characters in the first word and one in the second."""
    weights = np.array([[0.4, 0.6]], dtype=np.float32)
    merged = words(align("aabb c", "x", [(0, 2), (2, 6)], [(0, 1)], weights, 0.0))
    np.testing.assert_allclose(merged.weights, [[0.8, 0.2]], rtol=1e-6)
    upright = words(align("x", "aabb c", [(0, 1)], [(0, 2), (2, 6)], weights.T, 0.0))
    np.testing.assert_allclose(upright.weights, [[(0.4 + 0.6 * 2 / 3) / (1 + 2 / 3)], [0.6]], rtol=1e-6)


@pytest.mark.parametrize(
    ("spans", "expected"), [([(0, 1), (1, 2), (2, 3)], [0.5, 0.5]), ([(0, 1), (1, 3)], [0.5, 0.5])]
)
def test_a_space_belongs_to_the_word_after_it(spans: list[tuple[int, int]], expected: list[float]) -> None:
    weights = np.array([[0.5, 0.2, 0.3]] if len(spans) == 3 else [[0.5, 0.5]], dtype=np.float32)
    np.testing.assert_allclose(words(align("a b", "x", spans, [(0, 1)], weights, 0.0)).weights, [expected], rtol=1e-6)


def test_a_space_at_the_end_belongs_to_the_last_word() -> None:
    alignment = align(
        "a b ", "x", [(0, 1), (1, 3), (3, 4)], [(0, 1)], np.array([[0.5, 0.2, 0.3]], dtype=np.float32), 0.0
    )
    np.testing.assert_allclose(words(alignment).weights, [[0.5, 0.5]], rtol=1e-6)


def test_any_segmentation_on_one_side_or_both() -> None:
    """汤姆 | 追逐 | 杰瑞, from one token per character."""
    weights = looks(6, 3)
    alignment = align(
        "Tom chases Jerry", "汤姆追逐杰瑞", [(0, 3), (3, 10), (10, 16)], [(i, i + 1) for i in range(6)], weights, 0.0
    )
    regrouped = regroup(alignment, None, [(0, 2), (2, 4), (4, 6)])
    assert [unit.text for unit in regrouped.target] == ["汤姆", "追逐", "杰瑞"]
    assert regrouped.source == alignment.source
    np.testing.assert_allclose(regrouped.weights, weights.reshape(3, 2, 3).mean(1), rtol=1e-6)
    coarse = regroup(alignment, [(0, 10), (11, 16)], None)
    np.testing.assert_allclose(coarse.weights, np.stack([weights[:, :2].sum(1), weights[:, 2]], 1), rtol=1e-6)


def test_what_lies_outside_all_spans_is_left_out() -> None:
    alignment = align("a b", "x", [(0, 1), (1, 3)], [(0, 1)], np.array([[0.25, 0.75]], dtype=np.float32), 0.0)
    np.testing.assert_allclose(regroup(alignment, [(0, 1)], None).weights, [[0.25]])


@pytest.mark.parametrize(("source", "target"), [("", ""), ("a", ""), ("", "a"), ("  ", "a")])
def test_sides_without_words(source: str, target: str) -> None:
    spans = [[(0, len(text))] if text else [] for text in (source, target)]
    alignment = align(source, target, *spans, np.ones((len(spans[1]), len(spans[0])), dtype=np.float32), 0.0)
    assert words(alignment).weights.shape == (len(word_spans(target)), len(word_spans(source)))


def test_units_that_are_there_already_are_the_same_alignment() -> None:
    one = align("a bc", "d", [(0, 1), (2, 4)], [(0, 1)], np.ones((1, 2), np.float32), 0.0)
    assert regrouped(one, "auto") is regrouped(one, "words") is one
