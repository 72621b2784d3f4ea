"""Publishes the weights to use: the best ones so far, or the average if that is better."""

from regard.files import write_whole
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.card import model_card
from regard.run.directory import Run
from regard.run.subsets import Subset
from regard.training.checkpoint import Checkpoints
from regard.training.events import Event, Validated
from regard.training.plan import Validate
from regard.training.progress import Progress
from regard.training.stopping import Goal
from regard.training.tensorfile import Contents
from regard.training.weights import apply, load_weights


class Publisher:
    """Keeps `model.safetensors` at the best weights so far, so that a run can be used while it trains."""

    def __init__(self, run: Run, model: EncoderDecoder, learn: Subset, checkpoints: Checkpoints) -> None:
        self.run = run
        self.size = sum(parameter.numel() for parameter in model.parameters())
        self.learn = learn
        self.checkpoints = checkpoints

    def __call__(self, event: Event) -> None:
        """Publish weights that have just become the best."""
        if isinstance(event, Validated) and event.best:
            self._publish(load_weights(self.checkpoints.best), event)

    def publish_average(self, model: EncoderDecoder, validate: Validate, goal: Goal, progress: Progress) -> None:
        """Use the average of the last states, unless the best of them was better by itself."""
        averaged, best = load_weights(self.checkpoints.averaged), load_weights(self.checkpoints.best)
        apply(model, averaged.tensors)
        scores = validate(model)
        if goal.gain(scores) >= goal.gain(best.metadata["scores"]):
            # After the last epoch, `progress` is at the start of the next one, with no batch done.
            epoch = progress.epoch - (progress.batch == 0 and progress.epoch > 0)
            event = Validated(progress.step, epoch, progress.seconds, scores, True)
            self._publish(Contents(averaged.tensors, averaged.metadata | {"scores": scores}), event)

    def _publish(self, weights: Contents, event: Validated) -> None:
        self.run.publish(weights)
        card = model_card(self.run.config, self.size, len(self.learn), event)
        write_whole(self.run.path / "card.md", card.encode())
