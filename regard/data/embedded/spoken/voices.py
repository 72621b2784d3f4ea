"""Who speaks."""

from typing import NamedTuple


class Voice(NamedTuple):
    """A speaker.

    Args:
        name: for tables of results.
        pitch_hz: mean fundamental frequency.
        formants: factor on all resonances; the shorter the vocal tract, the larger.
        rate: factor on all durations.
        tilt: how steeply the harmonics fall: amplitude ∝ (pitch / frequency)^tilt before the resonances.
        breath: amplitude of a hiss under the vowels.
    """

    name: str
    pitch_hz: float
    formants: float
    rate: float
    tilt: float
    breath: float


VOICES = (
    Voice("ada", 205, 1.15, 0.95, 1.0, 0.010),
    Voice("ben", 110, 0.98, 1.05, 0.9, 0.004),
    Voice("cleo", 180, 1.10, 1.15, 1.2, 0.020),
    Voice("dan", 90, 0.94, 1.20, 1.1, 0.006),
    Voice("eva", 235, 1.20, 0.85, 1.0, 0.008),
    Voice("finn", 135, 1.03, 0.90, 0.8, 0.005),
)
UNHEARD = Voice("gus", 155, 0.89, 1.00, 1.0, 0.010)  # in the hard split alone
