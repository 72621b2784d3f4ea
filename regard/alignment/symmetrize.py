"""Two alignments, one of each direction, made into one.

Source: Och & Ney 2003, section 6; Koehn, Och & Marcu 2003, section 3, for the growing kinds, in the order in which
Moses' `symal` visits the points: by target, then by source. `forward` are the links of the model that goes from
source to target (one for each target unit), `backward` those of the other model, `reverse`d into (source, target).
"""

from collections.abc import Callable

import numpy as np

from regard.alignment.alignment import Alignment
from regard.alignment.linking import Links
from regard.alignment.table import AGREEMENT
from regard.alignment.table import SYMMETRIZATIONS as KINDS

Symmetrization = Callable[[Links, Links], Links]
BESIDE = ((0, -1), (-1, 0), (0, 1), (1, 0))
DIAGONAL = ((-1, -1), (1, -1), (-1, 1), (1, 1))


AGREED = 0.3
"""The default threshold of `agreement`; what it was chosen by is in docs/word-alignment.md."""


def symmetrization(name: str) -> Symmetrization | None:
    """The function of that name; None for `agreement`, which needs weights. Raises ValueError for no such name."""
    return None if name == AGREEMENT else KINDS.choose(name)


def agreement(forward: Alignment, backward: Alignment, threshold: float = AGREED) -> Links:
    """Links where both directions look: √(forward · backward) of the weights is at least the threshold.

    A unit may have several links, or none. The largest weights of one direction alone decide nothing.

    Source: Liang, Taskar & Klein 2006, "Alignment by Agreement", section 2.3, of posteriors, with their product.

    Args:
        forward: weights (target, source).
        backward: of the other direction: its targets are the sources here.
        threshold: above 0 and at most 1.
    """
    both = np.sqrt(forward.weights.clip(0) * backward.weights.clip(0).T)
    return frozenset((source, target) for target, source in np.argwhere(both >= threshold).tolist())


def intersection(forward: Links, backward: Links) -> Links:
    """What both say: few links, mostly right."""
    return forward & backward


def union(forward: Links, backward: Links) -> Links:
    """What either says: many links, few missing."""
    return forward | backward


def grow_diag(forward: Links, backward: Links) -> Links:
    """The intersection, grown by its neighbours in the union, of which one unit at least has no link yet."""
    union_points = sorted(forward | backward, key=_by_target)
    grown = set(forward & backward)
    sources, targets = {s for s, _ in grown}, {t for _, t in grown}
    added = True
    while added:
        added = False
        for source, target in union_points:
            if (source, target) not in grown:
                continue
            for step_source, step_target in (*BESIDE, *DIAGONAL):
                s, t = source + step_source, target + step_target
                if ((s, t) in forward or (s, t) in backward) and not (s in sources and t in targets):
                    grown.add((s, t))
                    sources.add(s)
                    targets.add(t)
                    added = True
    return frozenset(grown)


def grow_diag_final(forward: Links, backward: Links) -> Links:
    """`grow_diag`, then the links of the one and of the other direction of which one unit has no link yet."""
    return _final(grow_diag(forward, backward), forward, backward, lambda source, target: source or target)


def grow_diag_final_and(forward: Links, backward: Links) -> Links:
    """`grow_diag`, then the links of the one and of the other direction of which neither unit has a link yet."""
    return _final(grow_diag(forward, backward), forward, backward, lambda source, target: source and target)


def _final(grown: Links, forward: Links, backward: Links, wanted: Callable[[bool, bool], bool]) -> Links:
    found = set(grown)
    sources, targets = {s for s, _ in found}, {t for _, t in found}
    for side in (forward, backward):
        for source, target in sorted(side, key=_by_target):
            if wanted(source not in sources, target not in targets):
                found.add((source, target))
                sources.add(source)
                targets.add(target)
    return frozenset(found)


def _by_target(link: tuple[int, int]) -> tuple[int, int]:
    return link[1], link[0]
