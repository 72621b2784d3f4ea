import re
from importlib.resources import files

import numpy as np
import pytest

from regard.views.ramp import DARK, LIGHT, hexadecimal, oklch, ramp


def lightness(color):
    """CIE luminance, up to a scale."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize(("dark", "sign"), [(False, -1), (True, 1)])
def test_luminance_is_strictly_monotone_in_weight(dark, sign):
    shades = [lightness(ramp(level / 64, dark=dark)) for level in range(65)]
    assert (sign * np.diff(shades) > 0).all()


def test_known_colours():
    assert oklch(1.0, 0.0, 0.0) == (255, 255, 255)
    assert oklch(0.0, 0.0, 0.0) == (0, 0, 0)
    assert oklch(0.62796, 0.25768, 29.234) == (255, 0, 0)  # sRGB red in OKLCH
    assert re.fullmatch("#[0-9a-f]{6}", hexadecimal(0.3))


def test_the_page_states_the_same_ramp():
    style = files("regard.views").joinpath("page.css").read_text(encoding="utf-8")
    for line, block in zip((LIGHT, DARK), style.split("prefers-color-scheme: dark"), strict=True):
        stated = {name: float(value) for name, value in re.findall(r"--([lch]\d): (-?[\d.]+);", block)}
        assert stated == {
            "l0": line["lightness"][0], "l1": line["lightness"][1],
            "c0": line["chroma"][0], "c1": line["chroma"][1], "c2": line["chroma"][2],
            "h0": line["hue"][0], "h1": line["hue"][1],
        }  # fmt: skip
