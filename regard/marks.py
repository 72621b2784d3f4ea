"""The token numbers that mean the same in every vocabulary; torch-free, so that a tokeniser starts fast."""

PAD, BEGIN, END, UNKNOWN = 0, 1, 2, 3
RESERVED = ("<pad>", "<s>", "</s>", "<unk>")
"""How the four are shown. They are names and nothing more: user text that reads like one of them is text."""

BLANK = 0
"""What stands for no token among the labels of connectionist temporal classification. Token t has the label t - `END`:
the marks before the unknown token have none."""
