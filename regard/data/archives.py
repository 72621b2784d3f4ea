"""Arrays in files, as other programs write them: .npy, by id in .npz, and matrices of Kaldi.

a.npy              one array
all.npz/an251      the array an251 of an archive
feats.ark:1234     a matrix of Kaldi, as feats.scp names it; needs kaldiio
"""

import zipfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from regard.data.lines import STDIN
from regard.data.media_files import ARCHIVE, named, state_of
from regard.data.sources import UnusableSource
from regard.errors import RegardError

ARRAY = ".npy"
KEPT_ARCHIVES = 4


def array_of(source: str, expected: str, layouts: Sequence[tuple[str, ...]]) -> Float[np.ndarray, "..."]:
    """What a file holds, float32, finite, with at least one number.

    Args:
        source: the name of the array.
        expected: what the message calls it: "frames and their features".
        layouts: the axes that it may have, each by its name; as many names as it has axes.

    Raises UnusableSource for anything else, RegardError where kaldiio is missing.
    """
    found, end = named(source), source[-200:]
    if found.offset is not None:
        raise UnusableSource("names a part by its offset; features are read whole")
    try:
        array = np.asarray(_array(found.path))
    except UnusableSource:
        raise
    except (OSError, EOFError, ValueError, LookupError, AttributeError, zipfile.BadZipFile) as error:
        raise UnusableSource(f"names no features, or a damaged file ({end})") from error
    axes = next((layout for layout in layouts if len(layout) == array.ndim), None)
    if axes is None or not array.size or array.dtype.kind not in "fiu":
        raise UnusableSource(
            f"names an array of shape {array.shape} and type {array.dtype}; expected {expected} ({end})"
        )
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        first = ", ".join(f"{axis} {number}" for axis, number in zip(axes, place, strict=True))
        raise UnusableSource(f"names features that are NaN or infinite, first in {first} ({end})")
    return array


def archives_of(path: str, given: Iterable[str]) -> list[Path]:
    """The archives that hold the ids of a file of pairs, in its folder.

    Args:
        path: of the file; "-" for standard input, whose folder is the working directory.
        given: their names; none for the one of the name of the file: train.npz for train.tsv.
    """
    if path == STDIN:
        return [Path(name) for name in given]
    near = Path(path)
    return [near.parent / name for name in given or (f"{Path(path.removesuffix('.gz')).stem}{ARCHIVE}",)]


def entry(name: str, archives: Iterable[Path]) -> str | None:
    """The array of this id, in the first archive that has it; an archive may be a folder of .npy files."""
    for archive in archives:
        if archive.is_dir():
            if state_of(file := str(archive / f"{name}{ARRAY}")) is not None:
                return file
        elif (state := state_of(str(archive))) is not None and name in _archive(str(archive), state):
            return str(archive / name)
    return None


def _array(path: str) -> np.ndarray:
    before, slash, name = path.rpartition(f"{ARCHIVE}/")
    if slash:
        archive = before + ARCHIVE
        arrays = _archive(archive, state_of(archive))
        if name not in arrays:
            raise UnusableSource(f"names an id that {Path(archive).name} has not ({name[-200:]})")
        return arrays[name]
    if path.endswith(ARRAY):
        return np.load(path, allow_pickle=False)
    if "|" in path or not path.rpartition(":")[2].isdigit():
        raise UnusableSource(f"names no .npy, no id of an .npz, and no place in an ark file ({path[-200:]})")
    try:
        from kaldiio import load_mat
    except ImportError as error:
        raise RegardError(f"{path}: to read Kaldi's ark files, install regard[kaldi].") from error
    found = load_mat(path)
    if not isinstance(found, np.ndarray):
        raise UnusableSource(f"names no matrix ({path[-200:]})")
    return found


@lru_cache(KEPT_ARCHIVES)
def _archive(path: str, state: tuple[int, int] | None) -> Any:
    """An open archive, whose arrays are read one by one; `state` makes a file that is written anew be read anew."""
    return np.load(path, allow_pickle=False)
