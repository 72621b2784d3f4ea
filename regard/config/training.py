"""The part of a recipe that says how a model learns."""

from typing import Literal

from pydantic import Field, model_validator

from regard.config.section import MOST_STEPS, Section, check_name

MOST_RATE = 1000.0


class ScheduleConfig(Section):
    """The learning rate over the updates."""

    kind: Literal["constant", "inverse_sqrt", "cosine", "linear", "plateau"] = "constant"
    warmup_steps: int = Field(0, ge=0, le=MOST_STEPS, description="updates of linear growth from zero")
    factor: float = Field(0.5, gt=0, lt=1, description="plateau: what the rate is multiplied by")
    patience: int = Field(
        2, ge=1, le=MOST_STEPS, description="plateau: validations without a gain before the rate falls"
    )
    min_rate: float = Field(0.0, ge=0, le=MOST_RATE, description="plateau, cosine, linear: the lowest rate")


class HardConfig(Section):
    """How sampled choices learn, see `training.score_function`."""

    reinforce: float = Field(1.0, ge=0, le=1000, description="λr: weight of what a choice answers for; 1 is exact")
    entropy: float = Field(0.002, ge=0, le=1000, description="λe: weight of the entropy of the choices, in nats")
    baseline: float = Field(0.9, ge=0, lt=1, description="share that the moving baseline keeps at each batch")


class ImitationConfig(Section):
    """How an edit transducer learns, see `training.imitation`."""

    decay: float = Field(
        200.0,
        ge=1,
        le=MOST_STEPS,
        description="k: the expert chooses a share k / (k + exp(u / k)) of the edits at update u, the model the rest",
    )


class TemperatureConfig(Section):
    """How the temperature of an annealed selection falls: max(min, start · exp(-rate · updates))."""

    start: float = Field(1.0, gt=0, le=1000)
    min: float = Field(0.5, gt=0, le=1000)
    rate: float = Field(1e-4, ge=0, le=1000, description="fall per update; 0 for none")

    @model_validator(mode="after")
    def _falls(self) -> "TemperatureConfig":
        if self.min > self.start:
            raise ValueError(f"min is {self.min} and start is {self.start}; expected min ≤ start")
        return self


class CoverageConfig(Section):
    """The coverage loss of See, Liu & Manning 2017, eq. 12-13: do not look twice at the same place."""

    weight: float = Field(0.0, ge=0, le=1000, description="λ; 0 for none, 1 in the paper")
    from_step: int = Field(
        1, ge=1, le=MOST_STEPS, description="first update with it; the paper has it in the last hundredth alone"
    )


class GuidedAlignmentConfig(Section):
    """Links that attention is to follow, see `training.guided`."""

    weight: float = Field(0.0, ge=0, le=1000, description="λ; 0 for none; try 0.3")
    links: str | None = Field(
        None,
        max_length=4000,
        description="a file of links (Pharaoh: 0-0 1-2), one line for each line of the pairs; null to learn them from "
        "the words of the pairs",
    )
    unlinked: Literal["free", "before", "likely"] = Field(
        "free",
        description="target words without a link look anywhere, or where the word before them does, or at their "
        "likeliest source word, or if that is none where the word before does; the last where links are learned",
    )
    until_step: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="last update with it: attention goes on by itself; null for all"
    )
    most_pairs: int = Field(
        100_000, ge=1, le=10_000_000, description="links are learned of the first so many pairs; others are not guided"
    )


class TrainingConfig(Section):
    """The loop."""

    init: str | None = Field(
        None, max_length=4000, description="a run whose weights and vocabularies to begin with; null for new ones"
    )
    freeze: tuple[str, ...] = Field(
        (), max_length=1000, description="parts of the model whose weights stay as they are: [encoder]"
    )
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=MOST_RATE)
    weight_decay: float = Field(0.0, ge=0, le=1000)
    schedule: ScheduleConfig = ScheduleConfig()
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    r_drop: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="α of Liang et al. 2021: read every pair twice, under different dropout, and want both to agree; "
        "0 for one pass; try 1",
    )
    ctc: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="λ of CTC, a second loss on the encoder's output: (1 - λ) · loss + λ · CTC; try 0.3",
    )
    doubly_stochastic: float = Field(
        0.0, ge=0, le=1000, description="λ of Xu et al. 2015, eq. 14: want every position looked at; try 1"
    )
    coverage: CoverageConfig = CoverageConfig()
    guided_alignment: GuidedAlignmentConfig = GuidedAlignmentConfig()
    hop_penalty: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="λ of Lin et al. 2017, eq. 8: want several looks at one source to differ; try 0.1",
    )
    hard: HardConfig = HardConfig()
    imitation: ImitationConfig = ImitationConfig()
    temperature: TemperatureConfig = TemperatureConfig()
    clip: float | None = Field(1.0, gt=0, le=1e12, description="most length of the gradient; null for none")
    accumulate: int = Field(1, ge=1, le=100_000, description="batches per update")
    max_epochs: int = Field(20, ge=1, le=MOST_STEPS)
    max_steps: int | None = Field(None, ge=1, le=MOST_STEPS)
    max_minutes: float | None = Field(None, gt=0, le=1e9)
    validate_every: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="updates between validations; null for once an epoch"
    )
    metric: str = Field("loss", description="what is the best: loss, or a metric of decoded validation text")
    validate_pairs: int = Field(500, ge=1, le=MOST_STEPS, description="most validation pairs that are decoded")
    patience: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="validations without a gain before training ends"
    )
    moving_average: float | None = Field(None, gt=0, lt=1, description="decay of an average of the weights")
    average_last: int = Field(1, ge=1, le=10_000, description="checkpoints that `averaged` is the mean of")
    save_minutes: float = Field(
        5.0, gt=0, le=1e9, description="time between checkpoints, beside one at every validation"
    )
    seed: int = Field(1, ge=0, lt=2**63)

    @model_validator(mode="after")
    def _known(self) -> "TrainingConfig":
        from regard.metrics import METRICS

        if self.metric != "loss":
            check_name(METRICS, self.metric)
        return self
