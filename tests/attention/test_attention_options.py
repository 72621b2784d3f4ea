"""Sizes and options out of range are refused where a part is built, by a recipe too; the tables say which there are."""

import re
from collections.abc import Iterator
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS
from regard.attention.build import build_attention, build_self_attention
from regard.attention.dot import DotScore
from regard.attention.multihead import Heads
from regard.attention.positions import RelativeScore, SinusoidalPositions
from regard.cli.app import app
from regard.config import parse
from regard.data.text import Vocabulary
from regard.errors import UsageError
from regard.model.build import build_model

ENTRIES: dict[str, Any] = {
    name: entry for table in (SCORES, SELECTIONS, WINDOWS, POOLINGS) for name, entry in table.items()
}
PARTS = ENTRIES | {"heads": Heads, "relative": RelativeScore, "sinusoidal": SinusoidalPositions}
GIVEN: dict[str, Any] = {"query_size": 6, "key_size": 6, "value_size": 6, "num_heads": 2, "size": 6}
OUT_OF_RANGE = {int: (0, -3), float: (float("nan"), float("inf"))}


def arguments(kind: type) -> Iterator[tuple[str, str]]:
    """Every part, and the name of each number of that kind that it is built with."""
    for part, entry in PARTS.items():
        for name, parameter in signature(entry).parameters.items():
            annotation = parameter.annotation
            taken = {one for one in (get_args(annotation) or (annotation,)) if one is not NoneType}
            if kind in taken and parameter.kind in (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
                yield part, name


def build(part: str, **changed: Any) -> Any:
    """The part in small sizes, one of them changed."""
    entry = PARTS[part]
    given = {name: GIVEN[name] for name in signature(entry).parameters if name in GIVEN}
    return entry(**({"score": DotScore(6, 6)} if part == "relative" else {}), **given | changed)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [(*argument, value) for kind, values in OUT_OF_RANGE.items() for argument in arguments(kind) for value in values],
)
def test_a_number_out_of_range_is_refused_by_its_name(part: str, name: str, value: float) -> None:
    build(part)
    place, one_sentence = PARTS[part].__name__, r"; expected [^.;]+\. [A-Z][^;]+\.$"
    with pytest.raises(ValueError, match=rf"^{place}: {name} is {value}( and \w+ is \d+)?{one_sentence}"):
        build(part, **{name: value})


def test_the_numbers_are_found() -> None:
    assert {("additive", "hidden_size"), ("local_p", "radius"), ("heads", "output_size")} <= set(arguments(int))
    assert {("cosine", "strength"), ("hard", "expectation"), ("monotonic", "noise")} <= set(arguments(float))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_attention(0, 7), r"^AdditiveScore: query_size is 0; expected 1 or more\. Give a number of feat"),
        (lambda: build_attention(7, -1, score="general"), r"^GeneralScore: key_size is -1; expected 1 or more\."),
        (lambda: build_attention(0, 0, score="dot"), r"^DotScore: query_size is 0; expected 1 or more\."),
        (lambda: build_attention(6, 7, num_heads=-2, value_size=8), r"^Heads: num_heads is -2; expected 1 or more\."),
        (lambda: build_attention(6, 7, num_heads=2, value_size=0), r"^Heads: value_size is 0; expected 1 or more\."),
        (
            lambda: build_attention(6, 7, num_heads=2, value_size=8, output_size=0),
            r"^Heads: output_size is 0; expected 1 or more\. Give a number of features\.$",
        ),
        (lambda: build_self_attention(6, num_heads=0), r"^Heads: num_heads is 0; expected 1 or more\."),
        (lambda: build_self_attention(6, num_heads=2, max_distance=0), r"^RelativeScore: max_distance is 0; expected"),
    ],
)
def test_builders_hand_on_what_the_parts_say(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


KINDS = {"score": SCORES, "select": SELECTIONS, "window": WINDOWS}
OF_A_RECIPE = [
    (part, name, value)
    for kind, values in {int: (0, -3), float: (-1.0,)}.items()
    for part, name in arguments(kind)
    for value in values
    if any(part in table for table in KINDS.values()) and name not in GIVEN and name != "offset"
]


@pytest.mark.parametrize(("part", "name", "value"), OF_A_RECIPE)
def test_a_recipe_is_refused_as_a_whole(part: str, name: str, value: float) -> None:
    chosen = {kind: part for kind, table in KINDS.items() if part in table}
    attention = chosen | {"options": {part: {name: value}}}
    config = parse(
        {"model": {"encoder": {"hidden_size": 3}, "decoder": {"hidden_size": 6}, "attention": attention}}, ""
    )
    with pytest.raises(UsageError, match=rf"^model\.attention: {PARTS[part].__name__}: {name} is {value}; expected "):
        build_model(config.model, Vocabulary(11), 13)


def test_the_command_line_says_it_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("model: {embedding_size: 5, encoder: {hidden_size: 3}}\n")
    (tmp_path / "pairs.tsv").write_text("".join(f"{'ab' * n}\t{'ba' * n}\n" for n in range(1, 60)))
    given = [str(tmp_path / name) for name in ("recipe.yaml", "pairs.tsv")]
    change = "model.attention.options.additive.hidden_size=0"
    done = CliRunner().invoke(app, ["train", *given, "--out", str(tmp_path / "run"), "--set", change])
    assert done.exit_code == 2, done.output
    assert re.search(r"AdditiveScore: hidden_size is 0; expected 1 or more\.", " ".join(done.stderr.split()))
