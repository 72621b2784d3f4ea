"""When a run is resumed, and what may change then: only the limits of its training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regard.config import BEFORE, Config, fill, value_of
from regard.errors import UsageError
from regard.run.directory import Run
from regard.training.distributed import World, launch_name, restarts
from regard.training.lock import last_launch

LIMITS = {f"training.{key}" for key in ("max_epochs", "max_steps", "max_minutes", "patience")}


def restarted(out: Path) -> bool:
    """Whether torchrun has started the workers again and the run in `out` is the one that it had begun."""
    return restarts() > 0 and last_launch(out) == launch_name()


def shared(config: Config, run: Run, world: World, *, resume: bool) -> Config:
    """The recipe with the number of workers that share its batches, if it does not say one.

    The number is fixed when a run begins: with more or fewer workers later, the same batches are shared among them. An
    older recipe without a newer key keeps its old behaviour, whatever the default is now.
    """
    if resume:
        config = fill(config, {path: value_of(run.config, path) for path in BEFORE})
    if config.data.workers is not None:
        return config
    workers = run.config.data.workers if resume else world.size if world.size > 1 else None
    return config.model_copy(update={"data": config.data.model_copy(update={"workers": workers})})


def limits_changed(run: Run, config: Config) -> bool:
    """Whether the limits of the training have changed, which is allowed.

    Raises UsageError that names all other changes: it would no longer be the same run.
    """
    if run.weights_file.exists():
        run.verify()
    begun, wanted = _flat(run.config.model_dump()), _flat(config.model_dump())
    changed = {key for key in begun.keys() | wanted.keys() if begun.get(key) != wanted.get(key)}
    if fixed := sorted(changed - LIMITS):
        faults = ", ".join(f"{key} was {begun.get(key)!r} and is {wanted.get(key)!r}" for key in fixed)
        raise UsageError(
            f"{run.path} cannot be resumed with another recipe: {faults}. Give the same, or another --out."
        )
    return bool(changed)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as one key each: a.b.c."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
