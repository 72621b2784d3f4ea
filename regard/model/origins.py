"""Where the tokens of outputs come from: generated, or copied from the source."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from regard.data.batch import Sources, teacher_forced
from regard.model.encoder_decoder import EncoderDecoder


@dataclass(frozen=True)
class Copied:
    """Of one output.

    Args:
        p_gen: the probability to generate, at the step of each token.
        copied: of each token, the probability that it was copied from each source position. A row sums to the
            probability that the token was copied at all; the rest of it was generated.
    """

    p_gen: Float[np.ndarray, " target"]
    copied: Float[np.ndarray, "target source"]


@torch.inference_mode()
def origins(
    models: Sequence[EncoderDecoder],
    source: Sources,
    mask: Bool[Tensor, "batch ..."],
    tokens: Sequence[Sequence[int]],
) -> list[Copied]:
    """Of each output, by one more pass over it.

        copied(t, i) = (1 - p_gen(t)) α(t, i) / p(y(t))     where x(i) = y(t), else 0

    For several models p_gen is their mean, and the numerators and the denominators are summed.

    Args:
        models: each with an output layer that copies, in evaluation mode.
        source, mask: the sources of the outputs.
        tokens: one output for each source, with its end mark where it has one.
    """
    batch = teacher_forced(source, mask, tokens)
    found = []
    for model in models:
        unrolled = model(batch)
        found.append(model.tokens.output.origins(unrolled, batch.targets, batch.target_mask))
    p_gen = torch.stack([each.p_gen for each in found]).mean(0)
    total = torch.stack([each.total for each in found]).double().sum(0).clamp_min(torch.finfo(torch.float64).tiny)
    copied = torch.stack([each.copied for each in found]).double().sum(0) / total.unsqueeze(-1)
    parts = p_gen.float().numpy(force=True), copied.float().numpy(force=True)
    return [Copied(*(part[row, : len(each)] for part in parts)) for row, each in enumerate(tokens)]
