"""The part of a recipe that leads from files to batches."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field, SerializeAsAny, WrapValidator, model_validator

from regard.config.section import Section
from regard.config.sources import SideConfig, TextConfig
from regard.config.stage import SourceConfig, chosen
from regard.data.sources import SOURCES

Source = Annotated[SerializeAsAny[SourceConfig], WrapValidator(partial(chosen, SOURCES, "text", SourceConfig))]


class HallucinateConfig(Section):
    """Pairs that are made up in training, see `data.hallucination`."""

    share: float = Field(0.0, ge=0, le=1, description="of the pairs of an epoch, how many are made up: 0.9; 0 for none")
    shortest: int = Field(
        3, ge=1, le=100, description="letters that source and target share are replaced where so many are in a row"
    )
    kept: int = Field(
        0, ge=0, le=100, description="of such a row the last letters that stay, as the ending may depend on them"
    )


class JoinConfig(Section):
    """Pairs that are joined to longer ones in training, see `data.joined_pairs`."""

    words: int = Field(
        0, ge=0, le=100_000, description="most words of a joined source, punctuation counted: 30; 0: pairs stay alone"
    )
    share: float = Field(0.5, gt=0, le=1, description="how probable it is that pairs may follow a pair")
    rounds: int = Field(1, ge=1, le=1000, description="how often all pairs are joined anew; an epoch has all rounds")


class DataConfig(Section):
    """From files to batches."""

    source: Source = TextConfig(kind="text")
    target: SideConfig = SideConfig()
    joint: bool = Field(False, description="one tokeniser, learned from both sides; set up by `source`")
    columns: tuple[str, ...] | None = Field(
        None, max_length=1000, description="names of the columns of a TSV file that has more than two"
    )
    source_column: str = Field(
        "source",
        description="the column to read from: its name, its number from 1 where there are no names, or in JSONL its "
        "key, such as translation.en; several joined by +, as tags+lemma",
        coerce_numbers_to_str=True,
    )
    target_column: str = Field("target", description="the column to write to", coerce_numbers_to_str=True)
    sources: tuple[str, ...] = Field(
        (),
        exclude=True,
        description="columns to read from, each by an encoder of its own; short for source.kind and model.encoder.kind "
        "several",
    )
    features: tuple[str, ...] = Field(
        (),
        exclude=True,
        description="columns of tags that every step knows, beside source_column or sources; short for the same",
    )
    bpe_dropout: float = Field(
        0.0, ge=0, lt=1, description="in training, the probability that a merge of bpe is left out: 0.1; 0 for none"
    )
    hallucinate: HallucinateConfig = HallucinateConfig()
    join: JoinConfig = JoinConfig()
    max_length: int = Field(
        200, ge=1, le=100_000, description="tokens of a side; longer training pairs are left out and counted"
    )
    on_bad_input: Literal["error", "skip"] = Field("error", description="stop at a line that is not text, or skip it")
    batch_by: Literal["tokens", "sentences"] = Field("tokens", description="what `batch_size` counts, padding included")
    batch_size: int = Field(
        2000, ge=1, le=100_000_000, description="tokens of the longer side, or pairs, in one batch of one worker"
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=65_536,
        description="batch_size counts so many times; null: as many as torchrun starts the run with",
    )

    @model_validator(mode="after")
    def _targets(self) -> "DataConfig":
        if self.joint and not isinstance(self.source, TextConfig):
            raise ValueError(
                f"joint is true; expected false for sources of kind {self.source.kind}, which are not one text"
            )
        if self.source.kind == "several" and "source_column" in self.model_fields_set - {"sources"}:
            usual = DataConfig.model_fields["source_column"].default
            if self.source_column != usual:
                raise ValueError(
                    f"source_column is {self.source_column}; expected none, since the sources are named by themselves"
                )
        joint = self.source.tokenizer if self.joint and isinstance(self.source, TextConfig) else ""
        if "inflection" in (self.target.tokenizer, joint):
            raise ValueError("tokenizer inflection reads tags and a lemma; expected it for the source alone")
        return self
