"""The part of a recipe that says what the encoder-decoder is made of."""

from typing import Any, Literal

from pydantic import Field, model_validator

from regard.config.section import MOST_FEATURES, Section, check_name


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
    hidden_size: int = Field(
        256, ge=1, le=MOST_FEATURES, description="features of one direction; transformer: of a position"
    )
    num_layers: int = Field(1, ge=1, le=32)
    bidirectional: bool = Field(True, description="recurrent: read backwards too")
    layer_norm: bool = Field(False, description="recurrent: normalise the encoder's output")
    source_bridging: bool = Field(False, description="recurrent: put the embeddings beside the states in the memory")
    summary: Literal["last", "mean"] = Field(
        "last", description="what a recurrent decoder starts from; of a transformer it is the mean"
    )
    num_heads: int = Field(4, ge=1, le=1024, description="transformer: heads of a self-attention")
    feed_forward_size: int | None = Field(
        None,
        ge=1,
        le=4 * MOST_FEATURES,
        description="transformer: features within the feed-forward network; default 4 × hidden_size",
    )
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="transformer: how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="transformer: normalise before a sub-layer or behind it")

    @model_validator(mode="after")
    def _known(self) -> "EncoderConfig":
        from regard.encoders import ENCODERS

        check_name(ENCODERS, self.kind)
        for key in ("cell", "bidirectional", "layer_norm", "source_bridging"):
            _check_owner(self, key, ("recurrent",), "encoder")
        _check_transformer(self, "encoder")
        return self


class DecoderConfig(Section):
    """Memory → tokens."""

    kind: str = Field("luong", description="an entry of the table of decoders")
    cell: Literal["gru", "lstm"] = Field("gru", description="what a recurrent layer is made of")
    hidden_size: int = Field(256, ge=1, le=MOST_FEATURES)
    num_layers: int = Field(1, ge=1, le=32)
    input_feeding: bool = Field(False, description="luong: give the attentional vector to the next step")
    context: Literal["start", "every"] = Field("start", description="fixed: the source at the start or at every step")
    start: Literal["bridge", "summary"] = Field(
        "bridge", description="recurrent: the first state: a layer over the encoder's summary, or the summary itself"
    )
    readout: Literal["deep", "state"] = Field(
        "deep", description="bahdanau: what the output layer reads: the paper's deep output, or the new state itself"
    )
    num_heads: int = Field(4, ge=1, le=1024, description="transformer: heads of a self-attention")
    feed_forward_size: int | None = Field(
        None,
        ge=1,
        le=4 * MOST_FEATURES,
        description="transformer: features within the feed-forward network; default 4 × hidden_size",
    )
    positions: Literal["sinusoidal", "relative"] = Field("sinusoidal", description="transformer: how order is known")
    norm: Literal["pre", "post"] = Field("pre", description="transformer: normalise before a sub-layer or behind it")

    @model_validator(mode="after")
    def _known(self) -> "DecoderConfig":
        from regard.decoders import DECODERS

        check_name(DECODERS, self.kind)
        _check_owner(self, "input_feeding", ("luong",), "decoder")
        _check_owner(self, "context", ("fixed",), "decoder")
        for key in ("cell", "start"):
            _check_owner(self, key, ("bahdanau", "luong", "conditional", "fixed"), "decoder")
        _check_owner(self, "readout", ("bahdanau",), "decoder")
        _check_transformer(self, "decoder")
        if self.kind == "conditional" and self.num_layers != 1:
            raise ValueError(f"num_layers is {self.num_layers}; expected 1 for the conditional decoder")
        return self


class AttentionConfig(Section):
    """What the decoder looks with: score × selection × window, in one head or several."""

    score: str = Field("additive", description="an entry of the table of scores")
    select: str = Field("softmax", description="an entry of the table of selections")
    window: str = Field("global", description="an entry of the table of windows")
    num_heads: int = Field(
        1, ge=1, le=1024, description="looks side by side, each with projections of its own; 1 has none"
    )
    end: bool = Field(
        False, description="whether the end mark of the source may be looked at; the encoder reads it either way"
    )
    options: dict[str, dict[str, Any]] = Field(
        {}, description="options of a part by its name: {additive: {hidden_size: 64}}"
    )

    @model_validator(mode="after")
    def _known(self) -> "AttentionConfig":
        from regard.attention import SCORES, SELECTIONS, WINDOWS

        for table, name in ((SCORES, self.score), (SELECTIONS, self.select), (WINDOWS, self.window)):
            check_name(table, name)
        for part, options in self.options.items():
            for option, value in options.items():
                if isinstance(value, int | float) and not abs(value) <= MOST_FEATURES:
                    raise ValueError(f"{part[:60]}.{option[:60]} is no number of at most {MOST_FEATURES}")
        return self


class ModelConfig(Section):
    """The encoder-decoder."""

    embedding_size: int = Field(256, ge=1, le=MOST_FEATURES)
    readout_size: int | None = Field(
        None, ge=1, le=MOST_FEATURES, description="features before the output layer; default embedding_size"
    )
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
        if self.decoder.readout == "state":
            return self.decoder.hidden_size
        return self.readout_size or self.embedding_size

    @model_validator(mode="after")
    def _tied_sizes(self) -> "ModelConfig":
        if self.decoder.readout == "state" and self.readout_size not in (None, self.readout):
            raise ValueError(
                f"readout_size is {self.readout_size} and decoder.hidden_size is {self.readout}; expected no "
                "readout_size with decoder.readout: state, since the output layer reads the state"
            )
        if self.tie != "none" and self.readout != self.embedding_size:
            raise ValueError(
                f"readout_size is {self.readout} and embedding_size is {self.embedding_size}; "
                "expected the same when embeddings are tied to the output layer"
            )
        return self
