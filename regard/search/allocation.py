"""How the places of a beam are divided among hypotheses that have come further with their phrases, and less far."""

import numpy as np
from jaxtyping import Float, Int

LAST = np.iinfo(np.int64).max


def allocated(
    totals: Float[np.ndarray, "live candidates"],
    missing: Int[np.ndarray, "live candidates"],
    free: Int[np.ndarray, " live"],
) -> Float[np.ndarray, "live candidates"]:
    """The totals of the candidates that get a place, -inf for the others: dynamic beam allocation.

    Candidates that miss as many tokens form a bank. The first place goes to the best of all. Then the places go round:
    one to the best of every bank, then one to the second of every bank, and so on; in each round those first that miss
    least. So what one bank cannot fill goes to the others. The source divides the places once, by the number of all
    banks; where these are more than the places, none is left for an output that waits for the right moment to say its
    phrase.

    Source: Post & Vilar 2018, arXiv:1804.06609, section 3.2.

    Args:
        totals: what candidates are compared by; -inf for none.
        missing: tokens that each still misses; -1 for one that ends.
        free: how many places each sentence has.
    """
    banks = np.where(totals > -np.inf, missing.clip(0), LAST)
    order = np.lexsort((-totals, banks), axis=1)  # by bank, then by total; stable
    sorted_banks = np.take_along_axis(banks, order, 1)
    places = np.arange(totals.shape[1])
    new = np.diff(sorted_banks, axis=1, prepend=-1) != 0
    rounds = np.empty_like(order)
    np.put_along_axis(rounds, order, places - np.maximum.accumulate(np.where(new, places, 0), axis=1), 1)
    rounds[np.arange(len(totals)), totals.argmax(1)] = -1
    taken = np.lexsort((banks, np.where(banks < LAST, rounds, LAST)), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, taken, np.broadcast_to(places, taken.shape), 1)
    return np.where(ranks < free[:, None], totals, -np.inf)
