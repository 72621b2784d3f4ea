"""The part of a recipe that leads from text to batches."""

from typing import Literal

from pydantic import Field, model_validator

from regard.config.section import Section


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
        None, max_length=1000, description="names of the columns of a TSV file that has more than two"
    )
    source_column: str = Field(
        "source",
        description="the column to read from: its name, its number from 1 where there are no names, or in JSONL its "
        "key, such as translation.en; several joined by +, as tags+lemma",
        coerce_numbers_to_str=True,
    )
    target_column: str = Field("target", description="the column to write to", coerce_numbers_to_str=True)
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
        if "inflection" in (self.target.tokenizer, self.source.tokenizer if self.joint else ""):
            raise ValueError("tokenizer inflection reads tags and a lemma; expected it for the source alone")
        return self
