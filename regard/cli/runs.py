"""Trained runs, opened as the command line says."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from regard.config import DataConfig
from regard.errors import UsageError
from regard.translator import Translator


def data_config(path: Path) -> DataConfig:
    """How a run read its pairs, so that others are read alike. Raises CheckpointError for a run that is none."""
    from regard.run import Run

    return Run(path).config.data


def open_runs(
    paths: Sequence[Path],
    device: str,
    threads: int | None,
    *,
    beam: int | None = None,
    batch_size: int | None = None,
    length_normalization: float | None = None,
    coverage_penalty: float | None = None,
) -> Translator:
    """The models of some runs as one translator; what is None is as the recipe of the first run says.

    Raises CheckpointError for a run that cannot be read, UsageError for a device or a number that cannot be.
    """
    from regard.allocator import keep_memory

    keep_memory()
    import torch

    from regard.build import pick_device
    from regard.run import Run, load, search_options
    from regard.search.ranking import Ranking

    if threads:
        torch.set_num_threads(threads)
    chosen = str(pick_device(device))
    given: dict[str, Any] = {
        "beam_size": beam,
        "batch_size": batch_size,
        "length_normalization": length_normalization,
        "coverage_penalty": coverage_penalty,
    }
    options = replace(
        search_options(Run(paths[0]).config.search),
        **{name: value for name, value in given.items() if value is not None},
    )
    try:
        Ranking(options.length_normalization, options.coverage_penalty)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return load(paths, options, chosen)
