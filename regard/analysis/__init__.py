"""What trained models are asked about themselves; the answers are tables and files.

align.py      links between the words of given pairs
evaluate.py   the quality of outputs, with signatures and by length
gold.py       alignments that people made, against those of a model
shortlist.py  which target tokens a source token may become, from what the model looked at
units.py      what is aligned: words, tokens, or what suits the script
words.py      where the words of given pairs are, and what of the pairs the model is to see
embedded.py   how good a model is on the embedded corpus
"""
