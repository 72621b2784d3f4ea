"""The parts of a docstring of Regard: summary, formula, source, arguments, cost, notes, example."""

import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Any

ENTRY = re.compile(r"^    (\w[\w, ]*): ", re.MULTILINE)
COST = re.compile(r"time (O\(.+?\)), memory (O\(.+?\))\.(?: (.+))?$")


@dataclass(frozen=True)
class Docstring:
    """What a docstring says; a part that it lacks is empty.

    Args:
        summary: its first paragraph.
        formula: the indented lines, with their breaks.
        source: the paper, and where in it.
        arguments: name → meaning.
        cost: time and memory, and remarks.
        notes: the other paragraphs.
        example: the session in Python.
        caption: the words above the example.
    """

    summary: str
    formula: str
    source: str
    arguments: dict[str, str]
    cost: str
    notes: tuple[str, ...]
    example: str
    caption: str

    @property
    def time_and_memory(self) -> tuple[str, str, str]:
        """The two orders of growth, and remarks. Raises ValueError where they are not written as they should be."""
        found = COST.match(self.cost)
        if found is None:
            raise ValueError(f"cost is {self.cost!r}; expected 'time O(…), memory O(…).' Write it like the others.")
        return found[1], found[2], found[3] or ""

    @property
    def place(self) -> str:
        """The first sentence of the source: paper, year, equation."""
        return re.split(r"(?<=[^.])\. +(?=[A-Z])", self.source + " ")[0].removesuffix(" ").removesuffix(".")


def read(documented: Any) -> Docstring:
    """The docstring of a class, in its parts. Paragraphs lose their line breaks, formula and example keep them."""
    summary, *blocks = re.split(r"\n{2,}", inspect.cleandoc(documented.__doc__ or ""))
    labelled = {"Source": "", "Cost": ""}
    formula, example, caption = "", "", ""
    notes: list[str] = []
    arguments: dict[str, str] = {}
    before = ""
    for block in blocks:
        label, _, rest = block.partition(":")
        if textwrap.dedent(block).startswith(">>>"):
            example = textwrap.dedent(block)
            if notes and before == notes[-1]:
                caption = notes.pop()
        elif block.startswith(" "):
            formula += textwrap.dedent(block) + "\n"
        elif label == "Args":
            arguments = _arguments(rest)
        elif label in labelled:
            labelled[label] = _joined(rest)
        else:
            notes.append(_joined(block))
        before = _joined(block)
    source, cost = labelled["Source"], labelled["Cost"]
    return Docstring(_joined(summary), formula, source, arguments, cost, tuple(notes), example, caption)


def _arguments(text: str) -> dict[str, str]:
    _, *parts = ENTRY.split(text)
    return {
        name: _joined(meaning)
        for names, meaning in zip(parts[::2], parts[1::2], strict=True)
        for name in names.split(", ")
    }


def _joined(paragraph: str) -> str:
    return " ".join(paragraph.split())
