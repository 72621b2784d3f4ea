"""Alignments for the tests of the views: ordinary ones, hostile ones, and any at all."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from regard.alignment.alignment import Alignment, Prediction, Unit

HOSTILE = [
    "\x1b[31mred", "\x1b]0;title\x07", "a\rb", "a\nb", "tab\tbed", "\x00", "\x7f", "\x9b31m",
    "\u202eevil", "\u2066x", "\ufeff", "\u2028", "\u2029", "\ud800", "\uffff", "\u200d", "\u200b",
    "汤姆", "ｱｲｳ", "한글", "\u1100\u1161", "👨\u200d👩\u200d👧", "👍🏽", "☁\ufe0f", "🇩🇪", "e\u0301", "\u0301x",
    "שלום", "نص", "ไทยน้ำ", "नमस्ते",
    "", " ", "$x^2$", "\\alpha", "a_b", "{{script}}", "</s>", "▁the", "<b>&amp;", "x" * 70,
]  # fmt: skip


def spelled(words: list[str], separator: str = " ") -> tuple[str, tuple[Unit, ...]]:
    """A text of the words, and the units that are its words."""
    units, start = [], 0
    for word in words:
        units.append(Unit(word, start, start + len(word)))
        start += len(word) + len(separator)
    return separator.join(words), tuple(units)


def aligned(
    source: list[str], target: list[str], weights: np.ndarray | None = None, seed: int = 0, **ends: list[float]
) -> Alignment:
    """An alignment between two lists of words, with random rows that sum to one unless weights are given."""
    if weights is None:
        rows = np.random.default_rng(seed).dirichlet(np.full(max(len(source), 1), 0.3), len(target))
        weights = rows[:, : len(source)].astype(np.float32).reshape(len(target), len(source))
    source_text, source_units = spelled(source)
    target_text, target_units = spelled(target, "")
    arrays = {name: np.array(end, np.float32) for name, end in ends.items()}
    return Alignment(source_text, target_text, source_units, target_units, weights, -1.5, **arrays)


def tom() -> Alignment:
    return aligned(["Tom", "chases", "Jerry", "."], ["汤姆", "追逐", "杰瑞", "。"], np.eye(4, dtype=np.float32))


def long_one(source: int = 61, target: int = 59) -> Alignment:
    return aligned([f"word{index}" for index in range(source)], list("我们今天早上在花园里看见一只猫" * 5)[:target])


def whole(seed: int = 0, source: int = 3, target: int = 2) -> Alignment:
    """An alignment with both ends, whose rows sum to one, and what was predicted: each word in one token or two."""
    random = np.random.default_rng(seed)
    rows = random.dirichlet(np.full(source + 1, 0.3), target + 1).astype(np.float32)
    made = aligned(
        [f"word{index}" for index in range(source)], [f"w{index}" for index in range(target)], rows[:-1, :-1]
    )
    predictions = [
        Prediction(text, unit, 0.5, ((text, 0.5), ("other", 0.25)))
        for unit in range(target)
        for text in ([f"w{unit}"] if unit % 2 == 0 else ["w", str(unit)])
    ]
    predictions.append(Prediction("", target, 0.125, (("other", 0.75),)))
    return replace(made, source_end=rows[:-1, -1], target_end=rows[-1], predictions=tuple(predictions))


words = st.text(st.characters() | st.sampled_from("".join(HOSTILE)), max_size=11) | st.sampled_from(HOSTILE)


@st.composite
def parts(draw: st.DrawFn) -> tuple[list[str], list[str], np.ndarray]:
    """What `aligned` makes an alignment of; records are built outside of the strategy, where types are checked."""
    source = draw(st.lists(words, max_size=13))
    target = draw(st.lists(words, max_size=7))
    weights = draw(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=7))
    return source, target, np.resize(np.array(weights, np.float32), (len(target), len(source)))


def with_ends() -> Alignment:
    """Rows that sum to one with what was looked at on the end; 逐 looked there most."""
    weights = np.array([[0.75, 0.125, 0.0], [0.0, 0.375, 0.0], [0.0, 0.0, 1.0]], np.float32)
    ends = {"source_end": [0.125, 0.625, 0.0], "target_end": [0.0, 0.125, 0.0, 0.875]}
    return aligned(["Tom", "chases", "Jerry"], ["汤", "逐", "瑞"], weights, **ends)
