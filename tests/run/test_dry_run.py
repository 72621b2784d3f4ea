"""What a dry run says is what fit does, and nothing of it stays."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from regard.config import Config, parse
from regard.data.readers import PairFiles
from regard.errors import DataError, UsageError
from regard.run import dry_run as trying
from regard.run.dry_run import DryRun, dry_run
from regard.run.fit import fit

SMALL = {
    "data": {
        "source": {"tokenizer": "symbols"},
        "target": {"tokenizer": "characters", "vocab_size": 900},
        "batch_size": 40,
        "max_length": 9,
    },
    "model": {"embedding_size": 5, "encoder": {"hidden_size": 7}, "decoder": {"kind": "luong", "hidden_size": 11}},
    "training": {"max_epochs": 3, "accumulate": 2, "validate_every": 4, "validate_pairs": 5, "metric": "bleu_char"},
}
NUMBERS = ["one", "two two", "three three three", "four four four four", "a b c d e f g h i j k"]


def config(**training: object) -> Config:
    return parse(SMALL | {"training": SMALL["training"] | training}, "test")


@pytest.fixture(scope="module", autouse=True)
def few_updates() -> Iterator[None]:
    """Three measured updates are enough to test with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trying, "MOST_UPDATES", 3)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.tsv: 100 pairs and an empty line, a fifth of the pairs too long; dev.tsv: with a symbol and a letter
    that training does not have."""
    place = tmp_path_factory.mktemp("pairs")
    texts = [f"{text}\t{text.replace(' ', '')[:9]}\n" for text in NUMBERS * 20]
    (place / "train.tsv").write_text("".join(texts) + "\t\n")
    (place / "dev.tsv").write_text("one two\tonetwo\nfour nine\tfourñ\n")
    return place


def pairs(path: Path) -> PairFiles:
    return PairFiles((str(path),))


@pytest.fixture(scope="module")
def found(place: Path) -> DryRun:
    return dry_run(config(), pairs(place / "train.tsv"), pairs(place / "dev.tsv"), place / "out")


def test_counts_and_lengths_are_those_of_the_pairs(found: DryRun) -> None:
    assert (found.learn, found.held) == (80, 2)
    assert str(found.report) == "100 pairs; left out: 1 empty, 20 too long"
    lengths = [len(text.split()) for text in NUMBERS[:4]] * 20
    assert (found.source.mean, found.source.longest) == (np.mean(lengths), 4)
    assert found.source.percentiles[1:] == (4, 4)
    assert found.source.percentiles[0] in (2, 3)


def test_what_training_never_saw_is_unknown(found: DryRun) -> None:
    assert found.source.unknown == 1 / 4  # nine
    assert found.target.unknown == 2 / 12  # ñ is two bytes


def test_the_run_is_the_one_that_fit_makes(found: DryRun, place: Path, tmp_path: Path) -> None:
    told: list[str] = []
    steps: list[int] = []
    progress = fit(
        config(),
        pairs(place / "train.tsv"),
        pairs(place / "dev.tsv"),
        tmp_path / "run",
        tell=told.append,
        listeners=[lambda event: steps.append(event.step) if hasattr(event, "scores") else None],
    )
    assert told[1].startswith(f"{found.parameters:,} parameters")
    assert found.total_updates == 3 * found.updates
    assert abs(progress.step - found.total_updates) <= 3  # later epochs may have a batch more or less
    assert abs(len(steps) - found.validations) <= 1
    assert found.updates == -(-found.batches // 2)


def test_padding_is_what_the_batches_hold(found: DryRun, place: Path, tmp_path: Path) -> None:
    from regard.run.directory import Run
    from regard.run.subsets import split

    fit(config(max_steps=1), pairs(place / "train.tsv"), pairs(place / "dev.tsv"), tmp_path / "run")
    run = Run(tmp_path / "run")
    learn, _ = split(run.config, pairs(place / "train.tsv"), None, *run.sides, tmp_path / "run" / "cache")
    learn = type(learn)(learn.corpus, None, learn.data)
    masks = [mask for batch in learn.batches(1, 0) for mask in (batch.source_mask, batch.target_mask)]
    real, positions = sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks)
    assert found.padding == pytest.approx(1 - real / positions)


def test_time_and_memory_are_measured(found: DryRun) -> None:
    assert 0 < found.training_seconds < 600
    assert 0 < found.validation_seconds < 600
    assert found.tokens_per_second > 0
    assert 50 < found.megabytes < 20_000


def test_nothing_stays_and_a_limit_of_time_is_the_most_it_takes(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(os.listdir(place))
    found = dry_run(config(max_minutes=1e-6, metric="loss"), pairs(place / "train.tsv"), None, place / "out")
    assert found.training_seconds + found.validation_seconds == pytest.approx(60e-6)
    with pytest.raises(DataError):
        dry_run(config(), pairs(place / "missing.tsv"), None, place / "out")
    assert sorted(os.listdir(place)) == before
    assert os.listdir(tmp_path) == []


def test_a_run_that_is_there_is_refused_as_by_fit(place: Path, tmp_path: Path) -> None:
    fit(config(max_steps=1), pairs(place / "train.tsv"), None, tmp_path / "run")
    with pytest.raises(UsageError, match="holds a run already"):
        dry_run(config(), pairs(place / "train.tsv"), None, tmp_path / "run")
