"""Formant synthesis: a word and a voice → samples.

    samples = Σ_k a_k(t) · sin(k φ(t))  +  hiss,     φ' = 2π · pitch,     a_k = (1 / k)^tilt · Π_i |H_i(k · pitch)|

H_i is a resonance with one pair of poles. The parameters are known every 5 ms and go from one such time to the next in
straight lines. Source: Klatt, "Software for a cascade/parallel formant synthesizer", JASA 67(3), 1980; the resonances
are applied to the harmonics directly (additive synthesis), so that no recursive filter is needed.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from regard.data.embedded.spoken.sounds import SOUNDS, WORDS, Sound
from regard.data.embedded.spoken.voices import Voice

RATE_HZ = 8000
HOP = 40  # samples from one set of parameters to the next
HIGHEST_HZ = 3800.0
FOURTH_FORMANT_HZ = 3500.0
BANDWIDTHS_HZ = np.array([70.0, 100.0, 150.0, 250.0])
SMOOTH = np.hanning(9)[1:-1] / np.hanning(9).sum()  # 35 ms: how fast a mouth moves


class Tracks(NamedTuple):
    """Parameters of a word at its points, `HOP` samples apart; the first and the last point are its borders.

    pitch, voicing, noise, centre, width: (points,); formants: (points, 4).
    """

    pitch: np.ndarray
    formants: np.ndarray
    voicing: np.ndarray
    noise: np.ndarray
    centre: np.ndarray
    width: np.ndarray


def speak(word: str, voice: Voice, rng: np.random.RandomState) -> np.ndarray:
    """Float64 (samples,) of one word; every call says it a little differently. The vowels have root mean square 1.

    The number of samples is a multiple of `HOP`; the first and the last sample are at the word's borders.
    """
    tracks = _tracks([SOUNDS[name] for name in WORDS[word].split()], voice, rng)
    voiced = _harmonics(tracks, voice)
    return voiced / np.sqrt(np.mean(voiced**2)) + _hiss(tracks, rng)


def _tracks(sounds: list[Sound], voice: Voice, rng: np.random.RandomState) -> Tracks:
    stretched = [sound.milliseconds * voice.rate * rng.uniform(0.85, 1.2) for sound in sounds]
    borders = np.rint(np.cumsum([0.0, *stretched]) * RATE_HZ / 1000 / HOP).astype(int)
    points = borders[-1] + 1
    belongs = np.searchsorted(borders, np.arange(points), side="right").clip(1, len(sounds)) - 1

    def constant(field: str) -> np.ndarray:
        return np.array([getattr(sound, field) for sound in sounds], dtype=np.float64)[belongs]

    inside = np.ones(points)
    inside[[0, -1]] = 0.0
    voicing = _smooth(constant("voicing")) * rng.uniform(0.9, 1.1, points)
    noise = constant("noise") + voice.breath * voicing
    formants = _formants(sounds, borders, rng) * voice.formants
    fourth = np.full((points, 1), FOURTH_FORMANT_HZ * voice.formants)
    fall = np.linspace(rng.uniform(1.0, 1.1), rng.uniform(0.85, 0.95), points)
    return Tracks(
        pitch=voice.pitch_hz * rng.uniform(0.93, 1.07) * fall * rng.uniform(0.99, 1.01, points),
        formants=np.concatenate([formants, fourth], axis=1),
        voicing=voicing * inside,
        noise=noise * inside,
        centre=np.where(constant("noise") > 0, constant("centre_hz"), 1500.0),
        width=np.where(constant("noise") > 0, constant("width_hz"), 1000.0),
    )


def _formants(sounds: list[Sound], borders: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """(points, 3): through the targets of each sound, a quarter into it and a quarter before its end."""
    times, targets = [], []
    for (start, end), sound in zip(pairwise(borders), sounds, strict=True):
        if sound.formants is not None:
            times += [start + (end - start) / 4, end - (end - start) / 4]
            targets += [sound.formants, sound.glide or sound.formants]
    said = np.array(targets) * (1.0 + 0.03 * rng.uniform(-1, 1, (len(targets), 3)))
    points = np.arange(borders[-1] + 1)
    return np.stack([_smooth(np.interp(points, times, said[:, i])) for i in range(3)], axis=1)


def _smooth(track: np.ndarray) -> np.ndarray:
    reach = len(SMOOTH) // 2
    return np.convolve(np.pad(track, reach, mode="edge"), SMOOTH, mode="valid")


def _harmonics(tracks: Tracks, voice: Voice) -> np.ndarray:
    """The hum of the vocal cords after the resonances: the sum over k of one sine each."""
    pitch = _between(tracks.pitch)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    harmonics = np.arange(1, int(HIGHEST_HZ / tracks.pitch.min()) + 1)
    frequency = harmonics[:, None] * tracks.pitch  # (harmonics, points)
    amplitude = tracks.voicing * harmonics[:, None] ** -voice.tilt * (frequency < HIGHEST_HZ)
    for formant, bandwidth in zip(tracks.formants.T, BANDWIDTHS_HZ, strict=True):
        amplitude *= _resonance(frequency, formant, bandwidth)
    # sin kφ = 2 cos φ · sin (k−1)φ − sin (k−2)φ: one sine for all harmonics.
    twice, before, sine = 2 * np.cos(phase), np.zeros_like(phase), np.sin(phase)
    total = np.zeros_like(phase)
    for loud in _between(amplitude):
        total += loud * sine
        before, sine = sine, twice * sine - before
    return total


def _resonance(frequency: np.ndarray, formant: np.ndarray, bandwidth: float) -> np.ndarray:
    """|H(frequency)| of a pair of poles at formant ± i · bandwidth / 2; 1 at 0 Hz."""
    half = (bandwidth / 2) ** 2
    return (formant**2 + half) / np.sqrt(((frequency - formant) ** 2 + half) * ((frequency + formant) ** 2 + half))


def _hiss(tracks: Tracks, rng: np.random.RandomState) -> np.ndarray:
    """White noise shaped in windows of two hops around each point, which overlap and add to constant power."""
    inner = slice(1, -1)  # nothing hisses at the borders
    white = np.fft.rfft(rng.standard_normal((len(tracks.noise) - 2, 2 * HOP)), axis=1)
    hertz = np.arange(HOP + 1) * RATE_HZ / (2 * HOP)
    shape = np.exp(-(((hertz - tracks.centre[inner, None]) / tracks.width[inner, None]) ** 2) / 2)
    shape *= (tracks.noise[inner] / np.sqrt((shape**2).mean(axis=1)))[:, None]
    shaped = np.fft.irfft(white * shape, axis=1) * np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP))
    total = np.zeros((len(tracks.noise) - 1, HOP))
    total[:-1] += shaped[:, :HOP]
    total[1:] += shaped[:, HOP:]
    return total.ravel()


def _between(track: np.ndarray) -> np.ndarray:
    """(..., points) → (..., (points − 1) · HOP): straight lines from point to point."""
    steps = track[..., :-1, None] + (track[..., 1:] - track[..., :-1])[..., None] * (np.arange(HOP) / HOP)
    return steps.reshape(*track.shape[:-1], -1)
