"""Metrics: `METRICS[name](hypotheses, references) → Score`. One list of references for each segment.

Each is computed by its own library, which is imported when its name is first looked up, and says how in a signature.
`by_length` gives any of them by the length of the source, `by_group` by what segments have in common, and
`by_frequency` scores the words that training has often, seldom, or never.
"""

from regard.metrics.table import METRICS, NEED_TEXT

__all__ = ["METRICS", "NEED_TEXT"]
