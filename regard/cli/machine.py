"""The machine, set up as the command line says before any work."""


def set_up(threads: int | None) -> None:
    """Keep memory that is freed, and compute with so many CPU threads; with None torch takes all cores."""
    from regard.allocator import keep_memory

    keep_memory()
    import torch

    if threads:
        torch.set_num_threads(threads)
