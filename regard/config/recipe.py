"""A recipe, and how a file and `--set a.b=c` become one."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, get_args, get_origin

import yaml
from pydantic import Field, ValidationError, model_validator

from regard.config.data import DataConfig
from regard.config.fitting import check_fit
from regard.config.model import ModelConfig
from regard.config.search import SearchConfig
from regard.config.section import Section
from regard.config.several import spelled_out
from regard.config.stage import DecoderConfig, EncoderConfig, OutputConfig, SourceConfig, keys, owners, section
from regard.config.text import read_yaml
from regard.config.training import TrainingConfig
from regard.data.sources import SOURCES
from regard.decoders import DECODERS, OUTPUTS
from regard.encoders import ENCODERS
from regard.errors import UsageError
from regard.files import read_small
from regard.registry import Table

MAX_BYTES = 1_000_000
STAGES: Mapping[type[Section], Table] = {
    SourceConfig: SOURCES,
    EncoderConfig: ENCODERS,
    DecoderConfig: DECODERS,
    OutputConfig: OUTPUTS,
}
MOST_FAULTS = 8
_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 60, 60

BEFORE: Mapping[str, Any] = {"model.attention.end": True}
"""What a run did whose config.yaml was written before there was such a key. In a recipe the default of today counts."""


class Config(Section):
    """A recipe: every choice of a run, and no logic."""

    name: str = Field("model", max_length=200, description="shown on the model card")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()

    @property
    def ctc_weight(self) -> float:
        """Share of CTC in the score of an output."""
        given = self.search.ctc_weight
        return self.training.ctc if given is None else given

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, values: Any) -> Any:
        """Without the short forms `data.sources` and `data.features`."""
        return spelled_out(values)

    @model_validator(mode="after")
    def _fitting(self) -> "Config":
        check_fit(self)
        return self


def load_recipe(path: Path, overrides: Iterable[str] = ()) -> Config:
    """The recipe in a YAML file, with `a.b=c` overrides. Raises UsageError that names every fault at once."""
    try:
        text = read_small(path, MAX_BYTES).decode()
    except OSError as error:
        raise UsageError(f"recipe {path}: {error.strerror}. Give the path of a YAML file of a few lines.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"recipe {path} is not YAML: {error}. Give a YAML file of a few lines.") from error
    try:
        values = read_yaml(text)
    except ValueError as error:
        raise UsageError(f"recipe {path} {error}. Give a YAML file of a few lines.") from error
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
        meant = spelled_out(values)
        found = [_fault(dict(detail), meant) for detail in error.errors(include_url=False)[: MOST_FAULTS + 1]]
        faults = "; ".join(found[:MOST_FAULTS]) + (" and more" if len(found) > MOST_FAULTS else "")
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
        values[key] = read_yaml(value)
    except ValueError as error:
        raise UsageError(f"--set is {override!r}; the value {error}.") from error


def _fault(detail: dict[str, Any], values: Mapping[str, Any]) -> str:
    """One fault: where, what was given, what is accepted, what to do."""
    location = [str(part)[:60] for part in detail["loc"]]
    path = ".".join(location) or "recipe"
    if detail["type"] == "extra_forbidden":
        return _unknown(path, location, values)
    message = detail["msg"].removeprefix("Value error, ").rstrip(".").replace("a valid tuple", "a list, such as [a, b]")
    if detail["type"] == "literal_error":
        choices = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        near = get_close_matches(_short(detail["input"]).strip("'"), choices, 1)
        message += f" (did you mean {near[0]}?)" if near else ""
    given = "" if detail["type"] in ("value_error", "missing") else f" is {_short(detail['input'])}"
    return f"{path}{given}: {message[0].lower()}{message[1:]}"


def _short(value: Any) -> str:
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a very long number"


def _unknown(path: str, location: Sequence[str], values: Mapping[str, Any]) -> str:
    """A key that its section does not have: whose it is, or the nearest that there is."""
    *parents, key = location
    known, table, kind = _keys(parents, values)
    if table is not None and (kinds := owners(table, key)):
        return f"{path} belongs to the {', '.join(kinds)} {table.kind}; expected no such key for {kind}"
    if near := get_close_matches(key, known, 1):
        return f"unknown key {path}; did you mean {near[0]}?"
    if table is not None and (near := get_close_matches(key, keys(table), 1)):
        kinds = owners(table, near[0])
        return f"unknown key {path}; did you mean {near[0]}, which the {', '.join(kinds)} {table.kind} has?"
    return f"unknown key {path}; " + (f"expected one of {', '.join(known)}" if known else "expected no such key")


def _entry(annotation: Any) -> Any:
    """What the entries of a mapping are, whose keys are the user's; None for anything else."""
    if get_origin(annotation) is not dict:
        return None
    entry = get_args(annotation)[1]
    return get_args(entry)[0] if get_origin(entry) is Annotated else entry


def _keys(parents: Sequence[str], values: Any) -> tuple[list[str], Table | None, str]:
    """The keys of the section there; of an encoder or a decoder also their table and which one it is."""
    model: Any = Config
    table, kind = None, ""
    for part in parents:
        entry = _entry(model)
        field = None if entry else model.model_fields.get(part)
        model, table = entry if field is None else field.annotation, None
        values = values.get(part, {})
        if _entry(model):
            continue
        if not (isinstance(model, type) and issubclass(model, Section)):  # within a section of another package
            return [], None, ""
        if model in STAGES:
            table = STAGES[model]
            usual = next(iter(table.places)) if field is None else field.default.kind
            kind = str(values.get("kind", usual))
            model = section(table, kind, model)
    return list(model.model_fields), table, kind
