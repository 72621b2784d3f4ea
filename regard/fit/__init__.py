"""Train a recipe on files of pairs.

Read in this order: fitting.py (the whole, in the order in which it is needed), tokenizers.py, subsets.py, digests.py
(what a run knows its pairs by), starting.py (what a start finds and leaves), parts.py (from the recipe to the parts of
the loop), validator.py, publisher.py, resuming.py (what a resume may change), outcome.py (how good the run became),
dry_run.py (what all this would take).
"""

from regard.fit.fitting import fit

__all__ = ["fit"]
