"""Corpora: the same from files and in memory, whole or absent, and found again only when nothing changed."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from regard.data import shards
from regard.data.corpus import INDEX, VERSION, Corpus, index_digest
from regard.data.corpus_writer import CorpusWriter
from regard.data.example import Example
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.shards import encode, prepare
from regard.data.speech.recording import RecordingSource
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError, RegardError

EXAMPLES = [
    Example("ab " * (7 * n % 13 + 1), "cd" * (5 * n % 11 + 1), f"file{n // 97}", n % 97 + 1) for n in range(211)
]
SOURCE = TextSource(Tokenizer.train("symbols", ["ab cd"], 11))
TARGET = Tokenizer.train("characters", ["abcd"], 307)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "CHUNK_PAIRS", 17)


def written(folder: Path, lines: int = 13) -> PairFiles:
    path = folder / "pairs.tsv"
    path.write_text("".join(f"ab{' ab' * n}\tcd\n" for n in range(lines)) + "\nno tab\n")
    return PairFiles((str(path),), on_bad_input="skip")


@pytest.mark.parametrize("on_disk", [False, True])
def test_corpus_holds_every_pair_and_where_it_came_from(tmp_path: Path, on_disk: bool) -> None:
    directory = tmp_path / "corpus" if on_disk else None
    corpus = encode(iter(EXAMPLES), SOURCE, TARGET, max_length=101, directory=directory)
    assert len(corpus) == len(EXAMPLES)
    for number, example in enumerate(EXAMPLES):
        assert corpus.source[number].tolist() == SOURCE.encode(example.source)
        assert TARGET.decode(corpus.target[number].tolist()) == example.target
        assert corpus.origin(number) == (example.file, example.line)
        assert corpus.source_lengths[number] == len(corpus.source[number])
        assert corpus.target_lengths[number] == len(corpus.target[number])


def test_files_and_memory_give_the_same_corpus(tmp_path: Path) -> None:
    memory = encode(EXAMPLES, SOURCE, TARGET, max_length=101)
    mapped = encode(EXAMPLES, SOURCE, TARGET, max_length=101, directory=tmp_path / "corpus")
    assert memory.digest == mapped.digest
    for side in ("source", "target"):
        left, right = getattr(memory, side), getattr(mapped, side)
        assert np.array_equal(left.lengths, right.lengths)
        for numbers in (np.arange(211), np.array([210, 0, 64, 63, 65, 7, 7])):
            assert np.array_equal(left.take(numbers), right.take(numbers))
    assert np.array_equal(memory.lines, mapped.lines)
    assert (memory.files, memory.report) == (mapped.files, mapped.report)


@pytest.mark.parametrize("number", [-1, 211])
def test_a_pair_that_there_is_not(number: int) -> None:
    with pytest.raises(IndexError, match=f"number is {number}; expected 0 to 210"):
        encode(EXAMPLES, SOURCE, TARGET, max_length=101).target[number]


def test_digest_tells_corpora_apart() -> None:
    other = [*EXAMPLES[:-1], Example("ab", "cd", "file2", 17)]
    digests = {encode(pairs, SOURCE, TARGET, max_length=101).digest for pairs in (EXAMPLES, other, EXAMPLES[:-1])}
    assert len(digests) == 3


def test_large_vocabulary_takes_wider_numbers() -> None:
    many = TextSource(Tokenizer.train("symbols", [" ".join(map(str, range(70_001)))], 80_000))
    corpus = encode([Example("70000 0", "cd", "a", 1)], many, TARGET, max_length=7)
    assert corpus.source[0].tolist() == many.encode("70000 0")
    assert max(many.encode(" ".join(map(str, range(70_001))))) > 2**16


def test_long_pairs_are_left_out_and_counted(tmp_path: Path) -> None:
    pairs = [Example("ab " * n, "c", "a", n) for n in (1, 2, 3)] + [Example("ab", "c" * n, "b", n) for n in (3, 2)]
    corpus = encode(pairs, SOURCE, TARGET, max_length=2)
    assert [corpus.origin(number) for number in range(len(corpus))] == [("a", 1), ("a", 2), ("b", 2)]
    assert corpus.report.too_long == 2
    assert "2 too long" in str(corpus.report)


def test_nothing_left_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No pair is left to learn from .*211 too long.*max_length is 0 tokens"):
        encode(EXAMPLES, SOURCE, TARGET, max_length=0, directory=tmp_path / "corpus")
    assert not list(tmp_path.iterdir())


def test_a_pair_needs_its_target() -> None:
    with pytest.raises(ValueError, match="a, line 7 has no target"):
        encode([Example("ab", None, "a", 7)], SOURCE, TARGET, max_length=2)


def test_a_stop_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    def failing() -> Iterator[Example]:
        yield from EXAMPLES
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(failing(), SOURCE, TARGET, max_length=101, directory=tmp_path / "corpus")
    assert not list(tmp_path.iterdir())


def test_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        RegardError, match=r"corpus cannot be written: No space left on device. Free the disk"
    ) as caught:
        encode(EXAMPLES, SOURCE, TARGET, max_length=101, directory=tmp_path / "corpus")
    assert caught.value.exit_code == 1
    assert not list(tmp_path.iterdir())


def test_another_process_that_was_faster_serves(tmp_path: Path) -> None:
    first = encode(EXAMPLES, SOURCE, TARGET, max_length=101, directory=tmp_path / "corpus")
    second = encode(EXAMPLES, SOURCE, TARGET, max_length=101, directory=tmp_path / "corpus")
    assert first.digest == second.digest
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.parametrize("harm", ["cut", "gone", "no index", "bad index", "other version"])
def test_a_corpus_that_is_not_whole_is_refused(tmp_path: Path, harm: str) -> None:
    directory = tmp_path / "corpus"
    encode(EXAMPLES, SOURCE, TARGET, max_length=101, directory=directory)
    tokens, index = directory / "source.tokens", directory / INDEX
    if harm == "cut":
        tokens.write_bytes(tokens.read_bytes()[:-2])
    elif harm == "gone":
        tokens.unlink()
    elif harm == "no index":
        index.unlink()
    elif harm == "bad index":
        index.write_text("[]")
    else:
        newer = json.loads(index.read_text()) | {"version": VERSION + 1}
        del newer["sha256"]
        index.write_text(json.dumps(newer | {"sha256": index_digest(newer)}))
    with pytest.raises(DataError, match=r"corpus holds no whole corpus. Delete it and encode"):
        Corpus.open(directory, SOURCE)


@pytest.mark.parametrize("name", [INDEX, "lines", "source.tokens", "target.lengths", "target.landmarks"])
def test_a_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "corpus"
    encode(iter(EXAMPLES), SOURCE, TARGET, max_length=101, directory=directory)
    content = bytearray((directory / name).read_bytes())
    for place in range(0, len(content), max(1, len(content) // 11)):
        flipped = bytearray(content)
        flipped[place] ^= 1
        (directory / name).write_bytes(flipped)
        with pytest.raises(DataError, match="holds no whole corpus"):
            Corpus.open(directory, SOURCE)


def test_prepare_encodes_once_and_keeps_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = written(tmp_path)
    first = prepare(files, SOURCE, TARGET, max_length=7, cache=tmp_path / "cache")
    monkeypatch.setattr(shards, "encode", None)
    second = prepare(files, SOURCE, TARGET, max_length=7, cache=tmp_path / "cache")
    assert first.digest == second.digest
    assert asdict(second.report) == asdict(first.report)
    assert (second.report.pairs, second.report.empty, second.report.bad, second.report.too_long) == (13, 1, 1, 6)


def test_prepare_encodes_again_when_anything_changed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    other = TextSource(Tokenizer.train("symbols", ["ab cd ef"], 7))

    def made() -> int:
        return len(list(cache.iterdir()))

    prepare(written(tmp_path), SOURCE, TARGET, max_length=7, cache=cache)
    prepare(PairFiles((str(tmp_path / "pairs.tsv"),), on_bad_input="skip"), SOURCE, TARGET, max_length=11, cache=cache)
    assert made() == 2
    prepare(PairFiles((str(tmp_path / "pairs.tsv"),), on_bad_input="skip"), other, TARGET, max_length=11, cache=cache)
    assert made() == 3
    prepare(written(tmp_path, lines=5), SOURCE, TARGET, max_length=11, cache=cache)
    assert made() == 4


def test_prepare_mends_a_broken_cache(tmp_path: Path) -> None:
    files = written(tmp_path)
    digest = prepare(files, SOURCE, TARGET, max_length=7, cache=tmp_path / "cache").digest
    (directory,) = (tmp_path / "cache").iterdir()
    (directory / INDEX).write_text("{")
    assert prepare(files, SOURCE, TARGET, max_length=7, cache=tmp_path / "cache").digest == digest


def test_report_counts_what_was_left_out() -> None:
    assert str(Report(5, 3, 2, 1, "a, line 7: the line has no tab")) == (
        "5 pairs; left out: 3 empty, 2 bad, 1 too long (first bad: a, line 7: the line has no tab)"
    )
    assert str(Report(pairs=5)) == "5 pairs; left out: none"


def test_few_pairs_with_features_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their frames take megabytes; the corpus is the same however they are cut."""
    held = list[int]()
    add = CorpusWriter.add

    def counted(writer: CorpusWriter, examples: list[Example]) -> None:
        held.append(len(examples))
        add(writer, examples)

    monkeypatch.setattr(CorpusWriter, "add", counted)
    source = RecordingSource(8_000, 5, 0.025, 0.010)
    pairs = [Example(f"spoken:train/{number}", "ab", "a", number) for number in range(1, 20)]
    corpus = encode(pairs, source, TARGET, max_length=10, max_source_length=2_000)
    assert (max(held), sum(held)) == (16, 19)
    for number in (0, 18):
        np.testing.assert_array_equal(corpus.source[number], source.encode(pairs[number].source))
