"""The expert of an edit transducer: which edits are best after any edits, right ones or wrong ones."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from regard.marks import END, UNKNOWN

ERROR = 5
"""β: what an error in the output costs, in edits."""
FAR = 10**6
"""The cost of what is outside of a pair: more than any script."""


class Expert:
    """A dynamic oracle over edits, of a batch of pairs x, t.

        loss(script) = β Levenshtein(y, t) + DELETEs and INSERTs of the script              y is what it writes
        C(i, j)      = least DELETEs and INSERTs that make t[j:] of x[i:]                    see `data.edits.costs`
        Q*(i, y)     = min over j: β D(y, j) + C(i, j),    D(y, j) = Levenshtein(y, t[:j])   the least loss from here

    where the pointer is at i and y is written. The best edits are those after which Q* and what they cost are no more
    than before: for a j where the minimum is,

        COPY       where x[i] = t[j] and C(i, j) = C(i+1, j+1)
        DELETE     where C(i, j) = 1 + C(i+1, j)
        INSERT(c)  where t[j] = c and C(i, j) = 1 + C(i, j+1)
        END        where i and j are at their ends

    Source: Makarov & Clematide 2018, arXiv:1808.10701, section 3: the expert policy. No other edit is as good where
    β > 2, since one that adds an error saves two edits at most. All is in integers, and for all pairs at once: a row of
    an edit distance, in which each entry depends on the one before, is a running minimum.

    Args:
        letters: the source as target tokens, which `copied` are equal to those of the goal.
        copied: which of them can be copied.
        there: which of them are real; they come first.
        goal: t; a token that the vocabulary lacks is inserted as UNKNOWN.
        goal_mask: its real tokens, which come first.
        size: entries of the target vocabulary; COPY and DELETE follow.
    """

    def __init__(
        self,
        letters: Int[Tensor, "batch source"],
        copied: Bool[Tensor, "batch source"],
        there: Bool[Tensor, "batch source"],
        goal: Int[Tensor, "batch goal"],
        goal_mask: Bool[Tensor, "batch goal"],
        size: int,
    ) -> None:
        self.goal, self.size = goal.masked_fill(~goal_mask, -1), size
        self.lengths, self.ends = there.sum(1), goal_mask.sum(1)
        self.places = torch.arange(goal.size(1) + 1, device=goal.device)
        same = (letters.unsqueeze(2) == self.goal.unsqueeze(1)) & copied.unsqueeze(2)
        cost = self.cost = self._costs(same, there)
        real, last = there.unsqueeze(2), (0, 0, 0, 1)  # there is no edit of a letter behind the last
        self.copies = F.pad(same & (cost[:, :-1, :-1] == cost[:, 1:, 1:]), (0, 1, 0, 1))
        self.deletes = F.pad(real & (cost[:, :-1] == cost[:, 1:] + 1), last)
        self.inserts = (cost[:, :, :-1] == cost[:, :, 1:] + 1) & goal_mask.unsqueeze(1)
        self.inserted = self.goal.masked_fill((goal >= size) | ~goal_mask, UNKNOWN)

    def start(self) -> Int[Tensor, "batch goal_and_one"]:
        """D of an empty output."""
        return self.places.expand(len(self.goal), -1)

    def after(
        self, distance: Int[Tensor, "batch goal_and_one"], written: Int[Tensor, " batch"]
    ) -> Int[Tensor, "batch goal_and_one"]:
        """D once these letters are written too."""
        other = distance[:, :-1] + (self.goal != written.unsqueeze(1))
        row = torch.cat([distance[:, :1] + 1, torch.minimum(other, distance[:, 1:] + 1)], 1)
        return (row - self.places).cummin(1).values + self.places

    def best(
        self, places: Int[Tensor, " batch"], distance: Int[Tensor, "batch goal_and_one"]
    ) -> Bool[Tensor, "batch edits"]:
        """The best edits where the pointers are at these places, and the outputs have these D."""
        rows = torch.arange(len(places), device=places.device)
        loss = ERROR * distance + self.cost[rows, places]
        at = loss == loss.amin(1, keepdim=True)
        inserts = (at[:, :-1] & self.inserts[rows, places]).long()
        found = inserts.new_zeros(len(places), self.size + 2).scatter_add_(1, self.inserted, inserts) > 0
        found[:, END] = (places == self.lengths) & at.gather(1, self.ends.unsqueeze(1)).squeeze(1)
        found[:, self.size] = (at & self.copies[rows, places]).any(1)
        found[:, self.size + 1] = (at & self.deletes[rows, places]).any(1)
        return found

    def _costs(
        self, same: Bool[Tensor, "batch source goal"], there: Tensor
    ) -> Int[Tensor, "batch source_and goal_and"]:
        """C, FAR for j behind the end of t; from the end of x on only INSERTs are left."""
        left = self.ends.unsqueeze(1) - self.places
        row = behind = left.masked_fill(left < 0, FAR)
        rows = [row]
        for same_here, there_here in zip(same.unbind(1)[::-1], there.unbind(1)[::-1], strict=True):
            copied = F.pad(row[:, 1:].masked_fill(~same_here, FAR), (0, 1), value=FAR)
            ways = torch.minimum(row + 1, copied) + self.places
            row = ways.flip(1).cummin(1).values.flip(1) - self.places
            row = torch.where(there_here.unsqueeze(1), row, behind)
            rows.append(row)
        return torch.stack(rows[::-1], 1)
