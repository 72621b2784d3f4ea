"""Links of a whole corpus from its words alone: two hidden Markov models, one for each direction, that agree.

No link and no model is given. A word that often stands beside another in the pairs is its translation, and neighbours
are translated by neighbours. Each direction says this of the words of its target, given those of its source:

    p(t, a | s)     = Π over j: p(a(j) | a(j-1)) · p(t(j) | s(a(j)))             a(j) = i: word j comes from word i
    p(a(j) | a(j-1)) = (1 - ρ) · jump(a(j) - a(j-1)) / Σ over i: jump(i - a(j-1)),   or ρ for no word at all (null)
    p(t | s)        = (n(s,t) + α + β [t = s]) / (Σ over t': n(s,t') + α V)

The counts n are expected ones. Those of a token leave out the token itself: else a rare word explains whatever stands
beside it, since it explains nothing else. Both directions count the same: c(i,j) = √(forward(i,j) · backward(j,i)), the
geometric mean of their posteriors. So neither keeps a link that the other one thinks wrong.

Sources: Vogel, Ney & Tillmann 1996 (the model); Och & Ney 2003, section 2.1.4 (null); Liang, Taskar & Klein 2006,
"Alignment by Agreement"; Ganchev, Graça & Taskar 2008, "Better Alignments = Better Translations?" (agreement of
posteriors); Asuncion et al. 2009, "On Smoothing and Inference for Topic Models", section 3 (counts without the token
itself, called CVB0 there); Teh et al. 2006 for why. The same words on both sides (β) are names and numbers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from regard.alignment.linking import Links

Words = Sequence[str]
LEXICAL, BOTH = 4, 4
"""Rounds in which the order of words says nothing, and rounds in which it does."""
NULL = 0.2
"""ρ: how many words have no counterpart, before anything is known."""
ALPHA, SAME = 0.01, 1.0
"""α of any two words, and β of a word and itself."""
FAR = 7
"""Jumps that are longer than this are not told apart."""
THRESHOLD = 0.3
"""A link has at least this geometric mean of both posteriors."""
MOST_CELLS = 400_000
"""Source words times target words of one batch."""
TINY = 1e-300

Kinds = Int[np.ndarray, "pairs target source_and_null"]
Posteriors = Float[np.ndarray, "pairs target source_and_null"]


@dataclass(frozen=True)
class Group:
    """A few pairs of about the same length, padded.

    Args:
        pairs: their numbers.
        source, target: lengths of both sides.
        forward: number of each (source word, target word), (pairs, target, 1 + source); column 0 is null.
        backward: the same for the other direction, (pairs, source, 1 + target).
    """

    pairs: Int[np.ndarray, " pairs"]
    source: Int[np.ndarray, " pairs"]
    target: Int[np.ndarray, " pairs"]
    forward: Kinds
    backward: Int[np.ndarray, "pairs source target_and_null"]


class Direction:
    """The model of one direction, with its counts.

    Args:
        given: the source word of each kind, that is of each (source word, target word) that stand together in a pair.
        same: whether both are the same word.
        words: V, how many different target words there are.
    """

    def __init__(self, given: Int[np.ndarray, " kinds"], same: Bool[np.ndarray, " kinds"], words: int) -> None:
        self.given = given
        self.prior = ALPHA + SAME * same
        self.spread = ALPHA * words
        self.counts = np.zeros(len(given))
        self.totals: np.ndarray = np.zeros(int(given.max(initial=0)) + 1)
        self.jumps = np.ones(2 * FAR + 1)
        self.own: dict[int, np.ndarray] = {}

    def emissions(self, number: int, kinds: Kinds) -> Posteriors:
        """p(t | s) of a group, without what its own tokens say."""
        own = self.own.get(number, 0.0)
        count = np.maximum(self.counts[kinds] - own + self.prior[kinds], TINY)
        return count / np.maximum(self.totals[self.given[kinds]] - own + self.spread, TINY)

    def count(self, groups: Iterable[tuple[Kinds, Posteriors]]) -> None:
        """Take the counts of all groups: their kinds, and how often each token is a link of that kind."""
        self.counts[:] = 0
        for number, (kinds, counted) in enumerate(groups):
            self.own[number] = counted
            self.counts += np.bincount(kinds.ravel(), counted.ravel(), len(self.counts))
        self.totals = np.bincount(self.given, self.counts, len(self.totals))


def agreed_links(pairs: Sequence[tuple[Words, Words]], threshold: float = THRESHOLD) -> list[Links]:
    """The links of each pair. The same pairs give the same links.

    Args:
        pairs: the words of source and target; a side may be empty. Some thousand pairs are needed to learn from.
        threshold: the least geometric mean of the posteriors of both directions, above 0 and at most 1.

    Time and memory grow with the number of (source word, target word) of all pairs: five seconds for 20,000 pairs of
    six words on one core.
    """
    groups, forward, backward = _prepared(pairs)
    found: list[Links] = [frozenset()] * len(pairs)
    for turn in range(LEXICAL + BOTH + 1):
        read = lexical if turn < LEXICAL else ordered
        kept: list[tuple[Posteriors, Posteriors]] = []
        jumps = np.ones((2, 2 * FAR + 1))
        for number, group in enumerate(groups):
            ahead, moved = read(forward, number, group.forward, group.source, group.target)
            back, moved_back = read(backward, number, group.backward, group.target, group.source)
            jumps += np.stack([moved, moved_back])
            both = np.sqrt(ahead[:, :, 1:] * back[:, :, 1:].transpose(0, 2, 1))
            if turn == LEXICAL + BOTH:
                for row, target, source in np.argwhere(both >= threshold).tolist():
                    found[group.pairs[row]] |= {(source, target)}
            counted = (ahead[:, :, :1], both), (back[:, :, :1], both.transpose(0, 2, 1))
            kept.append((np.concatenate(counted[0], 2), np.concatenate(counted[1], 2)))
        forward.count((group.forward, one) for group, (one, _) in zip(groups, kept, strict=True))
        backward.count((group.backward, one) for group, (_, one) in zip(groups, kept, strict=True))
        if turn >= LEXICAL:
            forward.jumps, backward.jumps = jumps
    return found


def lexical(
    model: Direction, number: int, kinds: Kinds, source: Int[np.ndarray, " pairs"], target: Int[np.ndarray, " pairs"]
) -> tuple[Posteriors, Float[np.ndarray, " jumps"]]:
    """The posteriors of each target word where every source word is as near (IBM model 1); and no jumps."""
    real_source, real_target = _real(source, kinds.shape[2] - 1), _real(target, kinds.shape[1])
    share = ((1 - NULL) / source)[:, None] * real_source
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
    real_source, real_target = _real(source, places), _real(target, steps)
    jump = (np.arange(places) - np.arange(places)[:, None]).clip(-FAR, FAR) + FAR  # from, to
    moves = model.jumps[jump] * real_source[:, None]
    moves = (1 - NULL) * moves / np.maximum(moves.sum(2, keepdims=True), TINY)
    first = model.jumps[(np.arange(places) + 1).clip(max=FAR) + FAR] * real_source  # as from before the first word
    first = first / np.maximum(first.sum(1, keepdims=True), TINY)

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


def _prepared(pairs: Sequence[tuple[Words, Words]]) -> tuple[list[Group], Direction, Direction]:
    """The pairs in groups, and both models, which know nothing yet. Words are numbers from 1 on; 0 is null."""
    numbers: dict[str, int] = {}
    left, right = (
        [np.array([numbers.setdefault(word, len(numbers) + 1) for word in pair[side]], np.int64) for pair in pairs]
        for side in (0, 1)
    )
    size = len(numbers) + 1
    kinds, back = _kinds(left, right, size), _kinds(right, left, size)
    groups = [
        Group(
            chosen,
            np.array([len(left[pair]) for pair in chosen]),
            np.array([len(right[pair]) for pair in chosen]),
            _padded([np.searchsorted(kinds, _crossed(left[pair], right[pair], size)) for pair in chosen]),
            _padded([np.searchsorted(back, _crossed(right[pair], left[pair], size)) for pair in chosen]),
        )
        for chosen in _chosen([(len(s), len(t)) for s, t in zip(left, right, strict=True)])
    ]
    return groups, _untaught(kinds, size), _untaught(back, size)


def _kinds(source: Sequence[np.ndarray], target: Sequence[np.ndarray], size: int) -> Int[np.ndarray, " kinds"]:
    """Every (source word, target word) that stand together in a pair, as one number, ascending."""
    found = [_crossed(s, t, size).ravel() for s, t in zip(source, target, strict=True)]
    return np.unique(np.concatenate([*found, np.zeros(0, np.int64)]))


def _untaught(kinds: Int[np.ndarray, " kinds"], size: int) -> Direction:
    given, said = np.divmod(kinds, size)
    return Direction(given, given == said, len(np.unique(said)))


def _crossed(source: np.ndarray, target: np.ndarray, size: int) -> Int[np.ndarray, "target source_and_null"]:
    return np.concatenate([[0], source])[None] * size + target[:, None]


def _chosen(lengths: Sequence[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Numbers of pairs with about as many words; a pair with an empty side is in no group."""
    group: list[int] = []
    longest = [0, 0]
    for pair in sorted((pair for pair, sizes in enumerate(lengths) if min(sizes)), key=lambda pair: lengths[pair]):
        with_it = [max(most, length) for most, length in zip(longest, lengths[pair], strict=True)]
        cells = (len(group) + 1) * with_it[0] * with_it[1]
        if group and (cells > MOST_CELLS or with_it[0] > 1.3 * lengths[group[0]][0] + 1):
            yield np.array(group)
            group, with_it = [], list(lengths[pair])
        group.append(pair)
        longest = with_it
    if group:
        yield np.array(group)


def _padded(tables: Sequence[np.ndarray]) -> Int[np.ndarray, "tables rows columns"]:
    shape = np.max([table.shape for table in tables], 0)
    return np.stack([np.pad(table, [(0, more) for more in shape - table.shape]) for table in tables])


def _real(lengths: Int[np.ndarray, " pairs"], most: int) -> Bool[np.ndarray, "pairs most"]:
    real: np.ndarray = np.arange(most) < lengths[:, None]
    return real
