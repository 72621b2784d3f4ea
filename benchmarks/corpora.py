"""Make the pairs of real recordings, pictures and stories that recipes are measured on, from their downloads.

    python benchmarks/corpora.py DOWNLOADS --into FOLDER
    python benchmarks/corpora.py DOWNLOADS --into FOLDER --only digits an4

DOWNLOADS has a folder for each corpus; what is absent is left out with a message:

    speech-digits     Free Spoken Digit Dataset: recordings.zip, sequences.train.tsv, sequences.test.tsv
    speech-an4-mfcc   CMU AN4 as features: train.npz, train.tsv, test.npz, test.tsv
    speech-mboshi     Mboshi-French: audio.zip, train.tsv, test.tsv, word_times.tsv.gz
    captions          Flickr8k, 1,000 pictures: images.zip, train.tsv, dev.tsv, test.tsv
    summaries         AG News: agnews/train.tsv, dev.tsv, test.tsv (description, title)
    dialogue-or-qa    bAbI tasks: babi-en10k/train.tsv.gz, babi-en10k/test.tsv.gz (task, story with question, answer)

FOLDER then has for each corpus train.tsv, dev.tsv and test.tsv (name, text) and what they name. Where it is known when
each word is said, SPLIT.words.tsv has it: name, start and end in seconds, word. The same downloads give the same files:

- digits: a sequence is the recordings of one speaker, with U(0, 1.0 s) of silence between two. Recordings 5-7 of each
  digit and speaker make the sequences of dev.tsv; in those of train.tsv another recording of the same digit and speaker
  stands in their place, so that the two share nothing. Recordings 0-4 are those of the test, as the corpus has them.
- single-digits: each recording by itself, and the word for its digit. Recordings 0-4 of each digit and speaker are the
  test, as the corpus has it, 5-7 are dev.tsv.
- an4: seven speakers of the training make dev.tsv. The test is the official one; its speakers are in no other file.
- mboshi: the last 150 pairs of the training make dev.tsv. French targets are in SPLIT.french.tsv.
- flickr8k: the split of the corpus.
- agnews: in small letters, words and marks apart.
- babi: the last 100 questions of each task make dev.tsv. A task that the training does not have is no part of the test.
  SPLIT.tasks.txt has the number of the task of each pair.
"""

import argparse
import gzip
import random
import re
import sys
import wave
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

SEED = 7
PAUSE_SECONDS = 1.0
TESTED_RECORDINGS = range(5)
HELD_RECORDINGS = (5, 6, 7)
LEARNT_RECORDINGS = range(8, 50)
DEV_SEQUENCES = 400
AN4_DEV_SPEAKERS = 7
MBOSHI_DEV_PAIRS = 150
BABI_DEV_PAIRS = 100
WORD = re.compile(r"\w+|[^\w\s]")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
Row = tuple[str, ...]


