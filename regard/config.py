"""Recipes: small frozen models, one per stage, and how a file and `--set a.b=c` become one of them.

Config lives here, at the edge. `build.py` turns it into objects; no module ever sees it.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from regard.errors import UsageError

MAX_BYTES = 1_000_000


class Section(BaseModel):
    """A frozen part of a recipe; an unknown key is a fault, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _check(table: Any, name: str) -> None:
    if name not in table:
        near = get_close_matches(name, list(table), 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"{table.kind} is {name!r}; expected one of {', '.join(table)}{hint}")


def _check_owner(section: "EncoderConfig | DecoderConfig", key: str, owners: tuple[str, ...], stage: str) -> None:
    """A key that is not at its default must belong to the kind of its section."""
    usual = type(section).model_fields[key].default
    if getattr(section, key) != usual and section.kind not in owners:
        raise ValueError(f"{key} belongs to the {', '.join(owners)} {stage}; expected no such key for {section.kind}")


def _check_transformer(section: "EncoderConfig | DecoderConfig", stage: str) -> None:
    for key in ("num_heads", "feed_forward_size", "positions", "norm"):
        _check_owner(section, key, ("transformer",), stage)
    if section.kind == "transformer" and section.hidden_size % section.num_heads:
        raise ValueError(
            f"num_heads is {section.num_heads} and hidden_size is {section.hidden_size}; expected a divisor of it"
        )
    if section.kind == "transformer" and section.positions == "sinusoidal" and section.hidden_size % 2:
        raise ValueError(f"hidden_size is {section.hidden_size}; expected an even number for sinusoidal positions")


class SideConfig(Section):
    """How the text of one side becomes tokens."""

    tokenizer: Literal["bpe", "characters", "symbols", "inflection"] = Field(
        "bpe", description="bpe: learned pieces; characters; symbols: between spaces; inflection: tags, then letters"
    )
    vocab_size: int = Field(8000, ge=5, le=1_000_000, description="most entries that the tokeniser may learn")


class DataConfig(Section):
    """From text to batches."""

    source: SideConfig = SideConfig()
    target: SideConfig = SideConfig()
    joint: bool = Field(False, description="one tokeniser, learned from both sides; set up by `source`")
    columns: tuple[str, ...] | None = Field(
        None, description="names of the columns of a TSV file that has more than two"
    )
    source_column: str = Field("source", description="the column to read from; several joined by +, as tags+lemma")
    target_column: str = Field("target", description="the column to write to")
    max_length: int = Field(200, ge=1, description="tokens of a side; longer training pairs are left out and counted")
    on_bad_input: Literal["error", "skip"] = Field("error", description="stop at a line that is not text, or skip it")
    batch_by: Literal["tokens", "sentences"] = Field("tokens", description="what `batch_size` counts, padding included")
    batch_size: int = Field(2000, ge=1, description="tokens of the longer side, or pairs, in one batch")

    @model_validator(mode="after")
    def _targets(self) -> "DataConfig":
        if "inflection" in (self.target.tokenizer, self.source.tokenizer if self.joint else ""):
            raise ValueError("tokenizer inflection reads tags and a lemma; expected it for the source alone")
        return self


class DropoutConfig(Section):
    """Probabilities of dropping a feature in training."""

    embedding: float = Field(0.0, ge=0, lt=1, description="of both embeddings")
    layers: float = Field(0.0, ge=0, lt=1, description="between the layers of a stack")
    context: float = Field(0.0, ge=0, lt=1, description="of the encoder's output, which the context is mixed from")
    output: float = Field(0.0, ge=0, lt=1, description="of the features before the output layer")


