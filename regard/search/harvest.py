"""What a beam has brought in: the hypotheses that have ended."""

from heapq import heappushpop

import numpy as np
from jaxtyping import Float, Int

from regard.data.batch import END
from regard.search.front import Front
from regard.search.groups import Group
from regard.search.ranking import Ranking
from regard.search.trail import End


class Harvest:
    """Where the hypotheses of each sentence end, and when a sentence has all that it needs.

    Args:
        ranking: what ended hypotheses are ranked by.
        nbest: how many each sentence needs.
    """

    def __init__(self, ranking: Ranking, nbest: int) -> None:
        self.ranking = ranking
        self.nbest = nbest
        self.limits = self.source_lengths = np.zeros(0, dtype=np.int64)
        self._penalties = np.zeros(0)  # at the limits
        # A heap of the n best scores of each sentence; anything beats those that are not there yet.
        self._best: list[list[float]] = []
        self._worst = np.zeros(0)  # of the heaps
        self._ended: list[tuple[np.ndarray, ...]] = []

    def enter(self, group: Group) -> None:
        """Further sentences."""
        self.limits = np.append(self.limits, group.limits.cpu().numpy())
        self._penalties = self.ranking.length_penalty(self.limits)
        self.source_lengths = np.append(self.source_lengths, group.source_lengths.cpu().numpy())
        self._best += [[-np.inf] * self.nbest for _ in range(group.limits.numel())]
        self._worst = np.append(self._worst, np.full(group.limits.numel(), -np.inf))

    def gather(self, front: Front, lengths: Int[np.ndarray, " live"]) -> Front:
        """Take out what has ended or reached its limit, and the sentences that are done; what goes on."""
        late = self.limits.take(front.sentences) <= lengths
        over = ((front.tokens == END) | late[:, None]) & (front.log_probs > -np.inf)
        places = over.ravel().nonzero()[0]
        log_probs, free = self._take(front, places, lengths) if len(places) else (front.log_probs, front.free)
        # The bound rises with the log-probability, so that of the best in each sentence is enough.
        bounds = self.ranking.bound(log_probs.max(1), self._penalties.take(front.sentences))
        kept = (bounds > self._worst.take(front.sentences)).nonzero()[0]
        return front.keep(kept, log_probs, free) if len(places) or len(kept) < len(bounds) else front

    def _take(
        self, front: Front, places: Int[np.ndarray, " over"], lengths: Int[np.ndarray, " live"]
    ) -> tuple[Float[np.ndarray, "live slots"], Int[np.ndarray, " live"]]:
        """Write down what is over, in these slots, counted through all sentences; log-probabilities and free slots of
        the front without it."""
        live, size = front.tokens.shape
        rows, log_probs, whole = places // size, front.log_probs.take(places), front.tokens.take(places) == END
        sentences, lengths = front.sentences.take(rows), lengths.take(rows)
        coverage = front.coverage.reshape(live * size, -1).take(places, 0)
        source_lengths = self.source_lengths.take(sentences)
        scores = self.ranking.score(log_probs, lengths, coverage, source_lengths)
        self._ended.append((sentences, ~whole, -scores, lengths, places - rows * size, log_probs))
        left, free = front.log_probs.copy(), front.free.copy()
        left.put(places, -np.inf)
        for row, sentence, score in zip(*(each[whole].tolist() for each in (rows, sentences, scores)), strict=True):
            heappushpop(self._best[sentence], score)
            self._worst[sentence] = self._best[sentence][0]
            free[row] -= 1
        return left, free

    def best(self) -> list[list[End]]:
        """Of each sentence, what has ended, by score, the earlier before its equals; then the cut, if there is room."""
        groups: list[list[End]] = [[] for _ in self.limits]
        columns = [np.concatenate(column) for column in zip(*self._ended, strict=True)]
        if not columns:
            return groups
        order = np.lexsort(columns[2::-1])  # by sentence, then the whole before the cut, then by score
        sentences = columns[0][order]
        ranks = np.arange(len(order)) - np.searchsorted(sentences, sentences)
        kept = [column[order[ranks < self.nbest]].tolist() for column in columns]
        for sentence, _, cost, length, slot, log_prob in zip(*kept, strict=True):
            groups[sentence].append(End(sentence, length, slot, log_prob, -cost))
        return groups
