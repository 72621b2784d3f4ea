"""What a benchmark prints goes between the marks of a page, and nowhere else."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("timing.figures")


def test_new_lines_take_the_place_of_those_before(pages: Any, tmp_path: Path) -> None:
    (begin, end), page = pages.MARKS, tmp_path / "page.md"
    page.write_text(f"# Title\n\n{begin}\nold\nolder\n{end}\n\nMore.\n", encoding="utf-8")
    for _ in range(2):
        pages.put(["new", "newer"], page)
        assert page.read_text(encoding="utf-8") == f"# Title\n\n{begin}\nnew\nnewer\n{end}\n\nMore.\n"


def test_a_page_without_marks_is_left_alone(pages: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{pages.MARKS[0]}\nold\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"has not both marks, <!-- measured --> and <!-- end -->, once\. Add them"):
        pages.put(["new"], page)
    assert page.read_text(encoding="utf-8") == f"{pages.MARKS[0]}\nold\n"


@pytest.mark.parametrize("name", ["learning", "cost", "attention-speed", "speed"])
def test_the_pages_have_their_marks(pages: Any, name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert [text.count(mark) for mark in pages.MARKS] == [1, 1]
