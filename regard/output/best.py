"""The best tokens: of logits, and of an output layer in compiled code, without its logits."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.attention.kernels.library import Kernels, find
from regard.data.batch import END
from regard.output.logits import normalizer, top

SOURCE = Path(__file__).with_name("best.c")
LIBRARY = Path(__file__).with_name("libbest.so")


@cache
def kernels() -> Kernels:
    """The library, looked for once."""
    return find(SOURCE, LIBRARY, _declare)


def best_of(
    logits: Float[Tensor, "rows vocab"], width: int
) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
    """The `width` best tokens of each row from `END` on (or all, if there are fewer), best first, and the lower among
    equals; and before them their log-probabilities, which are those over the whole vocabulary.

    A row that is no distribution has NaN, see `normalizer`.
    """
    logits = logits.detach().float()
    values, places = top(logits[:, END:], width)
    return values - normalizer(logits).unsqueeze(1), places + END


def best(
    features: Float[Tensor, "rows features"],
    panels: Float[Tensor, "panels features panel"],
    bias: Float[Tensor, " columns"],
    width: int,
) -> tuple[Float[Tensor, "rows width"], Int[Tensor, "rows width"]]:
    """`best_of(features · panels + bias, width)` in compiled code, which holds no logits but those of a tile.

    Single precision, CPU, no gradient; where `serves()`.
    """
    features = features.contiguous()
    (rows, depth), columns = features.shape, bias.numel()
    width = min(width, columns - END)
    log_probs, tokens = features.new_empty(rows, width), torch.empty(rows, width, dtype=torch.long)
    found = kernels()
    failed = found.library.regard_best(
        *(features.data_ptr(), panels.data_ptr(), bias.data_ptr()),
        *(rows, depth, columns, END, width, log_probs.data_ptr(), tokens.data_ptr()),
        *(found.fast, torch.get_num_threads(), found.team),
    )
    if failed:
        raise MemoryError(f"best: no memory for {rows} rows of {columns} columns")
    return log_probs, tokens


def serves() -> bool:
    """Whether there is compiled code."""
    return kernels().library is not None


def _declare(library: Any) -> None:
    pointer, size, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    library.regard_best.argtypes = [*[pointer] * 3, *[size] * 5, pointer, pointer, number, number, pointer]
    library.regard_best.restype = number
