"""Whether a run can begin, or be resumed, in a directory."""

from fnmatch import fnmatch

from regard.errors import CheckpointError, UsageError
from regard.run.directory import Run
from regard.training.lock import NAME as LOCK

LEFT = (".*", "cache", "tensorboard", "tokenizer*.json", "pairs.json", "*.tmp", "*.partial")
"""Files that a failed start may have left, and hidden files."""


def check_place(run: Run, *, resume: bool) -> None:
    """Raises UsageError for a directory with other files, for a run without `resume`, and for `resume` without a run.

    Raises CheckpointError for a run without its recipe.
    """
    if run.config_file.exists():
        if not resume:
            raise UsageError(f"{run.path} holds a run already. Resume it with --resume, or choose another --out.")
        return
    if run.checkpoints.exists():
        raise CheckpointError(f"{run.path} holds checkpoints but no config.yaml. Restore it, or choose another --out.")
    if resume and not (run.path / LOCK).exists():  # with a lock, an early start was killed: begin again
        raise UsageError(f"{run.path} holds no run to resume. Leave --resume out to begin one, or check --out.")
    if run.path.exists() and not run.path.is_dir():
        raise UsageError(f"{run.path} is a file; expected a new or an empty directory. Choose another --out.")
    names = sorted(path.name for path in run.path.iterdir()) if run.path.exists() else []
    if others := [name for name in names if not any(fnmatch(name, pattern) for pattern in LEFT)]:
        raise UsageError(
            f"{run.path} holds {others[0]} and no run; expected a new or an empty directory. Choose another --out."
        )
