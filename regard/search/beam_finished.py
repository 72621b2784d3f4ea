"""The hypotheses of a beam that have ended."""

import numpy as np
from jaxtyping import Float, Int, Shaped

from regard.data.batch import END
from regard.search.backpointers import End
from regard.search.beam_live import Live
from regard.search.length_penalty import Ranking
from regard.search.refill import Group


class Finished:
    """Where the hypotheses of each sentence end, and when a sentence has all that it needs.

    Args:
        ranking: what ended hypotheses are ranked by.
        nbest: how many each sentence needs.

    Attributes:
        limits, source_lengths: most tokens of each sentence, and its real source positions.
        penalties: the length penalty of each length.
        best_scores: the best scores of each sentence so far, in any order; -inf for those that are not there yet.
    """

    def __init__(self, ranking: Ranking, nbest: int) -> None:
        self.ranking = ranking
        self.nbest = nbest
        self.limits = self.source_lengths = np.zeros(0, dtype=np.int64)
        self.penalties = np.ones(1)
        self.best_scores = np.zeros((0, nbest))
        self._ended: list[tuple[np.ndarray, ...]] = []

    def add_sentences(self, group: Group) -> None:
        """Further sentences."""
        self.limits = np.append(self.limits, group.limits.cpu().numpy())
        self.penalties = self.ranking.length_penalty(np.arange(1 + self.limits.max(initial=0)))
        self.source_lengths = np.append(self.source_lengths, group.source_lengths.cpu().numpy())
        self.best_scores = np.append(self.best_scores, np.full((group.limits.numel(), self.nbest), -np.inf), 0)

    def take(self, live: Live, lengths: Int[np.ndarray, " live"]) -> Live:
        """Take out what has ended or reached its limit, and the sentences that are done; what goes on."""
        late = self.limits.take(live.sentences) <= lengths
        over = ((live.tokens == END) | late[:, None]) & (live.log_probs > -np.inf)
        places = over.ravel().nonzero()[0]
        log_probs, free = self._end(live, places, lengths) if len(places) else (live.log_probs, live.free)
        # The bound rises with the log-probability, so that of the best in each sentence is enough.
        bounds = self.ranking.bound(log_probs.max(1), self.penalties.take(self.limits.take(live.sentences)))
        kept = (bounds > self.best_scores.take(live.sentences, 0).min(1)).nonzero()[0]
        return live.keep(kept, log_probs, free) if len(places) or len(kept) < len(bounds) else live

    def _end(
        self, live: Live, places: Int[np.ndarray, " over"], lengths: Int[np.ndarray, " live"]
    ) -> tuple[Float[np.ndarray, "live slots"], Int[np.ndarray, " live"]]:
        """Write down what is over, in these slots, counted through all sentences; log-probabilities and free slots of
        the live hypotheses without it."""
        count, size = live.tokens.shape
        rows, log_probs, whole = places // size, live.log_probs.take(places), live.tokens.take(places) == END
        sentences, lengths = live.sentences.take(rows), lengths.take(rows)
        coverage = live.coverage.reshape(count * size, -1).take(places, 0)
        source_lengths = self.source_lengths.take(sentences)
        scores = self.ranking.score(log_probs, lengths, coverage, source_lengths)
        own = log_probs + live.penalties.take(places) if live.penalties.size else log_probs
        self.add(sentences, ~whole, scores, lengths, places - rows * size, own)
        left, free = live.log_probs.copy(), live.free.copy()
        left.put(places, -np.inf)
        for row, sentence, score in zip(*(each[whole].tolist() for each in (rows, sentences, scores)), strict=True):
            best = self.best_scores[sentence]
            worst = best.argmin()
            best[worst] = max(best[worst], score)
            free[row] -= 1
        return left, free

    def add(
        self,
        sentences: Int[np.ndarray, " ended"],
        cut: Shaped[np.ndarray, " ended"],
        scores: Float[np.ndarray, " ended"],
        lengths: Int[np.ndarray, " ended"],
        slots: Int[np.ndarray, " ended"],
        log_probs: Float[np.ndarray, " ended"],
    ) -> None:
        """What has ended, see `End`; whether its end is the limit."""
        self._ended.append((sentences, cut, -scores, lengths, slots, log_probs))

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
