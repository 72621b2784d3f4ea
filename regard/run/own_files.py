"""The files of a run that Regard reads and writes: each is a file of the run itself."""

import os
import stat
from itertools import chain
from pathlib import Path

from regard.errors import CheckpointError

OWN = (
    *("config.yaml", "tokenizer.json", "tokenizer.source.json", "tokenizer.target.json", "source.json"),
    *("model.safetensors", "shortlist.safetensors", "card.md", "metrics.jsonl", "pairs.json", ".lock"),
)
FOLDERS = ("checkpoints", "cache", "tensorboard")
"""The files that Regard reads and writes in a run, and the folders in which everything belongs to Regard."""


def check_own(run: Path) -> None:
    """Raises CheckpointError for a path that is not a file or folder as it should be, or is a link out of the run.

    With such a link, a run from somebody else could make Regard read or replace other files.
    """
    inside, folders = Path(os.path.realpath(run)), [run / name for name in FOLDERS]
    for path in chain([run / name for name in OWN], folders, *(folder.glob("**/*") for folder in folders)):
        try:
            mode = path.stat().st_mode
        except OSError:  # the path does not exist
            mode = 0
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(inside):
            raise CheckpointError(f"{path} is a link out of the run; expected a file of its own. Put a copy there.")
        held = path.parent not in (run, run / "checkpoints")  # cache and tensorboard hold folders
        is_folder = path in folders or (held and stat.S_ISDIR(mode))
        if mode and not (stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)):
            kind = "folder" if is_folder else "file"
            raise CheckpointError(f"{path} is no {kind}, as it should be. Restore the run from a whole copy.")