class EncoderConfig(Section):
    """Batch → Memory."""

    kind: str = Field("recurrent", description="an entry of the table of encoders")
    cell: Literal["gru", "lstm"] = Field("gru", description="recurrent: what a layer is made of")
    hidden_size: int = Field(256, ge=1, description="features of one direction; transformer: of a position")
    num_layers: int = Field(1, ge=1, le=32)
    bidirectional: bool = Field(True, description="recurrent: read backwards too")
    layer_norm: bool = Field(False, description="recurrent: normalise the encoder's output")
    source_bridging: bool = Field(False, description="recurrent: put the embeddings beside the states in the memory")
    summary: Literal["last", "mean"] = Field(
        "last", description="what a recurrent decoder starts from; of a transformer it is the mean"
    )
    num_heads: int = Field(4, ge=1, description="transformer: heads of a self-attention")
    feed_forward_size: int | None = Field(
        None, ge=1, description="transformer: features within the feed-forward network; default 4 × hidden_size"
    )
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="transformer: how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="transformer: normalise before a sub-layer or behind it")

    @model_validator(mode="after")
    def _known(self) -> "EncoderConfig":
        from regard.encoders import ENCODERS

        _check(ENCODERS, self.kind)
        for key in ("cell", "bidirectional", "layer_norm", "source_bridging"):
            _check_owner(self, key, ("recurrent",), "encoder")
        _check_transformer(self, "encoder")
        return self


class DecoderConfig(Section):
    """Memory → tokens."""

    kind: str = Field("luong", description="an entry of the table of decoders")
    cell: Literal["gru", "lstm"] = Field("gru", description="what a recurrent layer is made of")
    hidden_size: int = Field(256, ge=1)
    num_layers: int = Field(1, ge=1, le=32)
    input_feeding: bool = Field(False, description="luong: give the attentional vector to the next step")
    context: Literal["start", "every"] = Field("start", description="fixed: the source at the start or at every step")
    num_heads: int = Field(4, ge=1, description="transformer: heads of a self-attention")
    feed_forward_size: int | None = Field(
        None, ge=1, description="transformer: features within the feed-forward network; default 4 × hidden_size"
    )
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="transformer: how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="transformer: normalise before a sub-layer or behind it")

    @model_validator(mode="after")
    def _known(self) -> "DecoderConfig":
        from regard.decoders import DECODERS

        _check(DECODERS, self.kind)
        _check_owner(self, "input_feeding", ("luong",), "decoder")
        _check_owner(self, "context", ("fixed",), "decoder")
        _check_owner(self, "cell", ("bahdanau", "luong", "conditional", "fixed"), "decoder")
        _check_transformer(self, "decoder")
        if self.kind == "conditional" and self.num_layers != 1:
            raise ValueError(f"num_layers is {self.num_layers}; expected 1 for the conditional decoder")
        return self


class AttentionConfig(Section):
    """What the decoder looks with: score × selection × window, in one head or several."""

    score: str = Field("additive", description="an entry of the table of scores")
    select: str = Field("softmax", description="an entry of the table of selections")
    window: str = Field("global", description="an entry of the table of windows")
    num_heads: int = Field(1, ge=1, description="looks side by side, each with projections of its own; 1 has none")
    options: dict[str, dict[str, Any]] = Field(
        {}, description="options of a part by its name: {additive: {hidden_size: 64}}"
    )

    @model_validator(mode="after")
    def _known(self) -> "AttentionConfig":
        from regard.attention import SCORES, SELECTIONS, WINDOWS

        for table, name in ((SCORES, self.score), (SELECTIONS, self.select), (WINDOWS, self.window)):
            _check(table, name)
        return self


class ModelConfig(Section):
    """The encoder-decoder."""

    embedding_size: int = Field(256, ge=1)
    readout_size: int | None = Field(None, ge=1, description="features before the output layer; default embedding_size")
    tie: Literal["none", "two_way", "three_way"] = Field(
        "none", description="two_way: target embedding = output layer; three_way: the source embedding too"
    )
    initialization: Literal["default", "bahdanau", "luong", "sutskever"] = "default"
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    attention: AttentionConfig = AttentionConfig()
    dropout: DropoutConfig = DropoutConfig()

    @property
    def readout(self) -> int:
        """Features before the output layer."""
        return self.readout_size or self.embedding_size

    @model_validator(mode="after")
    def _tied_sizes(self) -> "ModelConfig":
        if self.tie != "none" and self.readout != self.embedding_size:
            raise ValueError(
                f"readout_size is {self.readout} and embedding_size is {self.embedding_size}; "
                "expected the same when embeddings are tied to the output layer"
            )
        return self


