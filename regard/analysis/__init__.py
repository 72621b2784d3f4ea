"""Analyses of trained models. They return records, which the commands print.

align.py      links between the words of given pairs
evaluate.py   metrics of outputs, with signatures and by length
gold.py       comparison with alignments that people made
shortlist.py  which target tokens a source token may become, from attention weights
units.py      the units that are aligned: words or tokens
words.py      the words of given pairs, and the text that the model reads
embedded.py   scores on the embedded corpus
"""
