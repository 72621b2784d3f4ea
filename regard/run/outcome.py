"""The result of training: the score of the published weights, and warnings about them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from regard.alignment.verdict import stored_verdict
from regard.metrics import METRICS
from regard.run.directory import Run
from regard.training.progress_bar import scores_in_words
from regard.training.weights import load_weights

NEAR_ZERO = 1.0
"""Per cent. A score below this, or an error rate above 100 minus this, means that the model has learned nothing."""


@dataclass(frozen=True)
class Outcome:
    """The result of a trained run.

    Args:
        metric: the metric that decided which weights are best.
        scores: of these weights, by validation.
        steps: the steps of these weights; several for an average.
    """

    metric: str
    scores: Mapping[str, float]
    steps: tuple[int, ...]

    def __str__(self) -> str:
        when = ", ".join(f"{step:,}" for step in self.steps)
        what = f"at step {when}" if len(self.steps) == 1 else f"of the average of steps {when}"
        return f"best validation {what}: {scores_in_words(self.scores, self.metric)}"

    @property
    def warnings(self) -> Iterator[str]:
        """What a user should check before using the model, a sentence each."""
        if self.metric != "loss" and self.metric in self.scores:
            score, higher = self.scores[self.metric], METRICS[self.metric](["a"], [["a"]]).higher_is_better
            if score < NEAR_ZERO if higher else score > 100 - NEAR_ZERO:
                yield (
                    f"{self.metric} is {score:.2f}: the outputs have next to nothing of the references. Look at some; "
                    "do the lines of both sides belong together? Else train longer, or with another learning rate."
                )
        if against := stored_verdict(self.scores):
            yield f"{against}. Train longer, or try another learning rate, score or seed."


def outcome(run: Run) -> Outcome:
    """The result of a run. Raises CheckpointError if it has no weights."""
    facts = load_weights(run.weights_file).metadata
    steps = tuple(facts.get("steps") or [facts["step"]])
    return Outcome(run.config.training.metric, facts.get("scores", {}), steps)
