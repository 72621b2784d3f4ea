"""One colour for each weight, the same in the terminal, the picture and the page.

The ramp is a straight line in lightness and in hue of OKLCH (Ottosson 2020, bottosson.github.io/posts/oklab), so that
equal steps of weight look equal, also without colour vision and in print:

    on light    paper → amber → rose → ink
    on dark     ink → rose → amber → paper

`page.css` states the same three lines; a test holds that they agree.
"""

import math

LIGHT = {"lightness": (0.975, -0.745), "chroma": (0.008, 0.062, 0.52), "hue": (80.0, -155.0)}
DARK = {"lightness": (0.235, 0.705), "chroma": (0.02, 0.05, 0.5), "hue": (285.0, 155.0)}


def ramp(weight: float, *, dark: bool = False) -> tuple[int, int, int]:
    """Red, green and blue (0 to 255) of a weight from 0 to 1."""
    line = DARK if dark else LIGHT
    lightness = line["lightness"][0] + line["lightness"][1] * weight
    at_zero, slope, bow = line["chroma"]
    chroma = at_zero + slope * weight + bow * weight * (1 - weight)
    hue = line["hue"][0] + line["hue"][1] * weight
    return oklch(lightness, chroma, hue)


def oklch(lightness: float, chroma: float, hue: float) -> tuple[int, int, int]:
    """sRGB of an OKLCH colour, hue in degrees; what lies outside sRGB is clipped, as browsers do."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _srgb(4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short),
        _srgb(-1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short),
        _srgb(-0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short),
    )


def _srgb(linear: float) -> int:
    curved = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * min(max(curved, 0.0), 1.0))


HUE = oklch(0.52, 0.17, 5.0)  # of weights over a recording or a picture: the accent of `page.css` on light ground


def hexadecimal(weight: float, *, dark: bool = False) -> str:
    """The colour of a weight as #rrggbb."""
    red, green, blue = ramp(weight, dark=dark)
    return f"#{red:02x}{green:02x}{blue:02x}"
