"""Links: from weights, through the Pharaoh format, put together from two directions, held against gold."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.alignment import (
    SYMMETRIZATIONS,
    Alignment,
    Gold,
    Unit,
    alignment_errors,
    format_gold,
    format_links,
    links,
    links_above,
    parse_gold,
    parse_links,
    reverse,
)
from regard.alignment.symmetrize import agreement
from regard.errors import DataError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "alignment-gold"


def alignment(weights: list[list[float]], shape: tuple[int, int] | None = None, **ends: Any) -> Alignment:
    matrix = np.array(weights, dtype=np.float32)
    matrix = matrix if shape is None else matrix.reshape(shape)
    units = [tuple(Unit(str(place), place, place + 1) for place in range(count)) for count in matrix.shape[::-1]]
    return Alignment("", "", *units, matrix, 0.0, **{name: np.array(end, np.float32) for name, end in ends.items()})


def parsed(line: str) -> frozenset[tuple[int, int]]:
    return parse_links(line, "test", 1)


def test_one_link_per_target_unit_the_first_of_equals() -> None:
    found = links(alignment([[0.1, 0.7, 0.2], [0.4, 0.2, 0.4], [0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]))
    assert format_links(found) == "0-1 1-0 2-3"  # the third target unit looked at nothing


def test_below_the_floor_nothing_is_linked() -> None:
    faint = alignment([[1e-5, 1e-14], [0.009, 0.002], [0.01, 0.0]])
    assert format_links(links(faint)) == "0-2"
    assert format_links(links(faint, min_weight=0.0)) == "0-0 0-1 0-2"
    assert format_links(links(alignment([[0.3, 0.6], [0.5, 0.5]]), min_weight=0.6)) == "1-0"


def test_what_looked_at_the_end_mark_most_has_no_link() -> None:
    weights = [[0.3, 0.2], [0.6, 0.0], [0.5, 0.0]]
    assert format_links(links(alignment(weights, source_end=[0.5, 0.4, 0.5]))) == "0-1 0-2"
    assert format_links(links_above(alignment(weights, source_end=[0.5, 0.4, 0.5]), 0.25)) == "0-0 0-1 0-2"


@pytest.mark.parametrize("floor", [-0.1, 1.1, float("nan")])
def test_the_floor_is_checked(floor: float) -> None:
    with pytest.raises(ValueError, match=r"min_weight is .*; expected from 0 to 1. Give, for example, 0.01"):
        links(alignment([[1.0]]), min_weight=floor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((3, 2))}, r"Alignment.weights: shape is \(3, 2\); expected \(2, 3\)"),
        ({"source_end": np.zeros(3)}, r"Alignment.source_end: shape is \(3,\); expected \(2,\)"),
        ({"target_end": np.zeros(4)}, r"Alignment.target_end: shape is \(4,\); expected \(3,\)"),
        ({"target_end": np.zeros(3), "source_end": np.zeros(2)}, r"target_end: shape is \(3,\); expected \(4,\)"),
    ],
)
def test_shapes_are_checked(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(alignment([[1.0, 0.0, 0.0]] * 2), **change)


def test_links_above_a_threshold() -> None:
    assert format_links(links_above(alignment([[0.5, 0.5], [0.9, 0.1]]), 0.5)) == "0-0 0-1 1-0"


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.1, float("nan")])
def test_the_threshold_is_checked(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"threshold is .*; expected above 0 and at most 1"):
        links_above(alignment([[1.0]]), threshold)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_links_to_nothing(shape: tuple[int, int]) -> None:
    empty = alignment(np.zeros(shape).tolist(), shape)
    assert links(empty) == links_above(empty, 0.5) == frozenset()


@pytest.mark.parametrize("one_based", [False, True])
@pytest.mark.parametrize("line", ["", "1-1", "1-2 1p3 2-1 10p1"])
def test_gold_lines_come_back(line: str, one_based: bool) -> None:
    gold = parse_gold(line + "\n", "gold", 1, one_based=one_based)
    assert gold.sure <= gold.possible
    assert format_gold(gold, one_based=one_based) == line


def test_links_are_sorted_as_numbers() -> None:
    assert format_links({(10, 0), (9, 3), (9, 1)}) == "9-1 9-3 10-0"
    assert format_links({(0, 1)}, one_based=True) == "1-2"
    assert parse_links("2-1", "x", 1, one_based=True) == {(1, 0)}
    assert reverse({(1, 0)}) == {(0, 1)}


@pytest.mark.parametrize("line", ["1", "1-", "-1", "1-2-3", "a-b", "1:2", "1-2,3-4", "１-２", "1--2", "99999999-1"])
def test_a_malformed_link_is_named_with_its_line(line: str) -> None:
    with pytest.raises(DataError, match=r"gold\.txt:17: .* is no link; expected source-target"):
        parse_gold(f"0-0 {line}", "gold.txt", 17)


def test_a_zero_among_numbers_from_one() -> None:
    with pytest.raises(DataError, match=r"gold\.txt:3: 0-1 holds a 0, .* count from 1"):
        parse_gold("1-1 0-1", "gold.txt", 3, one_based=True)


def test_a_possible_link_is_gold_only() -> None:
    with pytest.raises(DataError, match=r"a\.txt:2: a possible link"):
        parse_links("0-0 1p1", "a.txt", 2)


FORWARD = "0-0 1-1 4-2 3-3 5-6"
BACKWARD = "0-0 1-1 2-1 3-3 4-4 4-6 6-5 8-0"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intersection", "0-0 1-1 3-3"),
        ("union", "0-0 1-1 2-1 3-3 4-2 4-4 4-6 5-6 6-5 8-0"),
        # 2-1 lies beside 1-1 and links source 2; 4-2 is diagonal to 3-3, 4-4 too; the others touch nothing grown.
        ("grow-diag", "0-0 1-1 2-1 3-3 4-2 4-4"),
        # 5-6 comes first (forward), then 4-6 joins two linked units; 6-5 is free on both sides, 8-0 on one.
        ("grow-diag-final", "0-0 1-1 2-1 3-3 4-2 4-4 5-6 6-5 8-0"),
        ("grow-diag-final-and", "0-0 1-1 2-1 3-3 4-2 4-4 5-6 6-5"),
    ],
)
def test_a_worked_example(name: str, expected: str) -> None:
    assert format_links(SYMMETRIZATIONS[name](parsed(FORWARD), parsed(BACKWARD))) == expected


def test_growing_does_not_add_between_two_linked_units() -> None:
    """1-0 joins two units that both have a link after 0-0 and 1-1 met."""
    assert format_links(SYMMETRIZATIONS["grow-diag"](parsed("0-0 1-1 1-0"), parsed("0-0 1-1"))) == "0-0 1-1"


def test_growing_goes_on_from_what_was_added() -> None:
    chain = parsed("0-0 1-1 2-2 3-3")
    assert SYMMETRIZATIONS["grow-diag"](chain, parsed("0-0")) == chain
    backwards = parsed("3-0 2-1 1-2 0-3")  # each is found only after the one that follows it in the order of the scan
    assert SYMMETRIZATIONS["grow-diag"](backwards, parsed("0-3")) == backwards


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", SYMMETRIZATIONS)
def test_between_intersection_and_union(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forward = frozenset(zip(rng.integers(0, 7, 11).tolist(), range(11), strict=True))
    backward = frozenset(zip(range(7), rng.integers(0, 11, 7).tolist(), strict=True))
    found = SYMMETRIZATIONS[name](forward, backward)
    assert forward & backward <= found <= forward | backward
    assert SYMMETRIZATIONS[name](forward, forward) == forward
    if name in ("intersection", "union", "grow-diag"):
        assert SYMMETRIZATIONS[name](backward, forward) == found


def test_an_unknown_symmetrisation() -> None:
    with pytest.raises(ValueError, match=r"symmetrisation is 'grow'; expected one of .*grow-diag"):
        SYMMETRIZATIONS.choose("grow")


def test_error_rate_worked_example() -> None:
    """A = 4 links, S = 3, P = 5: two of A are sure, three possible; AER = 1 - (2 + 3) / (4 + 3)."""
    gold = Gold(parsed("0-0 1-1 2-2"), parsed("0-0 1-1 2-2 1-2 3-3"))
    errors = alignment_errors([parsed("0-0 1-1 1-2 0-3")], [gold])
    assert (errors.found, errors.sure, errors.found_sure, errors.found_possible) == (4, 3, 2, 3)
    assert errors.error_rate == pytest.approx(2 / 7)
    assert errors.precision == pytest.approx(3 / 4)
    assert errors.recall == pytest.approx(2 / 3)


def test_counts_are_summed_over_the_corpus() -> None:
    short, long = Gold(parsed("0-0"), frozenset()), Gold(parsed("0-0 1-1 2-2"), parsed("0-1"))
    errors = alignment_errors([parsed(""), parsed("0-0 1-1 2-2 0-1")], [short, long])
    assert errors.recall == 3 / 4
    assert errors.precision == 1.0
    assert errors.error_rate == pytest.approx(1 - 7 / 8)


def test_nothing_found_where_nothing_is_sure_is_no_error() -> None:
    errors = alignment_errors([frozenset()], [Gold(frozenset(), parsed("0-0"))])
    assert (errors.error_rate, errors.precision, errors.recall) == (0.0, 1.0, 1.0)


def test_found_and_gold_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="found has 1 entries and gold has 0"):
        alignment_errors([frozenset()], [])


@pytest.mark.parametrize("name", ["enfr", "roen", "zhen", "jaen"])
def test_real_gold_files_come_back(name: str) -> None:
    path = SHARED / name / f"{name}.gold"
    if not path.exists():
        pytest.skip(f"{path} is not here; it holds real gold alignments")
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        gold = parse_gold(line, path.name, number)
        assert sorted(format_gold(gold).split()) == sorted(line.split())
        assert alignment_errors([gold.sure], [gold]).error_rate == 0.0


def test_agreement_is_where_both_directions_look() -> None:
    """√(0.9 · 0.4) and √(0.3 · 0.3) are links from 0.3 on; √(0.7 · 0.1) is none."""
    forward = alignment([[0.9, 0.1], [0.7, 0.3]])
    backward = alignment([[0.4, 0.1], [0.0, 0.3]])
    assert agreement(forward, backward) == {(0, 0), (1, 1)}
    assert agreement(forward, backward, 0.5) == {(0, 0)}
    assert agreement(alignment([], (0, 2)), alignment([[], []], (2, 0))) == frozenset()
