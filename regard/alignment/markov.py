"""A hidden Markov model of one direction: from which source word each target word comes, given both texts.

    p(t, a | s)      = Π over j: p(a(j) | a(j-1)) · p(t(j) | s(a(j)))             a(j) = i: word j comes from word i
    p(a(j) | a(j-1)) = (1 - ρ) · ((1 - μ) · jump(a(j) - a(j-1)) w(a(j)) / Σ over i: jump(i - a(j-1)) w(i)
                                  + μ · w(a(j)) / Σ over i: w(i)),                or ρ for no word at all (null)
    p(t | s)         = (n(s,t) + α + β [t = s]) / (Σ over t': n(s,t') + α V)
    w(i)             = (Σ over t: n(s(i),t) + ½) / (n(s(i)) + ½)

The counts n(s,t) of links are expected ones, n(s) says how often s occurs. Those of a token leave out the token itself:
else a rare word explains whatever stands beside it, since it explains nothing else. The rate w is the same idea for
frequent words: an article that nothing renders would take each word that is left over, since p(t | s) of a word sums to
one however rarely it is rendered. μ lets a word be anywhere: a clause may have moved.

Sources: Vogel, Ney & Tillmann 1996 (the model); Och & Ney 2003 (null, section 2.1.4, and μ; w does some of the work of
their fertility, with a mean in place of a distribution, so that the forward-backward algorithm stays exact). Counts
without the token itself: Asuncion et al. 2009, "On Smoothing and Inference for Topic Models", section 3, where they are
called CVB0; Teh et al. 2006 say why. The same words on both sides (β) are names and numbers.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float, Int

NULL = 0.2
"""ρ: how many words have no counterpart, before anything is known."""
ANYWHERE = 0.1
"""μ: how many moves have nothing to do with their distance."""
ALPHA, SAME = 0.01, 1.0
"""α of any two words, and β of a word and itself."""
FAR = 7
"""Jumps that are longer than this are not told apart."""
TINY = 1e-300

Kinds = Int[np.ndarray, "pairs target source_and_null"]
Posteriors = Float[np.ndarray, "pairs target source_and_null"]


class Direction:
    """The model of one direction, with its counts.

    Args:
        given: the source word of each kind, that is of each (source word, target word) that stand together in a pair.
        same: whether both are the same word.
        words: V, how many different target words there are.
        uses: how often each source word occurs; null is word 0.
    """

    def __init__(
        self,
        given: Int[np.ndarray, " kinds"],
        same: Bool[np.ndarray, " kinds"],
        words: int,
        uses: Int[np.ndarray, " words"],
    ) -> None:
        self.given = given
        self.prior = ALPHA + SAME * same
        self.spread = ALPHA * words
        self.uses = uses
        self.counts = np.zeros(len(given))
        self.totals: np.ndarray = np.zeros(len(uses))
        self.jumps = np.ones(2 * FAR + 1)
        self.own: dict[int, np.ndarray] = {}

    def emissions(self, number: int, kinds: Kinds) -> Posteriors:
        """p(t | s) of a group, without what its own tokens say."""
        own = self.own.get(number, 0.0)
        count = np.maximum(self.counts[kinds] - own + self.prior[kinds], TINY)
        return count / np.maximum(self.totals[self.given[kinds]] - own + self.spread, TINY)

    def rates(self, number: int, kinds: Kinds) -> Float[np.ndarray, "pairs source"]:
        """w of each source word of a group, without what its own tokens say; 1 before anything is known."""
        words = self.given[kinds[:, 0, 1:]]
        if number not in self.own:
            return np.ones(words.shape)
        links = self.totals[words] - self.own[number][:, :, 1:].sum(1)
        rates: np.ndarray = (links.clip(min=0) + 0.5) / (self.uses[words] - 1 + 0.5).clip(min=0.5)
        return rates

    def count(self, groups: Iterable[tuple[Kinds, Posteriors]]) -> None:
        """Take the counts of all groups: their kinds, and how often each token is a link of that kind."""
        self.counts[:] = 0
        for number, (kinds, counted) in enumerate(groups):
            self.own[number] = counted
            self.counts += np.bincount(kinds.ravel(), counted.ravel(), len(self.counts))
        self.totals = np.bincount(self.given, self.counts, len(self.totals))


def lexical(
    model: Direction, number: int, kinds: Kinds, source: Int[np.ndarray, " pairs"], target: Int[np.ndarray, " pairs"]
) -> tuple[Posteriors, Float[np.ndarray, " jumps"]]:
    """The posteriors of each target word where every source word is as near (IBM model 1, with w); and no jumps."""
    real_target = real(target, kinds.shape[1])
    share = (1 - NULL) * _shares(model.rates(number, kinds) * real(source, kinds.shape[2] - 1))
    looked = model.emissions(number, kinds) * np.concatenate([np.full_like(share[:, :1], NULL), share], 1)[:, None]
    return looked / np.maximum(looked.sum(2, keepdims=True), TINY) * real_target[:, :, None], np.zeros(2 * FAR + 1)


def ordered(
    model: Direction, number: int, kinds: Kinds, source: Int[np.ndarray, " pairs"], target: Int[np.ndarray, " pairs"]
) -> tuple[Posteriors, Float[np.ndarray, " jumps"]]:
    """The posteriors of each target word by the forward-backward algorithm, and the expected number of each jump.

    A state is a source word, or null behind that source word: null remembers from where the next jump starts.
    """
    emissions = model.emissions(number, kinds)
    words, null = emissions[:, :, 1:], NULL * emissions[:, :, :1]
    pairs, steps, places = words.shape
    rates, real_target = model.rates(number, kinds) * real(source, places), real(target, steps)
    jump = (np.arange(places) - np.arange(-1, places)[:, None]).clip(-FAR, FAR) + FAR  # from, to; from before the first
    moves = (1 - ANYWHERE) * _shares(model.jumps[jump] * rates[:, None]) + ANYWHERE * _shares(rates)[:, None]
    first, moves, jump = moves[:, 0], (1 - NULL) * moves[:, 1:], jump[1:]

    ahead, scale = np.empty((pairs, steps, 2, places)), np.empty((pairs, steps))
    for step in range(steps):
        if step == 0:
            to_word, to_null = (1 - NULL) * first, first
        else:
            to_null = ahead[:, step - 1].sum(1)
            to_word = (to_null[:, None] @ moves)[:, 0]
        now = np.stack([to_word * words[:, step], to_null * null[:, step]], 1)
        scale[:, step] = np.maximum(now.sum((1, 2)), TINY)
        ahead[:, step] = now / scale[:, step, None, None]
    posterior, jumps = np.zeros_like(emissions), np.zeros(2 * FAR + 1)
    back = np.ones((pairs, 2, places))
    for step in range(steps - 1, -1, -1):
        here = real_target[:, step, None]
        back = np.where(here[:, None], back, 1.0)  # padding behind the last word says nothing
        both = ahead[:, step] * back
        both = both / np.maximum(both.sum((1, 2), keepdims=True), TINY) * here[:, None]
        posterior[:, step] = np.concatenate([both[:, 1].sum(1, keepdims=True), both[:, 0]], 1)
        if step:
            onward = words[:, step] * back[:, 0] / scale[:, step, None]
            taken = ahead[:, step - 1].sum(1)[:, :, None] * moves * (onward * here)[:, None]
            jumps += np.bincount(jump.ravel(), taken.sum(0).ravel(), len(jumps))
            came = (moves @ onward[:, :, None])[:, :, 0] + null[:, step] * back[:, 1] / scale[:, step, None]
            back = np.stack([came, came], 1)
    return posterior, jumps


def _shares(parts: Float[np.ndarray, "*rows places"]) -> Float[np.ndarray, "*rows places"]:
    shares: np.ndarray = parts / np.maximum(parts.sum(-1, keepdims=True), TINY)
    return shares


def real(lengths: Int[np.ndarray, " pairs"], most: int) -> Bool[np.ndarray, "pairs most"]:
    """Which places are none of padding."""
    within: np.ndarray = np.arange(most) < lengths[:, None]
    return within
