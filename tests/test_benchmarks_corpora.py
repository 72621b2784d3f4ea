"""The corpora of recordings and stories are made of their downloads as `benchmarks/corpora.py` says."""

import gzip
import io
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
RATE = 8000
SPEAKERS = ("ann", "bob")


def sound(digit: int, take: int) -> bytes:
    """A recording whose samples all are 100 · digit + take, at least 1, and last 10 ms for each of `digit` + 1."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.full(80 * (digit + 1), 100 * digit + take + 1, "<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits of two speakers, 50 takes each."""
    folder = tmp_path_factory.mktemp("downloads")
    (folder / "speech-digits").mkdir()
    with zipfile.ZipFile(folder / "speech-digits/recordings.zip", "w") as archive:
        for speaker in SPEAKERS:
            for digit in range(10):
                for take in range(50):
                    archive.writestr(f"recordings/{digit}_{speaker}_{take}.wav", sound(digit, take))

    def rows(*sequences: tuple[str, str, list[tuple[int, int]]]) -> str:
        return "".join(
            f"{name}\t{speaker}\t{','.join(f'recordings/{digit}_{speaker}_{take}.wav' for digit, take in takes)}\tx\n"
            for name, speaker, takes in sequences
        )

    learnt = [("tr0", "ann", [(1, 5), (2, 9), (1, 6)]), ("tr1", "bob", [(3, 7), (0, 20)])]
    (folder / "speech-digits/sequences.train.tsv").write_text(rows(*learnt))
    (folder / "speech-digits/sequences.test.tsv").write_text(rows(("te0", "ann", [(9, 0), (8, 4)])))
    return folder


def made(downloads: Path, into: Path) -> Path:
    command = [sys.executable, str(ROOT / "benchmarks/corpora.py"), str(downloads), "--into", str(into)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "an4 is left out: there is no folder" in done.stderr
    return into / "digits"


def takes(path: Path) -> set[tuple[int, int]]:
    """(digit, take) of what a file says."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return {divmod(int(value) - 1, 100) for value in np.unique(samples[samples > 0])}


def test_sequences_have_pauses_true_times_and_no_recording_of_another_split(downloads: Path, tmp_path: Path) -> None:
    digits = made(downloads, tmp_path / "one")
    found = {split: [takes(path) for path in sorted((digits / split).iterdir())] for split in ("train", "dev", "test")}
    assert [sorted({digit for digit, _ in one}) for one in found["train"]] == [[1, 2], [0, 3]]
    assert (digits / "train.tsv").read_text().splitlines()[0] == "train/tr0.wav\tone two one"
    assert all(take >= 8 for one in found["train"] for _, take in one)
    assert {take for one in found["dev"] for _, take in one} == {5, 6, 7}
    assert found["test"] == [{(9, 0), (8, 4)}]
    for split in found:
        for line in (digits / f"{split}.words.tsv").read_text().splitlines():
            name, start, end, word = line.split("\t")
            with wave.open(str(digits / name)) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            stretch = samples[round(float(start) * RATE) : round(float(end) * RATE)]
            assert (stretch > 0).all()
            assert len({int(value) for value in stretch}) == 1
            assert word in ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_single_digits_are_split_by_their_takes(downloads: Path, tmp_path: Path) -> None:
    single = made(downloads, tmp_path / "one").with_name("single-digits")
    sides = {"train": set(range(8, 50)), "dev": {5, 6, 7}, "test": set(range(5))}
    for split, wanted in sides.items():
        lines = [line.split("\t") for line in (single / f"{split}.tsv").read_text().splitlines()]
        assert len(lines) == len(wanted) * 10 * len(SPEAKERS)
        assert {int(name.removesuffix(".wav").split("_")[-1]) for name, _ in lines} == wanted
        assert all(
            takes(single / name) == {(int(Path(name).name[0]), int(Path(name).stem.split("_")[2]))} for name, _ in lines
        )
    assert (single / "test.tsv").read_text().splitlines()[0] == "recordings/0_ann_0.wav\tzero"


def test_the_same_downloads_give_the_same_files(downloads: Path, tmp_path: Path) -> None:
    one, two = made(downloads, tmp_path / "one"), made(downloads, tmp_path / "two")
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert all((one / path).read_bytes() == (two / path).read_bytes() for path in files)


def test_each_task_gives_its_last_questions_and_one_without_training_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "downloads/dialogue-or-qa/babi-en10k"
    folder.mkdir(parents=True)
    for split, tasks in {"train": (1, 2), "test": (1, 2, 3)}.items():
        lines = [f"{task}\t{split} {number}?\tanswer\n" for task in tasks for number in range(103)]
        (folder / f"{split}.tsv.gz").write_bytes(gzip.compress("".join(lines).encode()))
    made(tmp_path / "downloads", tmp_path / "made")
    found = {
        split: (tmp_path / f"made/babi/{split}.tsv").read_text().splitlines() for split in ("train", "dev", "test")
    }
    assert found["train"] == [f"train {number}?\tanswer" for _ in (1, 2) for number in range(3)]
    assert found["dev"] == [f"train {number}?\tanswer" for _ in (1, 2) for number in range(3, 103)]
    assert len(found["test"]) == 206
    tasks = (tmp_path / "made/babi/train.tasks.txt").read_text().split()
    assert tasks == ["1"] * 3 + ["2"] * 3


def test_headlines_have_small_letters_and_marks_apart(tmp_path: Path) -> None:
    folder = tmp_path / "downloads/summaries/agnews"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text("NASA's craft, in Florida.\tOff to Space!\n")
    made(tmp_path / "downloads", tmp_path / "made")
    expected = "nasa ' s craft , in florida .\toff to space !\n"
    assert (tmp_path / "made/agnews/dev.tsv").read_text() == expected
