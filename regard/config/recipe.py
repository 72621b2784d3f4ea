"""A recipe, and how a file and `--set a.b=c` become one."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from regard.config.data import DataConfig
from regard.config.model import ModelConfig
from regard.config.section import Section
from regard.config.training import TrainingConfig
from regard.errors import UsageError

MAX_BYTES = 1_000_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML has it

BEFORE: Mapping[str, Any] = {"model.attention.end": True}
"""What a run did whose config.yaml was written before there was such a key. In a recipe the default of today counts."""


class SearchConfig(Section):
    """From steps to an output."""

    beam_size: int = Field(5, ge=1, le=1000, description="1 is greedy")
    length_normalization: float = Field(1.0, ge=0, description="α of Wu et al. 2016, eq. 14; 0 for none")
    coverage_penalty: float = Field(0.0, ge=0, description="β of Wu et al. 2016, eq. 15")
    batch_size: int = Field(64, ge=1, description="sentences at a time")
    max_ratio: float = Field(2.0, ge=0, description="an output has at most max_ratio × source + max_extra tokens")
    max_extra: int = Field(50, ge=1)


class Config(Section):
    """A recipe: every choice of a run, and no logic."""

    name: str = Field("model", description="shown on the model card")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()

    @model_validator(mode="after")
    def _tied_vocabularies(self) -> "Config":
        if self.model.tie == "three_way" and not self.data.joint:
            raise ValueError("model.tie is three_way; expected data.joint: true, since both sides share one table")
        return self

    @model_validator(mode="after")
    def _taught(self) -> "Config":
        """Keys of an objective or a temperature belong to the selections that need them."""
        from regard.attention import SELECTIONS

        select = "softmax" if self.model.decoder.kind == "fixed" else self.model.attention.select
        for key, mark in (("hard", "sampled"), ("temperature", "annealed")):
            if getattr(self.training, key) == TrainingConfig.model_fields[key].default:
                continue
            if not getattr(SELECTIONS[select], mark, False):
                owners = [name for name in SELECTIONS if getattr(SELECTIONS[name], mark, False)]
                raise ValueError(
                    f"training.{key} belongs to attention that selects with {', '.join(owners)}; "
                    f"expected no such key for {self.model.decoder.kind} with {self.model.attention.select}"
                )
        return self


def load_recipe(path: Path, overrides: Iterable[str] = ()) -> Config:
    """The recipe in a YAML file, with `a.b=c` overrides. Raises UsageError that names every fault at once."""
    try:
        text = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        raise UsageError(f"recipe {path}: {error.strerror}. Give the path of a YAML file.") from error
    if len(text) > MAX_BYTES:
        raise UsageError(f"recipe {path} has more than {MAX_BYTES} bytes; expected a YAML file of a few lines.")
    try:
        values = yaml.load(text.decode(), LOADER)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"recipe {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict | None):
        raise UsageError(f"recipe {path} holds a {type(values).__name__}; expected keys such as data, model, training.")
    return adapted(values or {}, overrides, f"recipe {path}")


def adapted(values: dict[str, Any], overrides: Iterable[str], where: str) -> Config:
    """The recipe in a mapping, with `a.b=c` overrides. Raises UsageError as `parse` does."""
    values = deepcopy(values)
    for override in overrides:
        _override(values, override)
    return parse(values, where)


def parse(values: Mapping[str, Any], where: str) -> Config:
    """The recipe in a mapping. Raises UsageError that names every fault at once, each with the nearest known key."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_fault(dict(detail)) for detail in error.errors())
        raise UsageError(f"{where}: {faults}{'' if faults.endswith('?') else '.'}") from error


def fill(config: Config, values: Mapping[str, Any]) -> Config:
    """The recipe with these values, by a.b.c, for the keys that it leaves open."""
    for path, value in values.items():
        config = _filled(config, path.split("."), value)
    return config


def value_of(config: Config, path: str) -> Any:
    """What stands at a.b.c of a recipe."""
    return reduce(getattr, path.split("."), config)


def dump(config: Config) -> str:
    """YAML of a recipe, defaults written out, so that a later version with other defaults reads the same run."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _filled(section: Any, path: Sequence[str], value: Any) -> Any:
    key, *rest = path
    if not rest and key in section.model_fields_set:
        return section
    return section.model_copy(update={key: _filled(getattr(section, key), rest, value) if rest else value})


def _override(values: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    *parents, key = path.split(".")
    if not equals or not key:
        raise UsageError(f"--set is {override!r}; expected a.b=c, for example training.learning_rate=0.0005.")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise UsageError(f"--set is {override!r}; {parent!r} holds a value, not further keys.")
    try:
        values[key] = yaml.load(value, LOADER)
    except yaml.YAMLError as error:
        raise UsageError(f"--set is {override!r}; the value is not YAML.") from error


def _fault(detail: dict[str, Any]) -> str:
    """One fault: where, what was given, what is accepted, what to do."""
    location = [str(part) for part in detail["loc"]]
    path = ".".join(location) or "recipe"
    if detail["type"] == "extra_forbidden":
        known = list(_section(location[:-1]).model_fields)
        near = get_close_matches(location[-1], known, 1)
        return f"unknown key {path}; " + (f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}")
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    if detail["type"] == "literal_error":
        choices = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        near = get_close_matches(str(detail["input"]), choices, 1)
        message += f" (did you mean {near[0]}?)" if near else ""
    given = "" if detail["type"] in ("value_error", "missing") else f" is {detail['input']!r}"
    return f"{path}{given}: {message[0].lower()}{message[1:]}"


def _section(location: list[str]) -> type[BaseModel]:
    model: type[BaseModel] = Config
    for part in location:
        annotation = model.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    return model
