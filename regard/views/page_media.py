"""What a page has of a recording or a picture: the file itself in base64, and the places of its units."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from regard.alignment.alignment import Alignment
from regard.data.media import Picture, Recording
from regard.views.binning import boxes
from regard.views.labels import covered
from regard.views.media import envelope, largest_weight, png, reduced, wav
from regard.views.seconds import marks

MOST_SECONDS = 600.0  # 16-bit sound at 16 kHz is 25 MB of base64 then
WAVE_COLUMNS = 1200
SIDE_PIXELS = 1024
MOST_MARKS = 10.0


def medium_of(alignment: Alignment) -> dict[str, Any] | None:
    """The data for page-media.js; None for a text.

    A recording: `seconds`, `audio` (a WAV file of 16 bits), `heard` (seconds that the file holds, at most 600), `spans`
    (first and last second of each unit, from the start of what is heard), `envelope`, `marks` of the axis. A picture:
    `width` and `height`, `file` (a PNG file), `covers` (width and height that the file covers, in pixels of the
    picture), `boxes`. Both: `largest`, the largest weight; `covered`, a sentence about a position, or null.
    """
    medium, both = alignment.medium, {"largest": largest_weight(alignment), "covered": covered(alignment)}
    if isinstance(medium, Recording):
        return {
            "kind": "recording",
            **both,
            "seconds": medium.seconds,
            "audio": _base64(wav(medium, MOST_SECONDS)),
            "heard": min(medium.seconds, MOST_SECONDS),
            "spans": [[round(float(each) - medium.start, 6) for each in unit[1:3]] for unit in alignment.source],
            "envelope": envelope(medium.samples, WAVE_COLUMNS).round(3).tolist(),
            "marks": marks(medium.seconds, MOST_MARKS, medium.start),
        }
    if isinstance(medium, Picture):
        pixels, covers = reduced(medium, SIDE_PIXELS)
        return {
            "kind": "picture",
            **both,
            "width": medium.width,
            "height": medium.height,
            "file": _base64(png(pixels)),
            "covers": list(covers),
            "boxes": boxes(alignment.source).round(3).tolist(),
        }
    return None


def sources_allowed(media: Iterable[dict[str, Any] | None]) -> str:
    """What the content security policy has to allow for them: nothing that comes from outside the file."""
    kinds = {medium["kind"] for medium in media if medium}
    picture = "img-src data:; " if "picture" in kinds else ""
    return picture + ("media-src blob:; " if "recording" in kinds else "")


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
