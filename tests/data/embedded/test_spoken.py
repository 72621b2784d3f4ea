"""The spoken corpus: each recording is the same everywhere, and the gold places are where the words are."""

import hashlib
from functools import cache

import numpy as np
import pytest

from regard.alignment.pointing import blind_diagonal, blind_uniform, mean_pointing, pointing_scores
from regard.data.embedded.spoken import RATE_HZ, SIZES, WORDS, Recording, recording, recordings
from regard.data.embedded.spoken.sounds import SOUNDS
from regard.data.embedded.spoken.synthesis import HOP
from regard.data.embedded.spoken.voices import UNHEARD, VOICES
from regard.data.speech import Framing, log_mel

SOME = [(split, number) for split in SIZES for number in range(6)]


@cache
def made(split: str, number: int) -> Recording:
    return recording(split, number)


def hash_of(found: Recording) -> str:
    """Samples in steps of 1/256. Sines, logarithms and transforms differ between machines by 10⁻¹² or so: that may move
    one 16-bit sample in 10⁸ by one, and of those one in 128 to another step."""
    coarse = np.rint(found.samples * 256).astype("<i2")
    return hashlib.sha256(coarse.tobytes() + repr((found.words, found.spans, found.voice)).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("split", "number", "seed", "expected"),
    [
        ("train", 0, 20, "291325950f7d1816"),
        ("dev", 3, 20, "edad00b97712f66a"),
        ("ordinary", 7, 20, "3e1bddd98275367e"),
        ("hard", 0, 20, "ea5b72d2390a07d4"),
        ("hard", 1, 5, "9c8404d0a55c0e0f"),
    ],
)
def test_samples_are_the_same_everywhere(split: str, number: int, seed: int, expected: str) -> None:
    assert hash_of(recording(split, number, seed)) == expected


def test_a_recording_depends_on_split_seed_and_number_alone() -> None:
    again = recording("dev", 4)
    in_order = list(zip(range(5), recordings("dev"), strict=False))[4][1]
    np.testing.assert_array_equal(in_order.samples, again.samples)
    others = [recording("dev", 5), recording("ordinary", 4), recording("dev", 4, seed=7)]
    assert len({hash_of(found) for found in [again, *others]}) == 4


@pytest.mark.parametrize(("split", "number"), SOME)
def test_samples_are_those_of_a_16_bit_file_and_never_clip(split: str, number: int) -> None:
    samples = made(split, number).samples
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert 0.25 < np.abs(samples).max() < 0.95
    np.testing.assert_array_equal(samples * 32768, np.rint(samples * 32768))
    assert abs(samples.mean()) < 0.01


@pytest.mark.parametrize(("split", "number"), SOME)
def test_spans_are_in_order_within_the_recording_with_pauses_of_at_most_a_second(split: str, number: int) -> None:
    found = made(split, number)
    assert 2 <= len(found.words) == len(found.spans) <= 6
    assert set(found.words) <= set(WORDS)
    edges = [0, *np.ravel(found.spans), len(found.samples)]
    pauses, lengths = np.diff(edges)[::2], np.diff(edges)[1::2]
    assert (pauses >= 0).all() and (pauses <= RATE_HZ).all()  # noqa: PT018
    assert (lengths > 0.1 * RATE_HZ).all() and (lengths < 0.8 * RATE_HZ).all()  # noqa: PT018
    assert found.seconds[0][0] == found.spans[0][0] / RATE_HZ


@pytest.mark.parametrize(("split", "number"), SOME)
def test_the_energy_is_in_the_spans_and_the_noise_has_the_ratio_that_is_said(split: str, number: int) -> None:
    found = made(split, number)
    within = np.zeros(len(found.samples), dtype=bool)
    for start, end in found.spans:
        within[start:end] = True
    noise, both = found.samples[~within].var(), (found.samples[within] ** 2).mean()
    assert 10 * np.log10((both - noise) / noise) == pytest.approx(found.snr_db, abs=0.5)
    assert (5 <= found.snr_db <= 15) if split == "hard" else (15 <= found.snr_db <= 40)


