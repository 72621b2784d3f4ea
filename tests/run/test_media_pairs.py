"""Corpora of sources that are files: captions of one file stay together, variation comes from seed, epoch and pair."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regard.config import Config, parse
from regard.data.readers import PairFiles
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.run import digests
from regard.run.pairs import pair_files
from regard.run.subsets import Subset, split
from regard.training.ctc import alignable

AUGMENT = {"speeds": [0.9, 1.0, 1.1], "time_masks": 2, "time_width": 9, "frequency_masks": 1, "frequency_width": 2}


def config(**source: Any) -> Config:
    data = {"source": {"kind": "features", **source}, "max_length": 9, "batch_by": "sentences", "batch_size": 7}
    return parse({"data": data}, "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty sequences with one to three captions; each caption names its sequence; some are longer than 9."""
    chance = np.random.default_rng(3)
    with open(tmp_path / "train.jsonl", "w", encoding="utf-8") as file:
        for n in range(40):
            captions = [f"{n} {'x ' * (20 if k == 0 and n % 3 == 0 else k)}" for k in range(1 + n % 3)] + ["x"]
            file.write(json.dumps({"file_name": f"u{n}", "captions": captions}) + "\n")
    np.savez(tmp_path / "train.npz", **{f"u{n}": chance.normal(size=(20 + n, 5)) for n in range(40)})
    return tmp_path


def divided(folder: Path, config: Config) -> tuple[Subset, Subset, PairFiles, Tokenizer]:
    files = pair_files([str(folder / "train.jsonl")], config.data)
    source = config.data.source.learn(lambda: (one.source for one in files.read()))
    target = Tokenizer.train("symbols", (one.target or "" for one in files.read()), 100)
    return *split(config, files, None, source, target, folder / "cache"), files, target


def test_what_a_line_names_is_held_out_together(folder: Path) -> None:
    learn, held, files, _ = divided(folder, config())
    assert learn.rows is not None
    assert held.rows is not None
    lines = learn.corpus.lines
    assert not set(lines[learn.rows]) & set(lines[held.rows])
    assert len(learn) + len(held) == len(learn.corpus) < sum(1 for _ in files.read())  # some are too long


def test_what_several_lines_say_of_one_source_is_held_out_together(folder: Path) -> None:
    """Also where they do not follow one another, and from the cache."""
    (folder / "lines.tsv").write_text("".join(f"u{n % 40}\t{n}\n" for n in range(120)))
    settings = config(archives=["train.npz"])
    files = pair_files([str(folder / "lines.tsv")], settings.data)
    source = settings.data.source.learn(lambda: (one.source for one in files.read()))
    target = Tokenizer.train("symbols", (one.target or "" for one in files.read()), 200)
    for _ in range(2):
        learn, held = split(settings, files, None, source, target, folder / "cache")
        assert learn.rows is not None
        assert held.rows is not None
        assert not set(learn.rows % 40) & set(held.rows % 40)
        assert (len(learn), len(held)) == (117, 3)
    (folder / "one.tsv").write_text("u1\ta\nu1\tb\n")
    files = pair_files([str(folder / "one.tsv")], settings.data)
    with pytest.raises(UsageError, match="One source, of all pairs, is too few to hold any out"):
        split(settings, files, None, source, target, folder / "cache")


def test_no_speed_leaves_a_source_too_short_for_ctc(folder: Path) -> None:
    """Of 20 to 59 frames, a position for four of them, and targets that need all positions."""
    settings = parse(
        {
            "data": {
                "source": {"kind": "features", "archives": ["train.npz"], "augment": {"speeds": [1.9, 1.5, 0.9]}},
                "target": {"tokenizer": "characters"},
                "batch_by": "sentences",
                "batch_size": 7,
            },
            "model": {"encoder": {"kind": "blstmp", "strides": [2, 2]}},
            "training": {"ctc": 0.3},
        },
        "test",
    )
    text = {n: "abcdefghijklmnopqrst"[: (20 + n) // 4] for n in range(40)}
    (folder / "ctc.tsv").write_text("".join(f"u{n}\t{text[n]}\n" for n in range(40)))
    files = pair_files([str(folder / "ctc.tsv")], settings.data)
    source = settings.data.source.learn(lambda: (one.source for one in files.read()))
    target = Tokenizer.train("characters", text.values(), 300)
    learn, _ = split(settings, files, None, source, target, folder / "cache")
    seen = 0
    for batch in learn.batches(1, 0):
        positions = -(-batch.source_mask.sum(1) // 4)
        assert alignable(positions, batch.targets).all()
        seen += len(positions)
    assert seen == len(learn)


def test_texts_of_pairs_are_those_of_the_corpus(folder: Path) -> None:
    learn, _, files, target = divided(folder, config())
    rows = list(range(0, len(learn.corpus), 3))
    found = digests.texts(files, learn.corpus, rows, lambda _, text: target.ids(text))
    for row, (source, text) in zip(rows, found, strict=True):
        assert target.ids(text) == learn.corpus.target[row].tolist()
        assert source.endswith(f"/u{learn.corpus.lines[row] - 1}")


def same(one: Any, other: Any) -> bool:
    return one.source.shape == other.source.shape and bool(torch.equal(one.source, other.source))


def test_sources_are_varied_by_seed_epoch_and_pair_alone(folder: Path) -> None:
    plain, _, _, _ = divided(folder, config())
    learn, held, _, _ = divided(folder, config(augment=AUGMENT))
    before = [*plain.batches(1, 0)]
    whole = [*learn.batches(1, 0)]
    assert any(one.source.shape != other.source.shape for one, other in zip(before, whole, strict=True))
    assert all(map(same, whole[3:], learn.batches(1, 0, 3)))
    assert not all(map(same, whole, learn.batches(2, 0)))
    by_pair = {int(n): one.source[row][one.source_mask[row]] for one in whole for row, n in enumerate(one.order)}
    for worker in range(2):
        for part in learn.batches(1, 0, worker=worker, workers=2):
            for row, number in enumerate(part.order.tolist()):
                assert torch.equal(part.source[row][part.source_mask[row]], by_pair[number])
    later = {
        int(n): one.source[row][one.source_mask[row]] for one in learn.batches(1, 1) for row, n in enumerate(one.order)
    }
    assert (
        sum(torch.equal(later[n], frames) if later[n].shape == frames.shape else 0 for n, frames in by_pair.items()) < 9
    )
    assert all(map(same, held.batches(0, 0), held.batches(0, 1)))
    kept = {len(learn.corpus.source[n]) for n in held.rows.tolist()}
    assert {int(mask.sum()) for one in held.batches(0, 0) for mask in one.source_mask} == kept
    lengths = {n: len(frames) / len(learn.corpus.source[n]) for n, frames in by_pair.items()}
    assert all(0.88 < share < 1.14 for share in lengths.values())
    assert any(one != other for one, other in pairwise(sorted(lengths.values())))


def test_the_pairs_of_a_run_are_known_by_what_their_files_hold(folder: Path) -> None:
    before = divided(folder, config())[0].corpus.texts
    other = folder / "moved"
    other.mkdir()
    for name in ("train.jsonl", "train.npz"):
        (folder / name).rename(other / name)
    assert divided(other, config())[0].corpus.texts == before
    with np.load(other / "train.npz") as arrays:
        np.savez(other / "train.npz", **{name: 2 * array for name, array in arrays.items()})
    assert divided(other, config())[0].corpus.texts != before
