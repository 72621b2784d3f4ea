"""Train a recipe on files of pairs.

Read in this order: fitting.py (the whole, in the order in which it is needed), tokenizers.py, subsets.py, parts.py
(from the recipe to the parts of the loop), validator.py, publisher.py, resuming.py (what a resume may change),
outcome.py (how good the run became), dry_run.py (what all this would take).
"""

from regard.fit.fitting import fit

__all__ = ["fit"]
