"""Recipes: every fault at once, each with the nearest known name."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from regard.config import BEFORE, Config, dump, fill, load_recipe, parse, value_of
from regard.decoders import DECODERS
from regard.encoders import ENCODERS
from regard.errors import UsageError

TABLES = {"encoder": ENCODERS, "decoder": DECODERS}
DECODERS_0_1_0 = ["bahdanau", "luong", "conditional", "fixed", "transformer"]
SCALARS = ["2001-13-45", "0x_", "!!int x", "!!bool x", "!!timestamp x", "9" * 5000]
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def fault(values: dict, *expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(values, "recipe test")
    for text in expected:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("decoder", "expected"),
    [
        ({"hiden_size": 3}, "unknown key model.decoder.hiden_size; did you mean hidden_size?"),
        (
            {"kind": "fixed", "input_feding": True},
            "unknown key model.decoder.input_feding; did you mean input_feeding, which the luong decoder has?",
        ),
        (
            {"kind": "conditional", "zzz": 1},
            "unknown key model.decoder.zzz; expected one of kind, cell, hidden_size, num_layers, start",
        ),
    ],
)
def test_an_unknown_key_names_the_nearest_and_who_has_it(decoder: dict, expected: str) -> None:
    fault({"model": {"decoder": decoder}}, expected)


def test_all_faults_at_once() -> None:
    fault(
        {"modle": {}, "training": {"learning_rate": -1}, "data": {"source": {"tokenizer": "bpee"}}},
        "unknown key modle; did you mean model?",
        "training.learning_rate is -1: input should be greater than 0",
        "data.source.tokenizer is 'bpee'",
        "did you mean bpe?",
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model": {"decoder": {"kind": "loung"}}}, "did you mean luong?"),
        ({"model": {"encoder": {"kind": "transfomer"}}}, "did you mean transformer?"),
        ({"model": {"attention": {"score": "aditive"}}}, "did you mean additive?"),
        ({"model": {"attention": {"select": "softmx"}}}, "did you mean softmax?"),
        ({"training": {"metric": "bleuu"}}, "did you mean bleu?"),
    ],
)
def test_an_unknown_name_names_the_nearest(values: dict, expected: str) -> None:
    fault(values, "expected one of", expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model": {"decoder": {"kind": "bahdanau", "input_feeding": True}}}, "input_feeding belongs to the luong"),
        ({"model": {"decoder": {"kind": "conditional", "num_layers": 2}}}, "num_layers is 2; expected 1"),
        ({"model": {"decoder": {"kind": "transformer", "cell": "lstm"}}}, "cell belongs to the bahdanau, luong"),
        ({"model": {"decoder": {"norm": "post"}}}, "norm belongs to the transformer decoder; expected no such key for"),
        ({"model": {"encoder": {"num_heads": 2}}}, "num_heads belongs to the transformer encoder"),
        (
            {"model": {"encoder": {"kind": "transformer", "source_bridging": True}}},
            "source_bridging belongs to the recurrent encoder; expected no such key for transformer",
        ),
        (
            {"model": {"decoder": {"kind": "transformer", "num_heads": 7}}},
            "num_heads is 7 and hidden_size is 256; expected a divisor of it",
        ),
        (
            {"model": {"encoder": {"kind": "transformer", "hidden_size": 7, "num_heads": 7}}},
            "hidden_size is 7; expected an even number for sinusoidal positions",
        ),
        (
            {"model": {"decoder": {"kind": "bahdanau", "readout": "state"}, "readout_size": 7}},
            "readout_size is 7 and the output layer reads the 256 features of the bahdanau decoder",
        ),
        ({"model": {"decoder": 3}}, "model.decoder is 3: input should be a valid dictionary"),
        ({"training": {"freeze": "encoder"}}, "training.freeze is 'encoder': input should be a list, such as"),
        (
            {"model": {"decoder": {"kind": ["luong"]}}},
            "model.decoder.kind is ['luong']: input should be a valid string",
        ),
        ({"model": {"tie": "three_way"}}, "expected data.joint: true"),
        ({"model": {"tie": "two_way", "readout_size": 7}}, "readout_size is 7 and embedding_size is 256"),
    ],
)
def test_choices_that_exclude_each_other(values: dict, expected: str) -> None:
    fault(values, expected)


def test_overrides_reach_deep_and_are_typed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: {embedding_size: 3}\n")
    config = load_recipe(path, ["training.learning_rate=0.5", "model.decoder.kind=bahdanau", "training.clip=null"])
    assert (config.training.learning_rate, config.model.decoder.kind, config.training.clip) == (0.5, "bahdanau", None)
    assert config.model.embedding_size == 3


@pytest.mark.parametrize("override", ["a.b", "=3", "model.embedding_size.x=1"])
def test_a_broken_override_is_a_usage_error(tmp_path: Path, override: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: {embedding_size: 3}\n")
    with pytest.raises(UsageError, match="--set is"):
        load_recipe(path, [override])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: [", "is not YAML"),
        (b"- 1\n", "holds a list"),
        (b"\xff\xfe", "is not YAML"),
        (b"#" * 1_000_001, "has more than 1000000 bytes"),
        (b"name: " + b"[" * 50_000, "is nested more than 19 deep"),
        (b"name: &a [*a]", "holds itself, by the alias 'a'"),
        (b"[" + b"0," * 10_000 + b"]", "holds more than 10000 values"),
        (BOMB.encode(), "holds more than 10000 values"),
        *((f"name: {text}".encode(), "one of its values is not of its type") for text in SCALARS),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=expected):
        load_recipe(path)


def test_a_missing_recipe() -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_recipe(Path("/nonexistent.yaml"))


def test_yaml_that_names_python_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(UsageError, match="is not YAML"):
        load_recipe(path)


def test_dump_and_load_agree() -> None:
    config = parse({"model": {"decoder": {"kind": "fixed", "context": "every"}}, "training": {"seed": 7}}, "test")
    assert parse(yaml.safe_load(dump(config)), "test") == config


@pytest.mark.parametrize("stage", ["encoder", "decoder"])
def test_runs_of_0_1_0_load(stage: str) -> None:
    """They hold the keys of all kinds; those of other kinds, which are at their defaults, are left out."""
    table = TABLES[stage]
    stored = yaml.safe_load((Path(__file__).parent / "config-0.1.0.yaml").read_text(encoding="utf-8"))
    kinds = {"encoder": ["recurrent", "transformer"], "decoder": DECODERS_0_1_0}  # those that there were
    for kind in kinds[stage]:
        stored["model"][stage]["kind"] = kind
        config = parse(stored, "a run of 0.1.0")
        assert config == parse({"model": {stage: {"kind": kind}}}, "test")
        assert set(yaml.safe_load(dump(config))["model"][stage]) == set(table[kind].model_fields)
        assert parse(yaml.safe_load(dump(config)), "the same run, written anew") == config


def test_a_run_of_0_1_0_may_say_what_a_transformer_does_anyway() -> None:
    for summary in ("mean", "last"):
        config = parse({"model": {"encoder": {"kind": "transformer", "summary": summary}}}, "test")
        assert config == parse({"model": {"encoder": {"kind": "transformer"}}}, "test")
    fault({"model": {"encoder": {"kind": "transformer", "summary": "max"}}}, "summary belongs to the recurrent encoder")


@pytest.mark.parametrize("path", BEFORE)
def test_a_key_that_is_left_open_can_be_filled(path: str) -> None:
    """Old runs lack it; what a recipe says, the default too, stays."""
    default, before = value_of(parse({}, "test"), path), BEFORE[path]
    assert default != before
    assert value_of(fill(parse({}, "test"), BEFORE), path) == before
    assert fill(parse({"model": {"embedding_size": 3}}, "test"), BEFORE).model.embedding_size == 3
    for said in (default, before):
        values: dict = {}
        inner, (*parents, key) = values, path.split(".")
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[key] = said
        config = parse(values, "test")
        assert value_of(fill(config, BEFORE), path) == said
        assert value_of(fill(parse(yaml.safe_load(dump(config)), "test"), BEFORE), path) == said


def test_every_recipe_loads() -> None:
    recipes = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
    assert recipes
    for path in recipes:
        load_recipe(path)


def numbers(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """The path of every number of a recipe, and the kind of encoder or decoder that has it."""
    for name, field in section.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        if name in TABLES:
            for kind, found in TABLES[name].items():
                yield from ((number, kind) for number, _ in numbers(found, (*path, name)))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from numbers(field.annotation, (*path, name))
        elif int in kinds or float in kinds:
            yield (*path, name), None


NUMBERS = [pytest.param(*each, id=".".join([*each[0], each[1] or ""])) for each in numbers(Config)]


@pytest.mark.parametrize(("path", "kind"), NUMBERS)
@pytest.mark.parametrize("value", [1e30, 2**63, int("9" * 4000) * 10**5000], ids=["fraction", "integer", "very long"])
def test_every_number_has_a_bound(path: tuple[str, ...], kind: str | None, value: float) -> None:
    values: Any = {path[-1]: value} | ({} if kind is None else {"kind": kind})
    for name in reversed(path[:-1]):
        values = {name: values}
    fault(values, f"{'.'.join(path)} is ")


def test_many_and_long_faults_stay_one_sentence() -> None:
    with pytest.raises(UsageError) as caught:
        parse(
            {"x" * 100_000: 1, "model": {"attention": {"score": "y" * 100_000}}, **{f"k{n}": n for n in range(999)}}, ""
        )
    assert len(str(caught.value)) < 2000


def test_a_recipe_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"pipe: is a pipe, no file. Give the path of a YAML file"):
        load_recipe(tmp_path / "pipe")
    with pytest.raises(UsageError, match=r"/dev/zero: is a device, no file"):
        load_recipe(Path("/dev/zero"))