def rows(path: Path) -> list[Row]:
    """The fields of a file of tab-separated values."""
    return [tuple(line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, found: Iterable[Row]) -> None:
    """A file of tab-separated values."""
    path.write_text("".join("\t".join(row) + "\n" for row in found), encoding="utf-8")


class Recordings:
    """The recordings of single digits: 16-bit samples of one channel, all of one rate."""

    def __init__(self, archive: Path) -> None:
        self.archive = zipfile.ZipFile(archive)
        self.rate = 0

    def samples(self, name: str) -> bytes:
        """What `recordings/DIGIT_SPEAKER_NUMBER.wav` says."""
        with self.archive.open(name) as file, wave.open(file) as sound:
            if sound.getnchannels() != 1 or sound.getsampwidth() != 2 or self.rate not in (0, sound.getframerate()):
                sys.exit(f"{name} in {self.archive.filename}: expected 16-bit samples of one channel and one rate.")
            self.rate = sound.getframerate()
            return sound.readframes(sound.getnframes())

    def join(self, names: Sequence[str], path: Path, draw: random.Random) -> list[tuple[float, float]]:
        """Write the recordings one behind the other, with pauses between; where each begins and ends, in seconds."""
        sound, spans = bytearray(), []
        for place, name in enumerate(names):
            samples = self.samples(name)
            if place:
                sound += bytes(2 * round(draw.uniform(0, PAUSE_SECONDS) * self.rate))
            start = len(sound)
            sound += samples
            spans.append((start / 2 / self.rate, len(sound) / 2 / self.rate))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(bytes(sound))
        return spans


def digits(given: Path, into: Path) -> None:
    """Sequences of digits, with pauses."""
    recordings = Recordings(given / "recordings.zip")
    learnt = [(row[0], row[2].split(",")) for row in rows(given / "sequences.train.tsv")]
    tested = [(row[0], row[2].split(",")) for row in rows(given / "sequences.test.tsv")]
    speakers = sorted({_parts(name)[1] for _, names in learnt for name in names})
    splits = {"train": [], "dev": [], "test": tested}
    draw = random.Random(SEED)
    for sequence, names in learnt:
        splits["train"].append((sequence, [_replaced(name, draw) for name in names]))
    for number in range(DEV_SEQUENCES):
        speaker = draw.choice(speakers)
        chosen = [(draw.randrange(10), draw.choice(HELD_RECORDINGS)) for _ in range(draw.randint(3, 6))]
        splits["dev"].append((f"de{number:05}", [f"recordings/{digit}_{speaker}_{take}.wav" for digit, take in chosen]))
    for split, sequences in splits.items():
        (into / split).mkdir()
        pairs, words = [], []
        for sequence, names in sequences:
            said = [DIGITS[_parts(name)[0]] for name in names]
            sound = f"{split}/{sequence}.wav"
            spans = recordings.join(names, into / sound, draw)
            pairs.append((sound, " ".join(said)))
            words += [
                (sound, f"{start:.4f}", f"{end:.4f}", word) for (start, end), word in zip(spans, said, strict=True)
            ]
        write(into / f"{split}.tsv", pairs)
        write(into / f"{split}.words.tsv", words)


def single_digits(given: Path, into: Path) -> None:
    """Each recording of a digit by itself."""
    with zipfile.ZipFile(given / "recordings.zip") as archive:
        archive.extractall(into)
        names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
    takes = {"train": LEARNT_RECORDINGS, "dev": HELD_RECORDINGS, "test": TESTED_RECORDINGS}
    for split, chosen in takes.items():
        found = [name for name in names if _parts(name)[2] in chosen]
        write(into / f"{split}.tsv", [(name, DIGITS[_parts(name)[0]]) for name in found])


def _parts(name: str) -> tuple[int, str, int]:
    digit, speaker, number = Path(name).stem.split("_")
    return int(digit), speaker, int(number)


def _replaced(name: str, draw: random.Random) -> str:
    """The recording itself, or another of the same digit and speaker if it is held for development."""
    digit, speaker, number = _parts(name)
    return f"recordings/{digit}_{speaker}_{draw.choice(LEARNT_RECORDINGS)}.wav" if number in HELD_RECORDINGS else name


def an4(given: Path, into: Path) -> None:
    """Utterances by their id; the features stay in the archives of the corpus."""
    found = rows(given / "train.tsv")
    held = set(random.Random(SEED).sample(sorted({row[2] for row in found}), AN4_DEV_SPEAKERS))
    write(into / "train.tsv", [row[:2] for row in found if row[2] not in held])
    write(into / "dev.tsv", [row[:2] for row in found if row[2] in held])
    write(into / "test.tsv", [row[:2] for row in rows(given / "test.tsv")])
    for archive in ("train.npz", "test.npz"):
        (into / archive).write_bytes((given / archive).read_bytes())


def mboshi(given: Path, into: Path) -> None:
    """Speech with its transcript, and with its French."""
    with zipfile.ZipFile(given / "audio.zip") as archive:
        archive.extractall(into)
    learnt = rows(given / "train.tsv")
    splits = {
        "train": learnt[:-MBOSHI_DEV_PAIRS],
        "dev": learnt[-MBOSHI_DEV_PAIRS:],
        "test": rows(given / "test.tsv"),
    }
    with gzip.open(given / "word_times.tsv.gz", "rt", encoding="utf-8") as file:
        times = [tuple(line.rstrip("\n").split("\t")) for line in file]
    for split, found in splits.items():
        names = {row[0] for row in found}
        write(into / f"{split}.tsv", [(row[0], row[1]) for row in found])
        write(into / f"{split}.french.tsv", [(row[0], row[2]) for row in found])
        write(into / f"{split}.words.tsv", [row for row in times if row[0] in names])


def flickr8k(given: Path, into: Path) -> None:
    """Pictures, each with five captions."""
    with zipfile.ZipFile(given / "images.zip") as archive:
        archive.extractall(into)
    for split in ("train", "dev", "test"):
        write(into / f"{split}.tsv", rows(given / f"{split}.tsv"))


def babi(given: Path, into: Path) -> None:
    """Stories with a question, of all tasks together."""
    learnt, tested = (_of_tasks(given / f"{split}.tsv.gz") for split in ("train", "test"))
    splits = {
        "train": [row for found in learnt.values() for row in found[:-BABI_DEV_PAIRS]],
        "dev": [row for found in learnt.values() for row in found[-BABI_DEV_PAIRS:]],
        "test": [row for task in learnt for row in tested[task]],
    }
    for split, found in splits.items():
        write(into / f"{split}.tsv", [(story, answer) for _, story, answer in found])
        write(into / f"{split}.tasks.txt", [(task,) for task, *_ in found])


def _of_tasks(path: Path) -> dict[str, list[Row]]:
    """The rows of each task."""
    found: dict[str, list[Row]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = tuple(line.rstrip("\n").split("\t"))
            found.setdefault(row[0], []).append(row)
    return found


def agnews(given: Path, into: Path) -> None:
    """News and their headlines, in small letters, with spaces around each mark."""
    for split in ("train", "dev", "test"):
        found = [tuple(" ".join(WORD.findall(text.lower())) for text in row) for row in rows(given / f"{split}.tsv")]
        write(into / f"{split}.tsv", found)


CORPORA: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "digits": ("speech-digits", digits),
    "single-digits": ("speech-digits", single_digits),
    "an4": ("speech-an4-mfcc", an4),
    "mboshi": ("speech-mboshi", mboshi),
    "flickr8k": ("captions", flickr8k),
    "babi": ("dialogue-or-qa/babi-en10k", babi),
    "agnews": ("summaries/agnews", agnews),
}


def main() -> None:
    """Make the wanted corpora; one that is there already is an error, and stays as it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("downloads", type=Path, metavar="DOWNLOADS")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=list(CORPORA), default=list(CORPORA))
    options = parser.parse_args()
    for name in options.only:
        folder, make = CORPORA[name]
        given, into = options.downloads / folder, options.into / name
        if not given.is_dir():
            print(f"{name} is left out: there is no folder {given}.", file=sys.stderr)
            continue
        if into.exists():
            parser.error(f"{into} is there already. Name another folder, or take it away.")
        into.mkdir(parents=True)
        make(given, into)
        counts = [f"{len(rows(into / f'{split}.tsv')):,} {split}" for split in ("train", "dev", "test")]
        print(f"{into}: {', '.join(counts)} pairs", flush=True)


if __name__ == "__main__":
    main()
