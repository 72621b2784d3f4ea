"""The benchmark of how cost grows: it does what it says at every point, and writes what was measured and no more."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from regard.data.batch import BEGIN, END
from regard.model.build import build_model

ROOT = Path(__file__).parents[1]


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("growth_model")


@pytest.fixture
def work(points: Any) -> Any:
    return import_module("growth_work")


@pytest.fixture
def page(points: Any) -> Any:
    return import_module("growth_page")


@pytest.fixture
def reference(points: Any) -> Any:
    return import_module("growth_model").Reference(101)


@pytest.fixture
def small(points: Any) -> Any:
    return points.Point(source=7, vocabulary=101, batch=3, target=5)


def law(point: Any, line: str) -> float:
    """Microseconds of a target token of a machine that is known."""
    factor = {"training": 3.0, "greedy": 1.0}[line]
    return factor * (2 * point.source + point.vocabulary / 100) * (1 + 4 / point.batch)


@pytest.fixture
def growth(points: Any, page: Any) -> Any:
    """As if it had been measured there, with parts that are fixed shares of the whole."""
    grid = points.Grid(points.Point(), points.QUICK_SIZES)
    parts = {"encoder": 0.1, "decoder": 0.34, "near": 0.04, "output": 0.56, "whole": 1.0, "optimiser": 0.04}
    seconds = {
        (point, line, part): [share * noise * law(point, line) * point.tokens / 1e6 for noise in (0.5, 1, 2)]
        for point in grid
        for line in page.NAMES
        for part, share in parts.items()
        if (part, line) != ("optimiser", "greedy")
    }
    return page.Growth(grid, seconds, 1_000_000, SimpleNamespace(sgemm=[80.0], reading=[20.0]))


def test_one_quantity_grows_at_a_time(points: Any) -> None:
    grid = points.Grid()
    assert (grid.usual.source, grid.usual.target, grid.usual.vocabulary, grid.usual.batch) == (15, 15, 10_000, 64)
    for axis in points.AXES:
        assert grid.usual in grid.points(axis)
        sizes = [getattr(point, axis) for point in grid.points(axis)]
        assert all(few < more for few, more in pairwise(sizes))
        for size, point in zip(sizes, grid.points(axis), strict=True):
            assert point == replace(grid.usual, **{axis: size})
    assert [len(list(grid)), len(set(grid))] == [sum(map(len, points.SIZES.values())) - 2] * 2


def test_a_batch_has_the_sizes_of_its_point(small: Any) -> None:
    batch = import_module("growth_model").made_up(small)
    assert (batch.source.shape, batch.targets.shape) == ((3, 7), (3, 5))
    for side in (batch.source, batch.targets):
        assert (side == END).sum(1).tolist() == [1, 1, 1]
        assert side[:, -1].tolist() == [END] * 3
        assert side.max() < small.vocabulary
    assert batch.inputs[:, 0].tolist() == [BEGIN] * 3
    assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])


def test_an_output_is_as_long_as_was_asked(work: Any, small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model that would rather end it at once."""
    models = import_module("growth_model")

    def hasty(*given: Any) -> Any:
        model = build_model(*given)
        with torch.no_grad():
            model.tokens.output.bias[END] = 50.0
        return model

    monkeypatch.setattr(models, "build_model", hasty)
    search = work.Search(models.Reference(101), small)
    found = search.whole()
    assert [len(each.tokens) for each in found] == [5] * 3
    assert all(END not in each.tokens for each in found)
    assert {each.weights.shape for each in found} == {(5, 7)}


