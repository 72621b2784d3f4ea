"""The tour: its snippets run, its files exist, and both languages show the same code."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
TOURS = ("tour.md", "tour.zh.md")


def code(name: str) -> list[str]:
    text = (DOCS / name).read_text(encoding="utf-8")
    return [re.sub(r" +#[^\n]*", "", block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


def test_its_snippets_run() -> None:
    text = (DOCS / "tour.md").read_text(encoding="utf-8")
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    parsed = doctest.DocTestParser().get_doctest(text, {}, "tour.md", "tour.md", 0)
    runner = doctest.DocTestRunner(optionflags=options)
    said: list[str] = []
    runner.run(parsed, out=said.append)
    assert parsed.examples
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_both_languages_show_the_same_code() -> None:
    assert code("tour.md") == code("tour.zh.md")


@pytest.mark.parametrize("name", TOURS)
def test_the_files_that_it_names_exist(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (DOCS / name).read_text(encoding="utf-8"))
    assert len(links) >= 20
    for link in links:
        assert (DOCS / link).exists(), link
