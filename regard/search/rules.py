"""What all outputs of a search have to keep to: rules over the tokens that a search chooses.

    no_repeat_ngram      no n tokens in a row come twice (Paulus, Xiong & Socher 2018, arXiv:1705.04304, section 2.5)
    min_length           the end mark comes no earlier
    repetition_penalty   what was said is chosen less often (Keskar et al. 2019, arXiv:1909.05858, section 4.1)

Rules decide what a search chooses. The probability of an output stays that of the model, as forced decoding gives it.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.marks import END, PAD

NONE = -1
"""Where a row has no token."""


@dataclass(frozen=True)
class Rules:
    """Rules for all outputs of a search.

    Args:
        no_repeat_ngram: n; 0 for no such rule.
        min_length: tokens before the end mark, at least.
        repetition_penalty: θ, at least 1; 1 for none. Of a token that the output already has, θ log p(y) is compared
            with the log p of the others. The source divides logits by θ, which have no fixed zero: here they are the
            logarithms of probabilities, which are never above 0, and are multiplied.

    Raises ValueError for numbers out of range.
    """

    no_repeat_ngram: int = 0
    min_length: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name in ("no_repeat_ngram", "min_length"):
            if getattr(self, name) < 0:
                raise ValueError(f"Rules: {name} is {getattr(self, name)}; expected 0 or more. 0 is no rule.")
        if not (math.isfinite(self.repetition_penalty) and self.repetition_penalty >= 1):
            raise ValueError(
                f"Rules: repetition_penalty is {self.repetition_penalty}; expected a finite number of at least 1. "
                "1 is no rule; 1.2 is usual."
            )

    @property
    def penalizes(self) -> bool:
        """Whether tokens that were said are chosen less often."""
        return self.repetition_penalty > 1

    def forbidden(self, said: Int[Tensor, "rows said"]) -> Int[Tensor, "rows forbidden"]:
        """The tokens that may not come next in each row, `NONE` where there are fewer.

        Args:
            said: the begin mark and what followed it; shorter rows have `NONE` before them.
        """
        found = [self._repeats(said)] if 0 < self.no_repeat_ngram <= said.size(1) else []
        if self.min_length:
            early = (said != NONE).sum(1, keepdim=True) <= self.min_length
            found.append(torch.where(early, END, NONE))
        return torch.cat(found, 1) if found else said.new_zeros(len(said), 0)

    def penalties(
        self, log_probs: Float[Tensor, "rows width"], repeated: Bool[Tensor, "rows width"]
    ) -> Float[Tensor, "rows width"]:
        """What is taken off the log-probabilities of tokens when they are compared: (1 - θ) log p of those that are
        `repeated`, else 0."""
        return torch.where(repeated, (1 - self.repetition_penalty) * log_probs, torch.zeros_like(log_probs))

    def _repeats(self, said: Int[Tensor, "rows said"]) -> Int[Tensor, "rows forbidden"]:
        """The tokens that followed the last n - 1 tokens when these were said before."""
        count = self.no_repeat_ngram
        windows = said.unfold(1, count, 1)  # (rows, windows, n)
        same = (windows[..., :-1] == said[:, said.size(1) - count + 1 :].unsqueeze(1)).all(2)
        return torch.where(same & (windows != NONE).all(2), windows[..., -1], NONE)


NO_RULES = Rules()


def among(said: Int[Tensor, "rows said"], tokens: Int[Tensor, "rows width"]) -> Bool[Tensor, "rows width"]:
    """Which of the tokens each row has said."""
    return (tokens.unsqueeze(2) == said.unsqueeze(1)).any(2)


def among_all(said: Int[Tensor, "rows said"], vocab: int) -> Bool[Tensor, "rows vocab"]:
    """Which tokens of the vocabulary each row has said, from the end mark on."""
    found = torch.zeros(len(said), vocab, dtype=torch.bool, device=said.device)
    found.scatter_(1, said.clamp(min=PAD), True)
    found[:, :END] = False
    return found
