"""What a resumed run may change: the limits of its training, and nothing else."""

from collections.abc import Mapping
from typing import Any

from regard.config import Config
from regard.errors import UsageError
from regard.run import Run

LIMITS = {f"training.{key}" for key in ("max_epochs", "max_steps", "max_minutes", "patience")}


def resumed(run: Run, config: Config) -> Run:
    """The run to go on with; only the limits of its training may have changed, and are taken over.

    Raises UsageError that names what else has changed: the run would no longer be the one that was begun.
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
    return run.adopt(config) if changed else run


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as one key each: a.b.c."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
