"""How far each hypothesis has come with the phrases that it must have."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from regard.data.phrases import Borders, Phrase
from regard.marks import BEGIN
from regard.search.rules import NONE

BARE, SPACED = 0, 1
"""The two spellings of a phrase."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Of each row, its phrases, and what it has said of them.

    Tokens are compared with all spellings at once, and with all of their beginnings: the Shift-And method of
    Baeza-Yates & Gonnet 1992, "A new approach to text searching". So phrases may begin alike, and may overlap.

    A phrase is complete with its last token. It is met with the token behind it, unless that goes on with its last
    word: "cat" is not met by "cats".

    Args:
        tokens: of both spellings of each phrase; `NONE` behind shorter ones.
        sizes: how many these are; 0 where there is no such spelling, or no such phrase.
        goes_on: which of the tokens begin within a word.
        starts, ends: as in `Phrase`.
        said: l where the last l tokens of a row are the first l of the spelling, so that one more of it may come.
        met: what is in the output for good.

    `said` and `met` also say it of several tokens that may come next in each row; then they have an axis more.
    """

    tokens: Int[Tensor, "rows phrases 2 length"]
    sizes: Int[Tensor, "rows phrases 2"]
    goes_on: Bool[Tensor, "rows phrases 2 length_and_one"]
    starts: Bool[Tensor, "rows phrases"]
    ends: Bool[Tensor, "rows phrases"]
    said: Bool[Tensor, "rows phrases 2 length_and_one"]
    met: Bool[Tensor, "rows phrases"]

    @classmethod
    def start(cls, given: Sequence[Sequence[Phrase]], begins: Bool[Tensor, " vocabulary_and_one"]) -> "Phrases":
        """Of every row its phrases, of which nothing has been said; and which tokens begin within a word."""
        most = max([1, *map(len, given)])
        longest = max([1, *(len(one) for row in given for each in row for one in (each.bare, each.spaced))])
        tokens = torch.full((len(given), most, 2, longest), NONE)
        starts, ends = torch.zeros(2, len(given), most, dtype=torch.bool)
        for row, phrases in enumerate(given):
            for place, each in enumerate(phrases):
                for spelling, one in ((BARE, each.bare), (SPACED, each.spaced)):
                    tokens[row, place, spelling, : len(one)] = torch.tensor(one, dtype=torch.long)
                starts[row, place], ends[row, place] = each.starts, each.ends
        tokens, starts, ends = (each.to(begins.device) for each in (tokens, starts, ends))
        goes_on = F.pad(begins[tokens.clamp(0, len(begins) - 1)] & (tokens != NONE), (0, 1))
        return cls(tokens, (tokens != NONE).sum(3), goes_on, starts, ends, torch.zeros_like(goes_on), starts & False)

    @property
    def costs(self) -> Int[Tensor, "rows phrases"]:
        """How many tokens each phrase takes behind any others; 0 where there is none."""
        return torch.where(self.sizes[..., SPACED] > 0, self.sizes[..., SPACED], self.sizes[..., BARE])

    def select(self, rows: Int[Tensor, " selected"]) -> "Phrases":
        """The given rows."""
        return Phrases(*(getattr(self, part.name)[rows] for part in fields(self)))

    def join(self, other: "Phrases") -> "Phrases":
        """The rows of another behind these."""
        most, longest = (max(self.tokens.size(axis), other.tokens.size(axis)) for axis in (1, 3))
        one, two = self._widened(most, longest), other._widened(most, longest)
        return Phrases(*(torch.cat([getattr(one, part.name), getattr(two, part.name)]) for part in fields(self)))

    def after(
        self, tokens: Int[Tensor, "rows width"], borders: Borders
    ) -> tuple[Bool[Tensor, "rows width phrases 2 length_and_one"], Bool[Tensor, "rows width phrases"]]:
        """`said` and `met` behind each of the tokens that may come next."""
        ends, begins = (each[tokens.clamp(max=len(each) - 1)].unsqueeze(2) for each in (borders.ends, borders.begins))
        same = tokens.view(*tokens.shape, 1, 1, 1) == self.tokens.unsqueeze(1)
        longer = self.said.unsqueeze(1)[..., :-1] & same
        bare = ~(self.starts.unsqueeze(1) & ends)
        spaced = ((tokens != BEGIN) | borders.spaced).unsqueeze(2).expand_as(bare)
        new = torch.stack([bare, spaced], 3) & (self.sizes > 0).unsqueeze(1)
        complete = self._complete(self.said.unsqueeze(1)) & ~(self.ends.unsqueeze(1) & begins)
        return torch.cat([new.unsqueeze(4), longer], 4), self.met.unsqueeze(1) | complete

    def moved(self, tokens: Int[Tensor, " rows"], borders: Borders) -> "Phrases":
        """Behind the next token of each row."""
        said, met = self.after(tokens.unsqueeze(1), borders)
        return replace(self, said=said.squeeze(1), met=met.squeeze(1))

    def missing(
        self,
        said: Bool[Tensor, "rows width phrases 2 length_and_one"],
        met: Bool[Tensor, "rows width phrases"],
    ) -> Int[Tensor, "rows width"]:
        """How many tokens certainly suffice for what is not complete, each phrase counted whole, save one that is
        begun. There is always a token with which it becomes less."""
        complete, costs = self._complete(said), self.costs.unsqueeze(1)
        unmet = ~(met | complete)
        held = (complete & ~met & self.ends.unsqueeze(1)).any(2)  # complete, unless a word goes on
        places = torch.arange(said.size(4), device=said.device)
        gains = costs[..., None, None] - self.sizes[:, None, ..., None] + places
        usable = said & unmet[..., None, None] & (places < self.sizes.unsqueeze(3)).unsqueeze(1)
        usable &= ~(held[..., None, None, None] & self.goes_on.unsqueeze(1))
        return (costs * unmet).sum(2) - (gains * usable).flatten(2).amax(2).clamp(min=0)

    @property
    def left(self) -> Int[Tensor, " rows"]:
        """What is missing in each row."""
        return self.missing(self.said.unsqueeze(1), self.met.unsqueeze(1)).squeeze(1)

    def wanted(self) -> Int[Tensor, "rows spellings"]:
        """The tokens that go on with a phrase, each once; `NONE` where there are fewer."""
        unmet = ~(self.met | self._complete(self.said.unsqueeze(1)).squeeze(1))
        places = torch.arange(self.tokens.size(3), device=self.tokens.device)
        usable = self.said[..., :-1] & (places < self.sizes.unsqueeze(3)) & unmet[..., None, None]
        place = (usable * places).amax(3, keepdim=True)
        token = self.tokens.gather(3, place).squeeze(3)
        found = torch.where(usable.any(3), token, NONE).flatten(1)
        again = (found.unsqueeze(2) == found.unsqueeze(1)).tril(-1).any(2)
        return found.masked_fill(again, NONE)

    def _complete(
        self, said: Bool[Tensor, "rows width phrases 2 length_and_one"]
    ) -> Bool[Tensor, "rows width phrases"]:
        sizes = self.sizes[:, None, ..., None].expand(*said.shape[:4], 1)
        return (said.gather(4, sizes).squeeze(4) & (self.sizes > 0).unsqueeze(1)).any(3)

    def _widened(self, most: int, longest: int) -> "Phrases":
        """With room for so many phrases, of so many tokens."""
        more, longer = most - self.tokens.size(1), longest - self.tokens.size(3)
        return Phrases(
            F.pad(self.tokens, (0, longer, 0, 0, 0, more), value=NONE),
            F.pad(self.sizes, (0, 0, 0, more)),
            F.pad(self.goes_on, (0, longer, 0, 0, 0, more)),
            F.pad(self.starts, (0, more)),
            F.pad(self.ends, (0, more)),
            F.pad(self.said, (0, longer, 0, 0, 0, more)),
            F.pad(self.met, (0, more)),
        )
