"""The part of a recipe that says what the encoder-decoder is made of."""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, WrapValidator, field_validator, model_validator

from regard.config.decoders import LuongDecoderConfig
from regard.config.encoders import RecurrentEncoderConfig
from regard.config.outputs import LinearOutputConfig
from regard.config.section import MOST_FEATURES, Section, check_name
from regard.config.stage import DecoderConfig, DropoutConfig, EncoderConfig, OutputConfig, chosen
from regard.decoders import DECODERS, OUTPUTS
from regard.encoders import ENCODERS

Encoder = Annotated[SerializeAsAny[EncoderConfig], WrapValidator(partial(chosen, ENCODERS, "recurrent", EncoderConfig))]
Decoder = Annotated[SerializeAsAny[DecoderConfig], WrapValidator(partial(chosen, DECODERS, "luong", DecoderConfig))]

Output = Annotated[SerializeAsAny[OutputConfig], WrapValidator(partial(chosen, OUTPUTS, "linear", OutputConfig))]


class AttentionConfig(Section):
    """What the decoder looks with: score × selection × window, in one head or several."""

    score: str = Field("additive", description="an entry of the table of scores")
    select: str = Field("softmax", description="an entry of the table of selections")
    window: str = Field("global", description="an entry of the table of windows")
    num_heads: int = Field(
        1, ge=1, le=1024, description="looks side by side, each with projections of its own; 1 has none"
    )
    gate: Literal["none", "scalar", "vector"] = Field(
        "none",
        description="let in a part of what was looked at: β of Xu et al. 2015, one number a step, or one a feature",
    )
    end: bool = Field(
        False, description="whether the end mark of the source may be looked at; the encoder reads it either way"
    )
    moves: int = Field(
        0,
        ge=0,
        le=10_000,
        description="the score also depends on how far a position is from where the step before looked: the farthest "
        "move that is told apart; 0: it does not; try 16",
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


class EmbeddingsConfig(Section):
    """Vectors of words that another program learned (word2vec, GloVe, fastText), to begin with."""

    source: str | None = Field(None, max_length=4000, description="a file of vectors for the tokens of the source")
    target: str | None = Field(None, max_length=4000, description="a file of vectors for the tokens of the target")


class ModelConfig(Section):
    """The encoder-decoder."""

    embedding_size: int = Field(256, ge=1, le=MOST_FEATURES)
    embeddings: EmbeddingsConfig = EmbeddingsConfig()
    readout_size: int | None = Field(
        None, ge=1, le=MOST_FEATURES, description="features before the output layer; default embedding_size"
    )
    tie: Literal["none", "two_way", "three_way"] = Field(
        "none", description="two_way: target embedding = output layer; three_way: the source embedding too"
    )
    initialization: Literal["default", "bahdanau", "luong", "sutskever"] = "default"
    encoder: Encoder = RecurrentEncoderConfig(kind="recurrent")
    decoder: Decoder = LuongDecoderConfig(kind="luong")
    attention: AttentionConfig = AttentionConfig()
    output: Output = LinearOutputConfig(kind="linear")
    dropout: DropoutConfig = DropoutConfig()

    @property
    def copies(self) -> bool:
        """Whether tokens of the source are written, so that a source has two numbers at each position, see
        `data.copying`."""
        return self.output.copies or self.decoder.edits

    @property
    def readout(self) -> int:
        """Features before the output layer."""
        return self.decoder.feature_size or self.readout_size or self.embedding_size

    @field_validator("embeddings", mode="before")
    @classmethod
    def _both(cls, value: Any) -> Any:
        """One file is for both sides."""
        return {"source": value, "target": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _tied_sizes(self) -> "ModelConfig":
        if self.readout_size not in (None, self.readout):
            raise ValueError(
                f"readout_size is {self.readout_size} and the output layer reads the {self.readout} features of the "
                f"{self.decoder.kind} decoder, as model.decoder says; expected no readout_size"
            )
        if self.tie != "none" and self.readout != self.embedding_size:
            raise ValueError(
                f"readout_size is {self.readout} and embedding_size is {self.embedding_size}; "
                "expected the same when embeddings are tied to the output layer"
            )
        return self
