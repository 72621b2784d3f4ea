"""Writes docs/mechanisms.md from the tables and docstrings of `regard.attention`: `make docs`."""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import chain, product
from pathlib import Path
from typing import Any, get_args

from docstring import Docstring, read
from torch import nn

import regard.attention
from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS
from regard.attention.rules import NOT_NORMALIZED, POSITIONAL, REFUSED, SAME_SIZE, SURROGATE_GRADIENT, refusal
from regard.registry import Table

PAGE = Path(__file__).with_name("mechanisms.md")
SIZES = ("query_size", "key_size", "value_size")
CHAPTERS = (
    ("Scores", SCORES, "How well does each key answer the query? `model.attention.score` in a recipe."),
    ("Selections", SELECTIONS, "From scores to weights. `model.attention.select` in a recipe."),
    ("Windows", WINDOWS, "Which positions may be looked at, and with what gain. `model.attention.window` in a recipe."),
    ("Poolings", POOLINGS, "A sequence in one vector: `model.decoder.pool` of a recipe for labels."),
)
MARKS = {
    "sequential": "reads the weights of earlier steps, so that steps are run one by one",
    "timed": "reads how many steps there were",
    "random": "draws in training mode, from a seed per row",
    "sampled": "ends with a choice, which the score-function objective teaches",
    "annealed": "follows the temperature that training lets fall",
    "positional": "asks where a key stands, not only what it is",
    "same size": "wants queries and keys of one size",
}
INTRODUCTION = """# Mechanisms of attention

Every mechanism of `regard.attention`: what it computes, from which equation, with which shapes, at what cost. This page
is made from the tables and the docstrings; `make docs` writes it, and a test holds it to them.

    scores        = score(query, prepared keys, history)
    visible, gain = window(query, source, history)
    weights       = select(scores, visible, history) · gain
    context       = weights @ values

**Shapes** are those of the annotations, which the tests check at every call: `hidden` and the like are options, `#axis`
is that axis or 1. Masks are bool, and True is real.

**Cost** is that of all target positions of a batch, forward and backward, beyond the inputs, the parameters and their
gradients; a test measures how it grows.

**Marks** say what a caller must know:
"""


def page() -> str:
    """The whole page."""
    marks = "\n".join(f"- *{mark}*: {meaning};" for mark, meaning in MARKS.items())
    parts = [INTRODUCTION, f"{marks.removesuffix(';')}.\n", "## From the paper to the file\n", _papers()]
    for title, table, meaning in CHAPTERS:
        parts += [f"## {title}\n", f"{meaning}\n", _overview(table), *(_section(*each) for each in table.items())]
    others = dict(_others())
    parts += ["## Put together\n", f"What stands around the entries: {', '.join(map(_anchor, others))}.\n"]
    return "\n".join([*parts, *(_section(*each) for each in others.items()), "## What does not combine\n", _refused()])


def mechanisms() -> Iterator[tuple[str, Any]]:
    """Every mechanism of the page, in its order."""
    yield from chain.from_iterable(table.items() for _, table, _ in CHAPTERS)
    yield from _others()


def _others() -> Iterator[tuple[str, Any]]:
    """The modules that are in no table, by file."""
    listed = [entry for _, table, _ in CHAPTERS for entry in table.values()]
    for found in pkgutil.iter_modules(regard.attention.__path__, "regard.attention."):
        for name, thing in inspect.getmembers(import_module(found.name), inspect.isclass):
            here = thing.__module__ == found.name and not name.startswith("_")
            if here and issubclass(thing, nn.Module) and thing not in listed:
                yield f"{found.name.split('.')[-1]}.{name}", thing


def _papers() -> str:
    """From a place in the literature to a file."""
    known = [(read(entry).place, name, _file(entry)) for name, entry in mechanisms()]
    lines = ["| paper | mechanism | file |", "| --- | --- | --- |"]
    lines += [f"| {_linked(place)} | {_anchor(name)} | {file} |" for place, name, file in sorted(known)]
    return "\n".join(lines) + "\n"


