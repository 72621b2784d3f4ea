"""A run directory that is not what `train` wrote: exit 4 and one sentence, whichever file is hurt and wherever."""

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import pairs, recipe, regard

from regard.config import dump
from regard.training.tensorfile import write
from regard.training.weights import load_weights

FILES = ["config.yaml", "tokenizer.source.json", "tokenizer.target.json", "model.safetensors"]


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of the run to do harm to."""
    return Path(shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns("cache", "checkpoints")))


def refused(path: Path) -> str:
    """The one sentence with which a command refuses the run."""
    result = regard("translate", path, stdin="the dog\n")
    assert (result.code, result.out) == (4, "")
    assert result.err.count("\n") == 1
    assert str(path) in result.err
    return result.err


def test_a_copy_is_as_good_as_the_run(run: Path, copied: Path) -> None:
    assert regard("translate", copied, stdin="the dog\n").out == regard("translate", run, stdin="the dog\n").out


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte(copied: Path, name: str, share: float) -> None:
    content = bytearray((copied / name).read_bytes())
    content[int(share * len(content))] ^= 0x21
    (copied / name).write_bytes(bytes(content))
    refused(copied)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.999])
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short(copied: Path, name: str, share: float) -> None:
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: int(share * len(content))])
    refused(copied)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing(copied: Path, name: str) -> None:
    (copied / name).unlink()
    refused(copied)


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    assert "is not a directory" in refused(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty")


def _newer_config(run: Path) -> None:
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + "serving: {}\n")


def _newer_tokenizer(run: Path) -> None:
    path = run / "tokenizer.target.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))


def _newer_file(run: Path) -> None:
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"version":"1"', b'"version":"2"'))


def _newer_model(run: Path) -> None:
    weights = load_weights(run / "model.safetensors")
    write(run / "model.safetensors", weights.tensors, {**weights.metadata, "format": 2})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_newer_config, "It may be damaged, newer, or need a package that is not installed here"),
        (_newer_tokenizer, "is from another version of Regard; this one reads version 1"),
        (_newer_file, "Install a newer Regard"),
        (_newer_model, "is from a newer version of Regard"),
    ],
)
def test_a_run_from_a_newer_version(copied: Path, make: Callable[[Path], None], message: str) -> None:
    make(copied)
    assert message in refused(copied)


def test_weights_of_another_model(copied: Path) -> None:
    weights = load_weights(copied / "model.safetensors")
    name, tensor = next(iter(weights.tensors.items()))
    write(copied / "model.safetensors", {**weights.tensors, name: tensor.unsqueeze(0)}, weights.metadata)
    assert f"model.safetensors: these weights belong to another model: {name} has shape" in refused(copied)


@pytest.mark.parametrize("name", [*FILES, "checkpoints", ".lock", "metrics.jsonl", "card.md", "shortlist.safetensors"])
def test_a_link_out_of_the_run(copied: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    if (copied / name).exists():
        (copied / name).rename(outside)
    (copied / name).symlink_to(outside)
    assert f"{name} is a link out of the run; expected a file of its own. Put a copy there." in refused(copied)


@pytest.mark.parametrize("name", [*FILES, ".lock"])
def test_a_pipe_in_the_run(copied: Path, name: str) -> None:
    (copied / name).unlink(missing_ok=True)
    os.mkfifo(copied / name)
    assert f"{name} is no file, as it should be. Restore the run" in refused(copied)


@pytest.mark.parametrize("name", ["card.md", "checkpoints/last.safetensors"])
def test_a_folder_for_a_file(copied: Path, name: str) -> None:
    (copied / name).unlink(missing_ok=True)
    (copied / name).mkdir(parents=True)
    assert f"{name} is no file, as it should be" in refused(copied)


def test_a_file_for_a_folder(copied: Path) -> None:
    (copied / "checkpoints").touch()
    assert "checkpoints is no folder, as it should be" in refused(copied)


def test_a_link_within_the_run_and_to_it(copied: Path, tmp_path: Path) -> None:
    (copied / "model.safetensors").rename(copied / "weights")
    (copied / "model.safetensors").symlink_to("weights")
    (tmp_path / "link").symlink_to(copied)
    assert regard("translate", tmp_path / "link", stdin="the dog\n").code == 0


def test_training_writes_through_no_link(tmp_path: Path) -> None:
    """A directory that somebody has prepared leads to no file outside it."""
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out" / ".lock").symlink_to(tmp_path / "precious")
    (tmp_path / "recipe.yaml").write_text("name: x")
    (tmp_path / "pairs.tsv").write_text("a\tb\n" * 9)
    result = regard("train", tmp_path / "recipe.yaml", tmp_path / "pairs.tsv", "--out", tmp_path / "out", "--quiet")
    assert (result.code, (tmp_path / "precious").read_text()) == (4, "precious")
    assert ".lock is a link out of the run" in result.err


@pytest.mark.parametrize("command", ["score", "evaluate", "align", "view"])
def test_every_command_refuses_alike(copied: Path, files: Path, command: str) -> None:
    (copied / "model.safetensors").unlink()
    result = regard(command, copied, *(["the dog"] if command == "view" else [files / "test.tsv"]))
    assert result.code == 4
    assert "holds no model.safetensors yet" in result.err


@pytest.fixture
def small(tmp_path: Path) -> list[object]:
    """What trains a small run, and trains it on."""
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target, _ in pairs(29)))
    side = {"tokenizer": "bpe", "vocab_size": 300}
    config = recipe(data={"source": side, "target": side}, training={"max_steps": 2})
    (tmp_path / "recipe.yaml").write_text(dump(config))
    given = ["train", tmp_path / "recipe.yaml", tmp_path / "pairs.tsv", "--out", tmp_path / "out"]
    assert regard(*given).code == 0
    return [*given, "--resume", "--set", "training.max_steps=5"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_damaged_checkpoint_is_not_resumed(small: list[object], tmp_path: Path, share: float) -> None:
    path = tmp_path / "out" / "checkpoints" / "last.safetensors"
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 0x40
    path.write_bytes(bytes(content))
    result = regard(*small, "--quiet")
    assert result.code == 4
    assert result.err.count("\n") == 1
    assert "last.safetensors is not a whole file of Regard" in result.err


def test_a_full_disk_leaves_the_previous_checkpoint(small: list[object], tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = {path: path.read_bytes() for path in [*out.glob("checkpoints/*"), out / "model.safetensors"]}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        result = regard(*small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.code == 1
    assert "cannot be written (File too large); the earlier file is intact. Make room" in result.err
    assert {path: path.read_bytes() for path in before} == before
    assert not [path for path in out.rglob("*") if path.name.endswith((".partial", ".tmp"))]
    assert regard(*small).code == 0
    assert regard("translate", out, stdin="the dog\n").code == 0
