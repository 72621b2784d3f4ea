"""Clean-up around the start of a run: leftovers of killed processes, and files of a start that failed."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from regard.files import sweep
from regard.training.lock import NAME as LOCK

OWN = (
    *("config.yaml", "pairs.json", "tokenizer.json", "tokenizer.source.json", "tokenizer.target.json", "source.json"),
)


def missing(directory: Path) -> list[Path]:
    """The directory and those above it that are not there yet, the innermost first."""
    return [path for path in (directory, *directory.parents) if not path.exists()]


@contextmanager
def undone(directory: Path, new: Sequence[Path]) -> Iterator[None]:
    """If the block of the `with` fails, remove what it made in the directory of a run; older files stay.

    The caller holds the lock of the run.

    Args:
        directory: the run.
        new: the directories that were `missing` before the lock was taken; they are removed, too.
    """
    before = set(_parts(directory))
    try:
        yield
    except BaseException:
        for path in _parts(directory):
            if path not in before:
                with suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        sweep(directory)
        with suppress(OSError):
            (directory / "cache").rmdir()
        if directory in new:
            with suppress(OSError):
                (directory / LOCK).unlink()
        for path in new:  # the innermost first, and only what is empty
            with suppress(OSError):
                path.rmdir()
        raise


def tidy(directory: Path, corpora: Collection[str]) -> None:
    """Remove leftovers of killed processes, and encoded corpora that are not used any more.

    The caller holds the lock of the run.

    Args:
        directory: the run.
        corpora: the names of the corpora in its cache that it uses.
    """
    sweep(directory)
    sweep(directory / "checkpoints")
    sweep(directory / "cache")
    for path in directory.glob("cache/*"):
        if path.name not in corpora and (path / "index.json").exists():
            shutil.rmtree(path, ignore_errors=True)


def _parts(directory: Path) -> list[Path]:
    """The files that are written before the first update, and the encoded corpora."""
    return [path for path in (*(directory / name for name in OWN), *directory.glob("cache/*")) if path.exists()]
