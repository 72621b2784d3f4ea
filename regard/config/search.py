"""The part of a recipe that leads from steps to an output."""

from typing import Literal

from pydantic import Field, model_validator

from regard.config.section import Section


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
    repetition_penalty: float = Field(
        1.0, ge=1, le=100, description="θ of Keskar et al. 2019, for tokens that an output already has; 1 for none"
    )
    diversity_groups: int = Field(
        1, ge=1, le=1000, description="the beam has so many groups, which avoid each other's tokens; 1 for none"
    )
    diversity_strength: float = Field(
        0.5, gt=0, le=1000, description="λ of Vijayakumar et al. 2018: how much groups avoid each other"
    )
    batch_size: int = Field(64, ge=1, le=100_000, description="sentences at a time")
    max_ratio: float = Field(
        2.0, ge=0, le=1000, description="an output has at most max_ratio × source + max_extra tokens"
    )
    max_extra: int = Field(50, ge=1, le=100_000)
    weights: Literal["posterior", "viterbi", "prior"] = Field(
        "posterior",
        description="decoder hard_attention: what an alignment shows: p(position | whole output), its most probable "
        "alignment, or p(position | tokens before)",
    )

    @model_validator(mode="after")
    def _divided(self) -> "SearchConfig":
        if self.beam_size % self.diversity_groups:
            raise ValueError(
                f"diversity_groups is {self.diversity_groups} and beam_size is {self.beam_size}; expected a beam that "
                "the groups share evenly"
            )
        return self
