"""The table of symmetrisations: ways to make one set of links of those of two directions."""

from regard.registry import Table

SYMMETRIZATIONS = Table(
    "symmetrisation",
    "regard.alignment",
    {
        "intersection": "symmetrize:intersection",
        "union": "symmetrize:union",
        "grow-diag": "symmetrize:grow_diag",
        "grow-diag-final": "symmetrize:grow_diag_final",
        "grow-diag-final-and": "symmetrize:grow_diag_final_and",
    },
)

AGREEMENT = "agreement"
"""One more way, which reads weights and not links: `symmetrize.agreement`."""
JOINS = (*SYMMETRIZATIONS, AGREEMENT)

MEASURES = ("measured_pairs", "same_position", "last_position", "end_mark", "entropy", "diagonal", "still")
"""What a validation says of the weights, by the names of the scores; see `verdict`."""
