"""Pictures as sources.

files      a file → its pixels, and the size that it has
scale      pixels → a smaller or a larger picture: means over areas
pixels     what the pixels of a batch are embedded with
picture    the kind of source
"""
