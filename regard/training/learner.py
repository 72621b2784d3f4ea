"""Everything that an update reads and changes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regard.attention.linear_start import LinearStart
from regard.errors import CheckpointError
from regard.training import randomness
from regard.training.averaging import MovingAverage
from regard.training.progress import Progress
from regard.training.schedules import Schedule
from regard.training.temperature import Annealing, Temperature
from regard.training.weights import AVERAGE, MODEL, apply, check, under, weights_of

MOMENTS = {"step", "exp_avg", "exp_avg_sq"}
"""The state of Adam and AdamW for each parameter."""
OPTIMIZER, OBJECTIVE, RANDOM = "optimizer/", "objective/", "random/"


@dataclass(frozen=True)
class Learner:
    """The parts of an update.

    Args:
        model: maps a batch to `features`; on its device, with its initial or loaded weights.
        objective: maps model, batch and temperature to a `Loss`; its state is in its buffers.
        optimizer: over the model's parameters.
        schedule: the learning rate of each step, for all parameter groups.
        clip: largest norm of the gradient; None for no limit.
        average: the moving average to validate and publish instead of the weights; None without one.
        temperature: the temperature of each step, for a selection that has one.
        linear: the selections that are left out at first.
    """

    model: nn.Module
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    clip: float | None = 1.0
    average: MovingAverage | None = None
    temperature: Temperature = Annealing()  # noqa: RUF009 (frozen)
    linear: Sequence[LinearStart] = ()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def objective_at(self, step: int) -> nn.Module:
        """The objective of an update; one with a term that begins later has a method `at`."""
        at: Callable[[int], nn.Module] | None = getattr(self.objective, "at", None)
        return self.objective if at is None else at(step)

    def put_back(self, progress: Progress) -> None:
        """Leave the selections of a linear start out, or put them back, as the progress says."""
        for select in self.linear:
            select.linear.fill_(progress.restart == 0)

    @contextmanager
    def published(self) -> Iterator[nn.Module]:
        """The model with the weights that are validated and published."""
        if self.average is None:
            yield self.model
        else:
            with self.average.applied(self.model):
                yield self.model

    def published_tensors(self) -> dict[str, Tensor]:
        """The weights that are validated and published."""
        return weights_of(self.model) if self.average is None else self.average.tensors

    def tensors(self) -> dict[str, Tensor]:
        """Everything that the next updates depend on, by name: weights, optimiser, average, objective, generators."""
        groups = {
            MODEL: weights_of(self.model),
            OBJECTIVE: weights_of(self.objective),
            OPTIMIZER: self._moments(),
            AVERAGE: {} if self.average is None else self.average.tensors,
            RANDOM: randomness.states(self.device),
        }
        return {prefix + name: tensor for prefix, group in groups.items() for name, tensor in group.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state that `tensors` gave. Raises CheckpointError if they belong to another learner."""
        apply(self.model, under(MODEL, tensors))
        apply(self.objective, under(OBJECTIVE, tensors))
        averaged = under(AVERAGE, tensors)
        if (self.average is None) != (not averaged):
            has, wants = ("a", "without one") if averaged else ("no", "with one")
            raise CheckpointError(f"the checkpoint has {has} moving average; this run is set up {wants}. Keep to one.")
        if self.average is not None:
            check(self.average.tensors, averaged)
            for name, tensor in self.average.tensors.items():
                tensor.copy_(averaged[name])
        self._restore_moments(under(OPTIMIZER, tensors))
        randomness.restore(under(RANDOM, tensors), self.device)

    def _moments(self) -> dict[str, Tensor]:
        """The optimiser's tensors by the name of the parameter: `encoder.embedding.weight/exp_avg`."""
        return {
            f"{name}/{key}": value
            for name, parameter in self.model.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }

    def _restore_moments(self, tensors: Mapping[str, Tensor]) -> None:
        numbered = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        state = {}
        for number, parameter in enumerate(numbered):
            state[number] = {key: tensor.clone() for key, tensor in under(f"{names[id(parameter)]}/", tensors).items()}
            if state[number].keys() not in (set(), MOMENTS):
                raise CheckpointError(
                    f"the optimiser remembers {', '.join(sorted(state[number]))} of {names[id(parameter)]}; "
                    f"expected {', '.join(sorted(MOMENTS))}. Take an earlier checkpoint."
                )
            for key, tensor in state[number].items():
                if not tensor.is_floating_point() or tensor.shape != (() if key == "step" else parameter.shape):
                    raise CheckpointError(
                        f"the optimiser's {key} of {names[id(parameter)]} has shape {tuple(tensor.shape)} of "
                        f"{tensor.dtype}; expected that of the parameter. Take an earlier checkpoint."
                    )
        # The options of the groups come from the recipe of this run, not from the checkpoint.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": {n: s for n, s in state.items() if s}, "param_groups": groups})
