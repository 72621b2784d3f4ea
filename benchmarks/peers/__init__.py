"""Other systems on the data, model and batch of R: `setup.py` makes their environments, `compare.py` times them.

joeynmt, opennmt, tensorflow: the measured process of each. They run in its own environment and cannot import Regard.
`yoyodyne_inflection.py` compares accuracy, not speed: inflection after equal minutes.
"""