def test_a_part_takes_what_it_is_named_for(
    work: Any, reference: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a search on a clock that goes on by one for each step of the decoder, and by a hundred for each choice."""
    search, now, looked = work.Search(reference, small), [0], []
    advance, best = search.model.decoder.advance, search.tokens.best

    def slow_advance(*given: Any) -> Any:
        now[0] += 1
        moved = advance(*given)
        looked.append(tuple(moved.weights.shape))
        return moved

    def slow_best(*given: Any) -> Any:
        now[0] += 100
        return best(*given)

    monkeypatch.setattr(search.model.decoder, "advance", slow_advance)
    monkeypatch.setattr(search.tokens, "best", slow_best)
    monkeypatch.setattr(work.time, "perf_counter", lambda: now[0])
    seconds = {}
    for name, part in search.parts().items():
        seconds[name] = part(), set(looked)
        looked.clear()
    far, near = {(3, 7)}, {(3, 1)}
    assert seconds == {"encoder": (0, set()), "decoder": (5, far), "near": (5, near), "output": (500, far)}


def test_the_parts_of_training_are_the_whole(work: Any, reference: Any, small: Any) -> None:
    """Encoder, decoder and output layer give every weight its gradient, and none twice; an update moves them all."""
    training = work.Training(reference, small)
    named = dict(training.model.named_parameters())
    parts, touched = training.parts(), {}
    for part in ("encoder", "decoder", "near", "output"):
        assert parts[part]() > 0
        touched[part] = {name for name, parameter in named.items() if parameter.grad is not None}
    assert touched["near"] == touched["decoder"]
    assert sorted(chain(touched["encoder"], touched["decoder"], touched["output"])) == sorted(named)
    before = {name: parameter.detach().clone() for name, parameter in named.items()}
    assert training.whole().tokens == small.tokens
    assert not any(torch.equal(before[name], parameter) for name, parameter in named.items())


def test_the_optimiser_has_gradients_behind_an_update(work: Any, reference: Any, small: Any) -> None:
    training = work.Training(reference, small)
    training.whole()
    before = training.model.tokens.output.weight.detach().clone()
    first, optimise = next(iter(training.parts().items()))
    optimise()
    assert first == "optimiser"
    assert not torch.equal(before, training.model.tokens.output.weight)


def test_a_work_is_timed_behind_itself(points: Any) -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return 0.01

    given = {name: partial(work, name) for name in ("a", "b")}
    growth = import_module("growth")
    seconds = growth.timed(given, 2, lambda: calls.append("sgemm"))
    turn = ["sgemm", *"a" * (1 + growth.MOST_REPEATS), *"b" * (1 + growth.MOST_REPEATS)]
    assert calls == 2 * turn
    assert seconds == {"a": [0.01] * 2, "b": [0.01] * 2}


def test_a_law_is_found_again(page: Any) -> None:
    fit = page.Fit.of([10, 20, 40], [3 + 2 * x for x in (10, 20, 40)])
    assert (fit.constant, fit.slope, fit.error) == pytest.approx((3, 2, 0), abs=1e-9)
    assert page.Fit.of([1, 2, 3], [1, 4, 9]).error > 0.1


def test_the_sentences_say_what_was_measured(growth: Any, page: Any) -> None:
    found = list(page.sentences(growth))
    assert len(found) == 6
    assert found[0] == (
        "- **Training, 5 to 30 source tokens**: 351 → 510 µs a target token, 1.5 ×. At 5: output layer 56 %, "
        "attention 30 %, encoder 10 %; at 30: output layer 56 %, attention 30 %, encoder 10 %. "
        "319 µs + 6.4 µs a source token fits all points within 0 %; both parts are equal at 50."
    )
    assert "; both parts are equal at 3,000." in found[2]
    assert (
        "at 4.0. Whatever the batch, the optimiser moves 8 numbers for each of 1.0 million weights, 32 MB:" in found[4]
    )
    assert "a step with all logits reads 28.9 MB of weights: for a single row at" in found[5]
    assert all("optimiser" not in line for line in found[1::2])


def test_the_table_has_every_point(growth: Any, page: Any, points: Any) -> None:
    lines = page.table(growth).splitlines()
    assert len(lines) == 2 + sum(1 + len(sizes) for sizes in points.QUICK_SIZES.values())
    point = growth.grid.points("source")[0]
    cells = [
        f"{law(point, line):,.0f} [{law(point, line) / 2:,.0f}–{2 * law(point, line):,.0f}]" for line in page.NAMES
    ]
    assert lines[3] == f"| 5 | {cells[0]} | {cells[1]} |"


def test_the_picture_has_a_line_for_every_column(growth: Any, page: Any, points: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    panels = page.draw(growth).axes
    assert len(panels) == 3
    for axes, axis in zip(panels, points.AXES, strict=True):
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
        for line in page.NAMES:
            measured = [
                [getattr(point, axis), median(growth.seconds[point, line, "whole"]) / point.tokens * 1e6]
                for point in growth.grid.points(axis)
            ]
            assert drawn[line] == [pytest.approx(pair) for pair in measured]
    page.save(growth, tmp_path / "growth.svg")
    assert all(f">{unit}</text>" in (tmp_path / "growth.svg").read_text() for unit in points.AXES.values())


@pytest.mark.slow
def test_a_quick_run_fills_page_and_picture(points: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    begin, end = import_module("timing.figures").MARKS
    page, picture = tmp_path / "page.md", tmp_path / "growth.png"
    page.write_text(f"# Title\n\n{begin}\nold\n{end}\n\nMore.\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "growth.py"), "--quick", "--threads", "1", "--rounds", "1"]
    places = ["--page", str(page), "--picture", str(picture)]
    printed = subprocess.run([*command, *places], capture_output=True, text=True, check=True).stdout
    assert page.read_text(encoding="utf-8") == f"# Title\n\n{begin}\n{printed}{end}\n\nMore.\n"
    rows = [line for line in printed.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == sum(map(len, points.QUICK_SIZES.values()))
    assert sum(line.startswith("- **") for line in printed.splitlines()) == 6
    assert picture.read_bytes().startswith(b"\x89PNG")
