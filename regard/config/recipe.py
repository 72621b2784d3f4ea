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
from regard.config.model import ModelConfig
from regard.config.section import Section
from regard.config.several import SeveralConfig, SeveralEncoderConfig, spelled_out
from regard.config.sources import TextConfig
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


class SearchConfig(Section):
    """From steps to an output."""

    beam_size: int = Field(5, ge=1, le=1000, description="1 is greedy")
    length_normalization: float = Field(1.0, ge=0, le=100, description="α of Wu et al. 2016, eq. 14; 0 for none")
    coverage_penalty: float = Field(0.0, ge=0, le=100, description="β of Wu et al. 2016, eq. 15")
    ctc_weight: float | None = Field(
        None, ge=0, le=1, description="share of CTC in the score of an output; null: as training.ctc, 0 for none"
    )
    no_repeat_ngram: int = Field(
        0, ge=0, le=100_000, description="so many tokens in a row come once in an output; 0 for no such rule"
    )
    min_length: int = Field(0, ge=0, le=100_000, description="tokens of an output before its end, at least")
    batch_size: int = Field(64, ge=1, le=100_000, description="sentences at a time")
    max_ratio: float = Field(
        2.0, ge=0, le=1000, description="an output has at most max_ratio × source + max_extra tokens"
    )
    max_extra: int = Field(50, ge=1, le=100_000)


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
    def _parted(self) -> "Config":
        """An encoder of several texts reads the parts of a source that has them, and no other source."""
        source, encoder, data = self.data.source, self.model.encoder, self.data
        if data.sources or data.features:
            raise ValueError(
                "data.sources and data.features stand for data.source.kind several and model.encoder.kind several; "
                "expected neither of these beside them, and each column once"
            )
        if isinstance(source, SeveralConfig) != isinstance(encoder, SeveralEncoderConfig):
            raise ValueError(
                f"model.encoder.kind is {encoder.kind} and data.source.kind is {source.kind}; expected several for "
                "both, or for neither"
            )
        if isinstance(source, SeveralConfig) and isinstance(encoder, SeveralEncoderConfig):
            if [*source.parts] != [*encoder.parts]:
                raise ValueError(
                    f"model.encoder.parts are {', '.join(encoder.parts)}; expected those of data.source.parts, "
                    f"{', '.join(source.parts)}"
                )
            if self.training.ctc:
                raise ValueError(
                    f"training.ctc is {self.training.ctc}; expected 0 for data.source.kind several, whose parts are "
                    "read side by side"
                )
        return self

    @model_validator(mode="after")
    def _labelled(self) -> "Config":
        if self.search.ctc_weight and not self.training.ctc:
            raise ValueError(
                f"search.ctc_weight is {self.search.ctc_weight} and training.ctc is 0; expected a weight of 0, since "
                "nothing teaches CTC, or training.ctc above 0, such as 0.3"
            )
        return self

    @model_validator(mode="after")
    def _tied_vocabularies(self) -> "Config":
        if self.model.tie == "three_way" and not self.data.joint:
            raise ValueError("model.tie is three_way; expected data.joint: true, since both sides share one table")
        return self

    @model_validator(mode="after")
    def _readable(self) -> "Config":
        """An encoder of sequences cannot read pictures, nor one of pictures sequences; terms of the loss need what they
        read."""
        encoder, source, training = self.model.encoder, self.data.source, self.training
        if training.ctc and source.axes != 1:
            raise ValueError(
                f"training.ctc is {training.ctc}; expected 0 for data.source.kind {source.kind}, whose positions "
                "have no order"
            )
        looks = {"doubly_stochastic": training.doubly_stochastic, "coverage.weight": training.coverage.weight}
        for key, weight in looks.items():
            if weight and not self.model.decoder.attends:
                raise ValueError(
                    f"training.{key} is {weight}; expected 0 for the {self.model.decoder.kind} decoder, which looks at "
                    "no position"
                )
        if encoder.axes != source.axes:
            fitting = [kind for kind in ENCODERS.places if ENCODERS.own(kind).axes == source.axes]
            raise ValueError(
                f"model.encoder.kind is {encoder.kind}, which cannot read data.source.kind {source.kind}; "
                f"expected {' or '.join(fitting)}"
            )
        return self

    @model_validator(mode="after")
    def _copied(self) -> "Config":
        """What copies from the source needs a text, and weights over its tokens."""
        if not self.model.output.copies:
            return self
        source, target, encoder, decoder = self.data.source, self.data.target, self.model.encoder, self.model.decoder
        kinds = (source.tokenizer, target.tokenizer) if isinstance(source, TextConfig) else ("", "")
        wanted = [
            (isinstance(source, TextConfig), f"data.source.kind text for {source.kind}, which has no words to copy"),
            (decoder.attends, f"another decoder than {decoder.kind}, which looks at no position"),
            (
                encoder.stride == 1 and not encoder.needs_sentences,
                f"another encoder than {encoder.kind}, whose positions are several tokens each",
            ),
            (target.tokenizer != "label", "another data.target.tokenizer than label, whose tokens are whole texts"),
            (not self.training.ctc, f"training.ctc 0 for {self.training.ctc}: CTC has no label for a copied word"),
            (
                self.data.joint or (kinds[0] == "symbols") == (kinds[1] == "symbols"),
                f"tokeniser symbols on both sides or on neither, for {kinds[0]} and {kinds[1]}",
            ),
        ]
        for fits, expected in wanted:
            if not fits:
                raise ValueError(f"model.output is {self.model.output.kind}; expected {expected}")
        return self

    @model_validator(mode="after")
    def _labels(self) -> "Config":
        """A pooling decoder, the output layer of labels and their tokeniser go together."""
        model, data = self.model, self.data
        if model.decoder.kind != "pooling" and model.output.kind != "label":
            return self
        parts: dict[str, tuple[object, object]] = {
            "model.decoder.kind": (model.decoder.kind, "pooling"),
            "model.output.kind": (model.output.kind, "label"),
            "data.target.tokenizer": (data.target.tokenizer, "label"),
            "data.joint": (data.joint, False),
            "model.tie": (model.tie, "none"),
        }
        for key, (given, expected) in parts.items():
            if given != expected:
                raise ValueError(
                    f"{key} is {str(given).lower()}; expected {str(expected).lower()}: a pooling decoder, the output "
                    "layer label and a target of labels go together, over a vocabulary of labels alone"
                )
        return self

    @model_validator(mode="after")
    def _hops(self) -> "Config":
        """What several looks have in common is nothing where there is one."""
        model, penalty = self.model, self.training.hop_penalty
        looks = getattr(model.decoder, "looks", None) or (model.attention.num_heads if model.decoder.attends else 0)
        if penalty and looks < 2:
            raise ValueError(
                f"training.hop_penalty is {penalty}; expected 0 for a model with fewer than two looks side by side, or "
                "model.decoder.pool self_attentive, or model.attention.num_heads above 1"
            )
        return self

    @model_validator(mode="after")
    def _sentences(self) -> "Config":
        """An encoder of sentences has to know them."""
        encoder, source = self.model.encoder, self.data.source
        if encoder.needs_sentences and getattr(source, "sentences", None) is None:
            raise ValueError(
                f"model.encoder.kind is {encoder.kind}, which reads sentences, and data.source says of none; expected "
                "data.source.sentences: punctuation, or the mark between two, for a source of kind text"
            )
        return self

    @model_validator(mode="after")
    def _taught(self) -> "Config":
        """Keys of an objective or a temperature belong to the selections that need them."""
        from regard.attention import SELECTIONS

        select = self.model.attention.select if self.model.decoder.attends else "softmax"
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
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
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
