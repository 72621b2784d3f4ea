"""From the features of a decoder to tokens: log-probabilities, and what is best of them.

    normalizer, check, top    of logits                                                      logits.py
    best_of, best             the best tokens of logits; of a layer, without its logits      best.py
    Argmax                    the best token of a few rows, by reading a quarter of the layer  argmax.py
    ListedOutput              the same where each row may use some tokens alone              listed.py
    OutputSoftmax             the softmax of a layer, for a loss                             softmax.py

All but the first line are compiled code, too: argmax.c, best.c, listed.c and softmax.c, which share tiles.h.
"""