def _overview(table: Table) -> str:
    lines = ["| name | formula | time | memory | marks |", "| --- | --- | --- | --- | --- |"]
    for name, entry in table.items():
        described = read(entry)
        formula = "<br>".join(_code(line) for line in described.formula.splitlines())
        time, memory, _ = described.time_and_memory
        marks = [*_marks(name, entry), *(["not normalised"] if name in NOT_NORMALIZED else [])]
        lines.append(f"| {_anchor(name)} | {formula} | {_code(time)} | {_code(memory)} | {', '.join(marks)} |")
    return "\n".join(lines) + "\n"


def _section(name: str, entry: Any) -> str:
    """All that is known of one mechanism."""
    described = read(entry)
    paragraphs = [f"### {name}", f"{described.summary} {_file(entry)}", f"```\n{described.formula}```"]
    paragraphs += [f"Source: {_linked(described.source)}", *described.notes]
    facts = [*_shapes(entry), f"cost: {described.cost}", *_promises(name, entry), *_options(entry, described)]
    paragraphs += ["\n".join(f"- {fact}" for fact in facts)]
    paragraphs += [described.caption] if described.caption else []
    imported = (
        ""
        if f"import {entry.__name__}" in described.example or entry.__name__ not in described.example
        else (f">>> from {entry.__module__} import {entry.__name__}\n")
    )
    return "\n\n".join([*paragraphs, f"```python\n{imported}{described.example}\n```\n"])


def _marks(name: str, entry: Any) -> list[str]:
    marks = {mark for mark in MARKS if getattr(entry, mark, False) is True}
    marks |= {mark for mark, names in (("positional", POSITIONAL), ("same size", SAME_SIZE)) if name in names}
    return [mark for mark in MARKS if mark in marks]


def _promises(name: str, entry: Any) -> Iterator[str]:
    """What a caller must know of it."""
    if marks := _marks(name, entry):
        yield f"marks: {', '.join(marks)}"
    if name in SELECTIONS or name in WINDOWS or name in POOLINGS:
        yield "weights sum to one: " + (f"no: {NOT_NORMALIZED[name]}" if name in NOT_NORMALIZED else "yes")
    if name in SURROGATE_GRADIENT:
        yield f"gradient: {SURROGATE_GRADIENT[name]}"


def _shapes(entry: Any) -> Iterator[str]:
    """One line per method that computes: what goes in, what comes out."""
    for method, function in vars(entry).items():
        if inspect.isfunction(function) and not method.startswith("_"):
            signature = inspect.signature(function)
            shapes = {name: shape(parameter.annotation) for name, parameter in signature.parameters.items()}
            given = [name if axes.lower() == name else f"{name} {axes}".strip() for name, axes in shapes.items()]
            yield f"`{method}`: {', '.join(given[1:])} → {shape(signature.return_annotation)}"


def shape(annotation: Any) -> str:
    """The axes of a tensor, the name of a record of ours; nothing for a plain number."""
    if hasattr(annotation, "dim_str"):
        return "(" + ", ".join(annotation.dim_str.split()) + ")"
    if get_args(annotation):
        return ", ".join(filter(None, map(shape, get_args(annotation))))
    ours = getattr(annotation, "__module__", "").startswith("regard.")
    return annotation.__name__ if ours else ""


def _options(entry: Any, described: Docstring) -> Iterator[str]:
    """The options of a constructor that have a default."""
    for name, parameter in inspect.signature(entry).parameters.items():
        if name not in SIZES and parameter.default is not inspect.Parameter.empty:
            yield f"`{name}` = `{parameter.default!r}`: {described.arguments[name]}"


def _refused() -> str:
    tables = (SCORES, SELECTIONS, WINDOWS)
    every = list(product(*tables))
    refused = sum(refusal(*names) is not None for names in every)
    lines = [
        f"Of {len(every)} combinations of score, selection and window {len(every) - refused} run, with one head or",
        f"with several. The other {refused} are refused, with the reason:\n",
        "| score | selection | window | why |",
        "| --- | --- | --- | --- |",
    ]
    for *names, reason in REFUSED:
        lines.append("| " + " | ".join(f"`{name}`" if name else "every" for name in names) + f" | {reason} |")
    return "\n".join(lines) + "\n"


def _anchor(name: str) -> str:
    return f"[`{name}`](#{name.lower().replace('.', '')})"


def _file(entry: Any) -> str:
    place = entry.__module__.replace(".", "/") + ".py"
    return f"[`{place.removeprefix('regard/')}`](../{place})"


def _linked(text: str) -> str:
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
