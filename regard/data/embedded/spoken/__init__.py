"""The embedded spoken corpus: number words by formant synthesis, with the gold place of every word. numpy only.

sounds      how each word is said: a few sounds, each with its formants, its noise, its duration
voices      who says it
synthesis   sounds and a voice → samples of a word
corpus      words and pauses → recordings, split
"""

from regard.data.embedded.spoken.corpus import SIZES, Recording, recording, recordings
from regard.data.embedded.spoken.sounds import WORDS
from regard.data.embedded.spoken.synthesis import RATE_HZ

__all__ = ["RATE_HZ", "SIZES", "WORDS", "Recording", "recording", "recordings"]
