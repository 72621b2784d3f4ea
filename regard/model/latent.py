"""Where the tokens of outputs come from, in a model that sums over alignments: what it knows of a whole output."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from regard.data.batch import Sources, teacher_forced
from regard.model.encoder_decoder import EncoderDecoder

PRIOR, POSTERIOR, VITERBI = "prior", "posterior", "viterbi"
WEIGHTS = (POSTERIOR, VITERBI, PRIOR)
"""The weights that such a model can give a token: p(a(t) = j | y, x), the most probable alignment, or
p(a(t) = j | y(<t), x), which the token was mixed by. These last are what a search sees."""


def sums_alignments(model: EncoderDecoder) -> bool:
    """Whether its decoder has these weights."""
    return hasattr(model.decoder, POSTERIOR)


@torch.inference_mode()
def latent_weights(
    models: Sequence[EncoderDecoder],
    weights: str,
    source: Sources,
    mask: Bool[Tensor, "batch ..."],
    tokens: Sequence[Sequence[int]],
) -> list[np.ndarray]:
    """The weights of each output, by one more pass over it: float32 (target, source). Of several models the mean, as in
    search; one that sums over no alignments gives its own.

    Args:
        models: in evaluation mode.
        weights: `POSTERIOR` or `VITERBI`.
        source, mask: the sources of the outputs.
        tokens: one output for each source, with its end mark where it has one.
    """
    batch = teacher_forced(source, mask, tokens)
    found = []
    for model in models:
        if sums_alignments(model):
            read = model.decoder.begin(model.encode(source, mask))
            known = getattr(model.decoder, weights)
            found.append(known(batch.inputs, batch.targets, batch.target_mask, *read))
        else:
            found.append(model(batch).weights)
    rows = torch.stack(found).mean(0).float().numpy(force=True)
    return [rows[row, : len(each)] for row, each in enumerate(tokens)]
