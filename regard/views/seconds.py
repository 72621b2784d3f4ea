"""Where the marks of an axis of seconds stand."""

STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)


def marks(seconds: float, most: int | float) -> list[tuple[float, str]]:
    """Seconds and what is written there: round ones from 0 on, at most about `most` of them, the last with its unit."""
    step = next((step for step in STEPS if seconds / step <= most), max(STEPS[-1], seconds))
    digits = 1 if step < 1 else 0
    places = [number * step for number in range(int(seconds / step + 1e-9) + 1)]
    return [(place, f"{place:.{digits}f}{' s' if place == places[-1] else ''}") for place in places]