class ScheduleConfig(Section):
    """The learning rate over the updates."""

    kind: Literal["constant", "inverse_sqrt", "cosine", "linear", "plateau"] = "constant"
    warmup_steps: int = Field(0, ge=0, description="updates of linear growth from zero")
    factor: float = Field(0.5, gt=0, lt=1, description="plateau: what the rate is multiplied by")
    patience: int = Field(2, ge=1, description="plateau: validations without a gain before the rate falls")
    min_rate: float = Field(0.0, ge=0, description="plateau, cosine, linear: the lowest rate")


class HardConfig(Section):
    """How sampled choices learn, see `training.score_function`."""

    reinforce: float = Field(1.0, ge=0, description="λr: weight of what a choice answers for; 1 is exact")
    entropy: float = Field(0.002, ge=0, description="λe: weight of the entropy of the choices, in nats")
    baseline: float = Field(0.9, ge=0, lt=1, description="share that the moving baseline keeps at each batch")


class TemperatureConfig(Section):
    """How the temperature of an annealed selection falls: max(min, start · exp(-rate · updates))."""

    start: float = Field(1.0, gt=0)
    min: float = Field(0.5, gt=0)
    rate: float = Field(1e-4, ge=0, description="fall per update; 0 for none")

    @model_validator(mode="after")
    def _falls(self) -> "TemperatureConfig":
        if self.min > self.start:
            raise ValueError(f"min is {self.min} and start is {self.start}; expected min ≤ start")
        return self


class TrainingConfig(Section):
    """The loop."""

    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    schedule: ScheduleConfig = ScheduleConfig()
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    hard: HardConfig = HardConfig()
    temperature: TemperatureConfig = TemperatureConfig()
    clip: float | None = Field(1.0, gt=0, description="most length of the gradient; null for none")
    accumulate: int = Field(1, ge=1, description="batches per update")
    max_epochs: int = Field(20, ge=1)
    max_steps: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0)
    validate_every: int | None = Field(None, ge=1, description="updates between validations; null for once an epoch")
    metric: str = Field("loss", description="what is the best: loss, or a metric of decoded validation text")
    validate_pairs: int = Field(500, ge=1, description="most validation pairs that are decoded")
    patience: int | None = Field(None, ge=1, description="validations without a gain before training ends")
    moving_average: float | None = Field(None, gt=0, lt=1, description="decay of an average of the weights")
    average_last: int = Field(1, ge=1, description="checkpoints that `averaged` is the mean of")
    save_minutes: float = Field(5.0, gt=0, description="time between checkpoints, beside one at every validation")
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _known(self) -> "TrainingConfig":
        from regard.metrics import METRICS

        if self.metric != "loss":
            _check(METRICS, self.metric)
        return self


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
        values = yaml.safe_load(text.decode())
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"recipe {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict | None):
        raise UsageError(f"recipe {path} holds a {type(values).__name__}; expected keys such as data, model, training.")
    values = values or {}
    for override in overrides:
        _override(values, override)
    return parse(values, f"recipe {path}")


def parse(values: Mapping[str, Any], where: str) -> Config:
    """The recipe in a mapping. Raises UsageError that names every fault at once, each with the nearest known key."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_fault(dict(detail)) for detail in error.errors())
        raise UsageError(f"{where}: {faults}{'' if faults.endswith('?') else '.'}") from error


def dump(config: Config) -> str:
    """YAML of a recipe, defaults written out, so that a later version with other defaults reads the same run."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


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
        values[key] = yaml.safe_load(value)
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
