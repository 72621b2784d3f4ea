"""What a beam has brought in: the hypotheses that have ended."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int

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
        # The n best scores of each sentence, the worst of them first; anything beats those that are not there yet.
        self._best = np.zeros((0, nbest))
        self._ended: list[tuple[np.ndarray, ...]] = []

    def enter(self, group: Group) -> None:
        """Further sentences."""
        self.limits = np.append(self.limits, group.limits.cpu().numpy())
        self._penalties = self.ranking.length_penalty(self.limits)
        self.source_lengths = np.append(self.source_lengths, group.source_lengths.cpu().numpy())
        self._best = np.append(self._best, np.full((group.limits.numel(), self.nbest), -np.inf), axis=0)

    def gather(self, front: Front, lengths: Int[np.ndarray, " live"]) -> Front:
        """Take out what has ended or reached its limit, and the sentences that are done; what goes on."""
        limits, ending = self.limits.take(front.sentences), front.tokens == END
        over = (ending | (limits <= lengths)[:, None]) & (front.log_probs > -np.inf)
        if over.any():
            whole = over & ending
            self._take(front, whole, over, lengths)
            log_probs = np.where(over, -np.inf, front.log_probs)
            front = replace(front, log_probs=log_probs, free=front.free - whole.sum(1))
        # The bound rises with the log-probability, so that of the best in each sentence is enough.
        bounds = self.ranking.bound(front.log_probs.max(1), self._penalties.take(front.sentences))
        going = bounds > self._best[front.sentences, 0]
        return front if going.all() else front.select(going)

    def _take(
        self,
        front: Front,
        whole: Bool[np.ndarray, "live slots"],
        over: Bool[np.ndarray, "live slots"],
        lengths: Int[np.ndarray, " live"],
    ) -> None:
        """Write down what is over, and what the sentences have found that are `whole`."""
        rows, slots = over.nonzero()
        sentences, lengths, log_probs = front.sentences[rows], lengths[rows], front.log_probs[over]
        coverage, source_lengths = front.coverage[rows, slots], self.source_lengths[sentences]
        scores, ended = self.ranking.score(log_probs, lengths, coverage, source_lengths), whole[over]
        self._ended.append((sentences, ~ended, -scores, lengths, slots, log_probs))
        found = np.full(whole.shape, -np.inf)
        found[whole] = scores[ended]
        ranked = np.concatenate((self._best[front.sentences], found), axis=1)
        ranked.sort(axis=1)
        self._best[front.sentences] = ranked[:, -self.nbest :]

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
