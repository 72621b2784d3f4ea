"""Where the marks of an axis of seconds stand."""

import math

STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)


def marks(seconds: float, most: int | float, start: float = 0.0) -> list[tuple[float, str]]:
    """Seconds and what is written there: round ones, at most about `most` of them, the last with its unit.

    Args:
        seconds: how long the axis is.
        most: marks.
        start: the second of its file that it begins with: places count from it, what is written from that of the file.
    """
    step = next((step for step in STEPS if seconds / step <= most), max(STEPS[-1], seconds))
    digits = 1 if step < 1 else 0
    first, last = math.ceil(start / step - 1e-9), int((start + seconds) / step + 1e-9)
    places = [number * step for number in range(first, last + 1)]
    return [(max(place - start, 0.0), f"{place:.{digits}f}{' s' if place == places[-1] else ''}") for place in places]
