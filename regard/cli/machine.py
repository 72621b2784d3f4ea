"""The machine, set up as the command line says before any work."""

import gc


def set_up(threads: int | None) -> None:
    """Keep memory that is freed, and compute with so many CPU threads; with None torch takes all cores.

    The collector of garbage, which `main` has disabled, is enabled again; what was imported before is no garbage.
    """
    from regard.run.memory import keep_memory

    keep_memory()
    import torch

    if threads:
        torch.set_num_threads(threads)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
