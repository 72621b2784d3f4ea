"""The page of mechanisms says what the tables and docstrings say, and each of these says all that it should."""

import doctest
import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
generate, docstring = import_module("generate"), import_module("docstring")
MECHANISMS: dict[str, Any] = dict(generate.mechanisms())
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)


@pytest.fixture(scope="module")
def page() -> str:
    return generate.page()


def test_the_page_is_that_of_the_tables_and_docstrings(page: str) -> None:
    assert generate.PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


@every_mechanism
def test_the_docstring_has_every_part(name: str) -> None:
    described = docstring.read(MECHANISMS[name])
    assert described.summary.endswith(".")
    assert any(sign in described.formula for sign in "=~")
    assert re.search(r"(19|20)\d\d, (arXiv:\d{4}\.\d{4,5}|\")", described.source), described.source
    assert re.search(r"arXiv:\d{4}\.\d{4,5}, \w+|\d{4}, \"[\w ]+\", \w+", described.place), "which equation or section"
    assert all(described.time_and_memory[:2])
    assert ">>>" in described.example


@every_mechanism
def test_every_argument_is_explained_and_no_other(name: str) -> None:
    taken = {
        argument
        for argument, parameter in inspect.signature(MECHANISMS[name]).parameters.items()
        if parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }
    assert set(docstring.read(MECHANISMS[name]).arguments) == taken


@every_mechanism
def test_every_tensor_has_its_shape(name: str) -> None:
    entry = MECHANISMS[name]
    for method in ("prepare", "forward"):
        if method in vars(entry):
            signature = inspect.signature(vars(entry)[method])
            annotations = [each.annotation for each in signature.parameters.values()][1:]
            for annotation in [*annotations, signature.return_annotation]:
                assert annotation in (int, float) or generate.shape(annotation), f"{name}.{method}: {annotation}"


def test_every_file_and_section_that_is_linked_exists(page: str) -> None:
    headings = [re.sub(r"[^\w -]", "", line).replace(" ", "-").lower() for line in re.findall(r"^#+ (.+)$", page, re.M)]
    assert len(set(headings)) == len(headings)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(headings)
    for path in set(re.findall(r"\]\(\.\./([^)]+)\)", page)):
        assert (ROOT / path).is_file(), path
    assert len(re.findall(r"^### ", page, re.M)) == len(MECHANISMS)


@pytest.mark.parametrize("number", range(len(MECHANISMS)), ids=list(MECHANISMS))
def test_an_example_runs_as_it_is_printed(page: str, number: int) -> None:
    """Pasted into an empty session, unlike the docstring, which sees the names of its file."""
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[number]
    session = doctest.DocTestParser().get_doctest(example, {}, f"example {number}", None, 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(session).failed == 0


def test_a_cost_that_is_not_written_as_it_should_be() -> None:
    class Costly:
        """A class.

        Cost: a lot.
        """

    with pytest.raises(ValueError, match=r"^cost is 'a lot\.'; expected 'time O\(…\), memory O\(…\)\.' Write it like"):
        _ = docstring.read(Costly).time_and_memory
