"""The number words, and the sounds that they are made of.

Formants and durations are rounded from published averages of American English: vowels from Peterson & Barney, JASA
24(2), 1952, consonants from Klatt, JASA 67(3), 1980, table II.
"""

from typing import NamedTuple

Formants = tuple[float, float, float]


class Sound(NamedTuple):
    """One sound: what resonates, what hums, what hisses.

    Args:
        milliseconds: how long it is, before the voice's rate and chance change that.
        formants: the three resonances in Hz at its start; None where it takes those of its neighbours.
        glide: the same at its end, where they differ.
        voicing: amplitude of the harmonics; an open vowel has 1.
        noise: amplitude of the hiss, as a part of that of the vowels.
        centre_hz, width_hz: where the hiss is loudest, and how far from there it has fallen to 0.6.
    """

    milliseconds: float
    formants: Formants | None = None
    glide: Formants | None = None
    voicing: float = 0.0
    noise: float = 0.0
    centre_hz: float = 0.0
    width_hz: float = 1.0


# In the letters of ARPAbet, small; `_` is the closed mouth before a plosive.
SOUNDS = {
    "_": Sound(45),
    "t": Sound(35, noise=0.30, centre_hz=3300, width_hz=700),
    "k": Sound(35, noise=0.25, centre_hz=1900, width_hz=500),
    "s": Sound(110, noise=0.35, centre_hz=3600, width_hz=450),
    "f": Sound(90, noise=0.12, centre_hz=2200, width_hz=2500),
    "th": Sound(85, noise=0.10, centre_hz=3000, width_hz=1000),
    "z": Sound(80, (300, 1600, 2550), voicing=0.30, noise=0.20, centre_hz=3600, width_hz=450),
    "v": Sound(60, (280, 1100, 2200), voicing=0.30, noise=0.06, centre_hz=2200, width_hz=2500),
    "n": Sound(75, (250, 1500, 2600), voicing=0.35),
    "w": Sound(65, (290, 610, 2150), voicing=0.55),
    "r": Sound(75, (330, 1060, 1400), voicing=0.65),
    "iy": Sound(150, (270, 2290, 3010), voicing=1),
    "ih": Sound(90, (390, 1990, 2550), voicing=1),
    "eh": Sound(110, (530, 1840, 2480), voicing=1),
    "ah": Sound(120, (640, 1190, 2390), voicing=1),
    "ax": Sound(60, (500, 1400, 2400), voicing=0.7),
    "ao": Sound(120, (570, 840, 2410), voicing=1),
    "uw": Sound(150, (300, 870, 2240), voicing=1),
    "ow": Sound(170, (540, 1000, 2350), (350, 780, 2250), voicing=1),
    "ay": Sound(190, (720, 1200, 2450), (360, 2050, 2650), voicing=1),
    "ey": Sound(150, (500, 1850, 2550), (320, 2230, 2750), voicing=1),
}

WORDS = {
    "zero": "z ih r ow",
    "one": "w ah n",
    "two": "t uw",
    "three": "th r iy",
    "four": "f ao r",
    "five": "f ay v",
    "six": "s ih _ k s",
    "seven": "s eh v ax n",
    "eight": "ey _ t",
    "nine": "n ay n",
}