def test_each_span_begins_and_ends_with_its_word() -> None:
    """Its first and its last 20 ms are louder than the noise, and nothing outside is: nearly all energy is inside."""
    quiet = [found for number in range(50) if (found := made("ordinary", number)).snr_db > 32]
    assert len(quiet) > 5
    for found in quiet:
        gaps = [0, *np.ravel(found.spans), len(found.samples)]
        outside = np.concatenate([found.samples[a:b] for a, b in zip(gaps[::2], gaps[1::2], strict=True)])
        loud = 4 * outside.std()
        for start, end in found.spans:
            for part in (slice(start, start + 4 * HOP), slice(end - 4 * HOP, end)):
                assert np.abs(found.samples[part]).max() > loud
        assert (np.abs(outside) < 1.5 * loud).all()
        assert (outside**2).sum() < 0.01 * (found.samples**2).sum()


def test_words_are_drawn_alike_and_every_voice_speaks() -> None:
    found = [made("train", number) for number in range(60)]
    counts = np.unique([word for one in found for word in one.words], return_counts=True)[1]
    assert len(counts) == len(WORDS)
    assert counts.min() > 0.4 * counts.mean()
    assert {one.voice for one in found} == {voice.name for voice in VOICES}
    assert {len(one.words) for one in found} == {2, 3, 4, 5, 6}


def test_every_second_hard_recording_is_of_a_voice_that_training_never_hears() -> None:
    voices = [made("hard", number).voice for number in range(8)]
    assert voices[1::2] == [UNHEARD.name] * 4
    assert UNHEARD.name not in voices[::2]
    assert UNHEARD.name not in {voice.name for voice in VOICES}


def test_every_sound_is_used_and_every_word_has_one_that_hums() -> None:
    assert {name for word in WORDS.values() for name in word.split()} == set(SOUNDS)
    assert all(any(SOUNDS[name].voicing == 1 for name in word.split()) for word in WORDS.values())


def test_a_word_said_twice_differs_and_is_nearer_to_itself_than_to_others() -> None:
    """What makes the corpus learnable, without a model: the nearest other word by log-mel rows, stretched to 20."""
    rows, words = [], []
    for number in range(40):
        found = made("train", number)
        features = log_mel(found.samples, Framing(RATE_HZ))
        for word, (start, end) in zip(found.words, found.seconds, strict=True):
            part = features[round(start * 100) : round(end * 100)]
            rows.append(part[np.linspace(0, len(part) - 1, 20).round().astype(int)].ravel())
            words.append(word)
    points = np.array(rows)
    points -= points.reshape(-1, 20, 40).mean(axis=1).repeat(20, axis=0).reshape(len(points), -1)
    far = ((points[:, None] - points) ** 2).sum(axis=2) + np.diag(np.full(len(points), np.inf))
    assert (np.diag(far) == np.inf).all()
    assert far.min() > 1
    assert np.mean([words[i] == words[j] for i, j in enumerate(far.argmin(axis=1))]) > 0.9


def test_blind_rules_do_not_find_the_words() -> None:
    """What a score of attention must be compared with: the pauses leave little to find without listening."""
    uniform, diagonal = [], []
    for number in range(50):
        found = made("ordinary", number)
        cells = Framing(RATE_HZ, 0.04, 0.04).cells(len(found.samples))
        for scores, rule in ((uniform, blind_uniform), (diagonal, blind_diagonal)):
            scores.append(pointing_scores(rule(len(found.words), cells), cells, found.seconds))
    assert 0.06 < mean_pointing(uniform).pointing < 0.12
    assert 0.25 < mean_pointing(diagonal).pointing < 0.5


def test_refuses_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="split is 'test'; expected one of train, dev, ordinary, hard"):
        recording("test", 0)
    with pytest.raises(ValueError, match="recordings: split is 'test'; expected one of train"):
        recordings("test")
    with pytest.raises(ValueError, match="number is -1; expected 0 to"):
        recording("train", -1)
    with pytest.raises(ValueError, match="seed is -2; expected 0 to"):
        recording("train", 0, seed=-2)
