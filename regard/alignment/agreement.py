"""Links of a whole corpus from its words alone: two hidden Markov models, one for each direction, that agree.

No link and no model is given. A word that often stands beside another in the pairs is its translation, and neighbours
are translated by neighbours; `markov.py` has the equations. Both directions count the same:

    c(i,j) = √(forward(i,j) · backward(j,i))

the geometric mean of their posteriors. So neither keeps a link that the other one thinks wrong.

Sources: Liang, Taskar & Klein 2006, "Alignment by Agreement"; Ganchev, Graça & Taskar 2008, "Better Alignments = Better
Translations?" (agreement of posteriors).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regard.alignment.linking import Links
from regard.alignment.markov import FAR, Direction, Kinds, Posteriors, lexical, ordered

Words = Sequence[str]
LEXICAL, BOTH = 4, 4
"""Rounds in which the order of words says nothing, and rounds in which it does."""
THRESHOLD = 0.3
"""A link has at least this geometric mean of both posteriors."""
MOST_CELLS = 400_000
"""Source words times target words of one batch."""


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


@dataclass(frozen=True)
class Found:
    """What both models say of a pair.

    Args:
        ahead: the posteriors of the forward model; column 0 is null.
        both: the geometric mean of those of both.
    """

    ahead: Float[np.ndarray, "target source_and_null"]
    both: Float[np.ndarray, "target source"]


def agreed_links(pairs: Sequence[tuple[Words, Words]], threshold: float = THRESHOLD) -> list[Links]:
    """The links of each pair. The same pairs give the same links.

    Args:
        pairs: the words of source and target; a side may be empty. Some thousand pairs are needed to learn from.
        threshold: the least geometric mean of the posteriors of both directions, above 0 and at most 1.

    Time and memory grow with the number of (source word, target word) of all pairs: six seconds for 20,000 pairs of
    six words on one core.
    """
    links: list[Links] = [frozenset()] * len(pairs)
    for pair, found in _learned(pairs):
        links[pair] = _agreed(found, threshold)
    return links


def likely_links(pairs: Sequence[tuple[Words, Words]], threshold: float = THRESHOLD) -> list[Links]:
    """The same, and a link for each target word without one, to the source word from which it most probably comes by
    the forward model; none where null is more probable.

    Both directions hardly agree on a particle that goes with a word which has another translation, too: backward, that
    word comes from the other one. Forward the particle often comes from it all the same.
    """
    links: list[Links] = [frozenset()] * len(pairs)
    for pair, found in _learned(pairs):
        agreed = _agreed(found, threshold)
        linked = {target for _, target in agreed}
        best = found.ahead.argmax(1).tolist()
        links[pair] = agreed | {(place - 1, word) for word, place in enumerate(best) if place and word not in linked}
    return links


def _agreed(found: Found, threshold: float) -> Links:
    return frozenset((source, target) for target, source in np.argwhere(found.both >= threshold).tolist())


def _learned(pairs: Sequence[tuple[Words, Words]]) -> Iterator[tuple[int, Found]]:
    """What both models say of each pair whose sides are not empty, by its number, once they have learned of all."""
    groups, forward, backward = _prepared(pairs)
    for turn in range(LEXICAL + BOTH):
        read = lexical if turn < LEXICAL else ordered
        kept: list[tuple[Posteriors, Posteriors]] = []
        jumps = np.ones((2, 2 * FAR + 1))
        for number, group in enumerate(groups):
            ahead, moved = read(forward, number, group.forward, group.source, group.target)
            back, moved_back = read(backward, number, group.backward, group.target, group.source)
            jumps += np.stack([moved, moved_back])
            both = _mean(ahead, back)
            counted = (ahead[:, :, :1], both), (back[:, :, :1], both.transpose(0, 2, 1))
            kept.append((np.concatenate(counted[0], 2), np.concatenate(counted[1], 2)))
        forward.count((group.forward, one) for group, (one, _) in zip(groups, kept, strict=True))
        backward.count((group.backward, one) for group, (_, one) in zip(groups, kept, strict=True))
        if turn >= LEXICAL:
            forward.jumps, backward.jumps = jumps
    for number, group in enumerate(groups):
        ahead, _ = ordered(forward, number, group.forward, group.source, group.target)
        back, _ = ordered(backward, number, group.backward, group.target, group.source)
        both = _mean(ahead, back)
        for row, pair in enumerate(group.pairs.tolist()):
            sources, targets = group.source[row], group.target[row]
            yield pair, Found(ahead[row, :targets, : sources + 1], both[row, :targets, :sources])


def _mean(
    ahead: Posteriors, back: Float[np.ndarray, "pairs source target_and_null"]
) -> Float[np.ndarray, "pairs target source"]:
    """The geometric mean of the posteriors of both directions."""
    mean: np.ndarray = np.sqrt(ahead[:, :, 1:] * back[:, :, 1:].transpose(0, 2, 1))
    return mean


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
    return groups, _untaught(kinds, left, size), _untaught(back, right, size)


def _kinds(source: Sequence[np.ndarray], target: Sequence[np.ndarray], size: int) -> Int[np.ndarray, " kinds"]:
    """Every (source word, target word) that stand together in a pair, as one number, ascending."""
    found = [_crossed(s, t, size).ravel() for s, t in zip(source, target, strict=True)]
    return np.unique(np.concatenate([*found, np.zeros(0, np.int64)]))


def _untaught(kinds: Int[np.ndarray, " kinds"], source: Sequence[np.ndarray], size: int) -> Direction:
    given, said = np.divmod(kinds, size)
    uses = np.bincount(np.concatenate([*source, np.zeros(0, np.int64)]), minlength=size)
    return Direction(given, given == said, len(np.unique(said)), uses)


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
