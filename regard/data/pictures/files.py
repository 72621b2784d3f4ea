"""Files of pictures, read through Pillow."""

import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from regard.data.media_files import expect_file
from regard.data.sources import UnusableSource
from regard.errors import RegardError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG")
"""No others: some that Pillow knows start a program to be read."""
MOST_PIXELS = 80_000_000
"""A picture of more is refused before it is read: a file of some kilobytes may claim any size."""
SIDE = 1_024
"""Larger pictures are kept in so many pixels: neither a model nor a view shows more."""
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
"""A tag of EXIF, and its values by which rows become columns."""
PAPER = (255, 255, 255)
"""What transparent pixels show."""
DAMAGED = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What the parsers of Pillow raise for files that are none, or damaged; and struct.error, zlib.error."""


@dataclass(frozen=True)
class Shot:
    """A picture as it is shown, upright.

    Args:
        pixels: uint8 (rows, columns, 3), the longer side at most `SIDE`.
        height, width: of the picture in its own pixels.
    """

    pixels: UInt8[np.ndarray, "rows columns 3"]
    height: int
    width: int


def read(source: str) -> Shot:
    """The picture in a file. Raises UnusableSource for what is none, RegardError where Pillow is missing."""
    expect_file(source)
    try:
        from PIL import Image
    except ImportError as error:
        raise RegardError(f"{source}: to read files of pictures, install regard[image].") from error
    try:
        return _opened(source)
    except Image.DecompressionBombError as error:
        raise _too_large(source) from error
    except UnusableSource:
        raise
    except (*DAMAGED, struct.error, zlib.error) as error:
        raise UnusableSource(
            f"names a file that is no JPEG or PNG picture, or a damaged one ({source[-200:]})"
        ) from error


def _opened(source: str) -> Shot:
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's own limit, and of metadata that no pixel depends on
        with Image.open(source, formats=FORMATS) as file:
            width, height = file.size
            if height * width > MOST_PIXELS:
                raise _too_large(source)
            if height * width < 2:
                raise UnusableSource(f"names a picture of one pixel, in which nothing can be seen ({source[-200:]})")
            file.draft(None, (SIDE, SIDE))  # a large JPEG file is read at a half, a quarter …
            turned = file.getexif().get(ORIENTATION) in TURNED
            shown = _coloured(ImageOps.exif_transpose(file))
            shown.thumbnail((SIDE, SIDE))
            return Shot(np.array(shown), width if turned else height, height if turned else width)


def _too_large(source: str) -> UnusableSource:
    most = f"{MOST_PIXELS / 1e6:.0f} million pixels"
    return UnusableSource(f"names a picture of more than {most}, the most that are read ({source[-200:]})")


def _coloured(image: "Image") -> "Image":
    """In red, green and blue; what is transparent shows paper."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip at 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, PAPER)
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
