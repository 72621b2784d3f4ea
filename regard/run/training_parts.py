"""Builds the parts of the training loop from a recipe: learner, objective, plan, schedule."""

from torch import nn

from regard.attention.linear_start import LinearStart
from regard.config import TrainingConfig
from regard.metrics import METRICS
from regard.model.encoder_decoder import EncoderDecoder
from regard.training import OPTIMIZERS
from regard.training.averaging import MovingAverage
from regard.training.coverage import WithCoverage
from regard.training.ctc import WithCtc
from regard.training.doubly_stochastic import WithDoublyStochastic
from regard.training.guided import GivenLinks, WithGuidedAlignment
from regard.training.hop_penalty import WithHopPenalty
from regard.training.learner import Learner
from regard.training.objective import CrossEntropy
from regard.training.plan import Plan
from regard.training.r_drop import TwoPasses
from regard.training.schedules import Constant, Cosine, InverseSquareRoot, Linear, Plateau, Schedule
from regard.training.score_function import ScoreFunction
from regard.training.stopping import Goal, Limits
from regard.training.temperature import Annealing


def build_learner(
    options: TrainingConfig, model: EncoderDecoder, total_steps: int, links: GivenLinks | None = None
) -> Learner:
    """The learner: all that an update reads and changes.

    Args:
        options: the `training` part of a recipe.
        model: what to train, on its device.
        total_steps: how many updates the limits allow.
        links: what attention is to follow, where the recipe has it guided.
    """
    return Learner(
        model,
        build_objective(options, model, links).to(next(model.parameters()).device),
        OPTIMIZERS[options.optimizer](model, options.learning_rate, options.weight_decay),
        build_schedule(options, total_steps),
        options.clip,
        MovingAverage(model, options.moving_average) if options.moving_average else None,
        Annealing(options.temperature.start, options.temperature.min, options.temperature.rate),
        [part for part in model.modules() if isinstance(part, LinearStart)],
    )


def build_objective(options: TrainingConfig, model: EncoderDecoder, links: GivenLinks | None = None) -> nn.Module:
    """The objective that the attention needs: a selection without its own gradient uses the score function. The doubly
    stochastic term, that of several looks, CTC, guided alignment and the coverage loss stand beside it where the recipe
    gives them a weight. All of it reads a batch twice for R-Drop."""
    objective = _of_attention(options, model)
    if options.doubly_stochastic:
        objective = WithDoublyStochastic(objective, options.doubly_stochastic)
    if options.hop_penalty:
        objective = WithHopPenalty(objective, options.hop_penalty)
    if options.ctc:
        objective = WithCtc(objective, options.ctc)
    if links is not None:
        guided = options.guided_alignment
        objective = WithGuidedAlignment(objective, guided.weight, links, guided.until_step)
    if options.coverage.weight:
        objective = WithCoverage(objective, options.coverage.weight, options.coverage.from_step)
    return TwoPasses(objective) if options.r_drop else objective


def _of_attention(options: TrainingConfig, model: EncoderDecoder) -> nn.Module:
    if not any(getattr(part, "sampled", False) for part in model.modules()):
        return CrossEntropy(options.label_smoothing, options.r_drop)
    return ScoreFunction(
        options.label_smoothing,
        reinforce=options.hard.reinforce,
        entropy=options.hard.entropy,
        baseline=options.hard.baseline,
        carries=model.decoder.carries,
    )


def build_plan(options: TrainingConfig) -> Plan:
    """The plan: when to validate, report and end."""
    # A metric says its direction with every score.
    higher = options.metric != "loss" and METRICS[options.metric](["a"], [["a"]]).higher_is_better
    return Plan(
        Limits(options.max_epochs, options.max_steps, options.max_minutes, options.patience),
        Goal(options.metric, higher),
        accumulate=options.accumulate,
        validate_every=options.validate_every,
    )


def build_schedule(options: TrainingConfig, total_steps: int) -> Schedule:
    """The learning rate of a recipe; cosine and linear end at the last update that the limits allow."""
    rate, schedule = options.learning_rate, options.schedule
    warmup, least = schedule.warmup_steps, schedule.min_rate
    if schedule.kind == "cosine":
        return Cosine(rate, total_steps, warmup, least)
    if schedule.kind == "linear":
        return Linear(rate, total_steps, warmup, least)
    if schedule.kind == "plateau":
        return Plateau(rate, schedule.patience, schedule.factor, warmup, least)
    if schedule.kind == "inverse_sqrt":
        return InverseSquareRoot(rate, max(1, warmup))
    return Constant(rate, warmup)
