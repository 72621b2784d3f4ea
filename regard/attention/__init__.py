"""Attention: score, window, select, mix. Imports torch, and of Regard its tables only.

score      how well does each key answer the query     one file per score
window     which positions may be looked at            window.py, local.py
select     scores → weights                            select.py, sparse.py, hard.py, monotonic.py
start      a selection that is left out at first       linear_start.py
history    what a mechanism remembers of earlier steps history.py, noise.py
attention  the four put together, once for all         attention.py; multihead.py for several heads
memories   several of them, one look at each           hierarchical.py
pooling    a sequence in one vector                    pooling.py, self_attentive.py
positions  where a position is                         positions.py
sequences  self-attention, and its cache               self_attention.py, cache.py
rules      combinations that are refused, exceptions   rules.py
table      the names of all of them                    table.py
build      from names to an Attention                  build.py
"""

from regard.attention.table import POOLINGS, SCORES, SELECTIONS, WINDOWS

__all__ = ["POOLINGS", "SCORES", "SELECTIONS", "WINDOWS"]
