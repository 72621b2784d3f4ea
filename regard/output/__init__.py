"""From the features of a decoder to tokens: log-probabilities, and what is best of them.

normalizer, check, top    logits.py
best                      of a layer, in compiled code and without its logits; of logits, by the definition: best.py
"""
