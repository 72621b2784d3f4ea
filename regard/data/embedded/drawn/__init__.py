"""The embedded drawn corpus: pictures of two coloured shapes, said in a sentence, with a gold box for each word.

shapes     which pixels a shape covers
scenes     what is in a picture, and where
corpus     scenes → pictures with their words and boxes, split
"""

from regard.data.embedded.drawn.corpus import SIZES, Picture, picture, pictures
from regard.data.embedded.drawn.scenes import COLOURS, HELD_OUT, PIXELS, RELATIONS
from regard.data.embedded.drawn.shapes import SHAPES

__all__ = ["COLOURS", "HELD_OUT", "PIXELS", "RELATIONS", "SHAPES", "SIZES", "Picture", "picture", "pictures"]
