"""Which runs can be searched together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regard.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from regard.run.directory import Run


def check_ensemble(runs: Sequence["Run"], ctc_weight: float) -> None:
    """Raises CheckpointError for runs that cannot be searched together, UsageError for one that has not learned CTC."""
    first = runs[0]
    for run in runs[1:]:
        edits = [each.config.model.decoder.edits for each in (run, first)]
        if edits[0] != edits[1]:
            raise CheckpointError(
                f"{(run if edits[0] else first).path} edits the source and {(first if edits[0] else run).path} does "
                "not (`model.decoder`); an ensemble needs the same of all. Train the runs with the same model.decoder."
            )
        if run.config.model.output.copies != first.config.model.output.copies:
            with_copy, without = (run, first) if run.config.model.output.copies else (first, run)
            raise CheckpointError(
                f"{with_copy.path} copies from the source and {without.path} does not (`model.output`); an ensemble "
                "needs the same of all. Train the runs with the same model.output."
            )
        text = run.config.data.source.kind == first.config.data.source.kind == "text"
        sides = "source tokenisers" if text else "sources (`data.source`)", "target tokenisers"
        for what, one, other in zip(sides, first.digests, run.digests, strict=True):
            if one != other:
                raise CheckpointError(
                    f"{run.path} and {first.path} have different {what}; an ensemble needs the same. "
                    "Train the runs on the same data with the same data section."
                )
        one, other = (each.config.model.encoder.memory_positions for each in (run, first))
        if one != other:
            raise CheckpointError(
                f"the memory of {run.path} has {one}, and that of {first.path} {other}; an ensemble needs the same. "
                "Train the runs with the same strides, pools, joins or joined parts."
            )
    for run in runs:
        if ctc_weight and not run.config.training.ctc:
            raise UsageError(
                f"CTC has a weight of {ctc_weight} in search, and {run.path} was trained without it; expected 0. "
                "Give --ctc-weight 0, or train with training.ctc above 0, such as 0.3."
            )
