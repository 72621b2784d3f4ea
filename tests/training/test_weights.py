import json
import os
import random
import resource
import struct
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_run import make_model
from torch import nn

from regard import files
from regard.errors import CheckpointError, RegardError
from regard.training import tensorfile
from regard.training.weights import apply, load_weights, save_weights

NOT_WHOLE = "is not a whole file of Regard. Copy it again, or take an earlier checkpoint"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(tmp_path / "model.safetensors", make_model(), {"name": "汤姆", "sizes": [3, 5]})
    return tmp_path / "model.safetensors"


def test_weights_come_back(path: Path) -> None:
    model = make_model()
    save_weights(path, model, {"a": 1.5})
    weights = load_weights(path)
    assert weights.metadata == {"a": 1.5}
    other = make_model()
    apply(other, weights.tensors)
    for one, two in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert other.decoder.tokens.output.weight is other.decoder.tokens.embedding.weight


def test_a_tied_weight_is_kept_once(path: Path) -> None:
    assert len(load_weights(path).tensors) == len(list(make_model().parameters()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (2, 0, 3)])
def test_other_readers_of_safetensors_read_it(tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensors = {"a": torch.ones(3), "b": torch.ones(shape).to(dtype), "c": torch.arange(6.0).view(2, 3).T}
    tensorfile.write(tmp_path / "x", tensors, {})
    for loaded in (load_file(tmp_path / "x"), tensorfile.read(tmp_path / "x").tensors):
        assert loaded.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(loaded[name], tensor)
            assert loaded[name].dtype == tensor.dtype


def test_a_flipped_byte_anywhere_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    drawn = random.Random(1)
    offsets = {*range(0, 300, 3), *drawn.sample(range(len(whole)), 200), len(whole) - 1}
    for offset in offsets:
        flipped = bytearray(whole)
        flipped[offset] ^= 1 << drawn.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match=r"not a whole file|has format \d+; this Regard reads up to 1"):
            load_weights(path)


def test_a_file_cut_short_or_too_long_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for length in [*range(0, len(whole), len(whole) // 53), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=NOT_WHOLE):
            load_weights(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError, match=NOT_WHOLE):
        load_weights(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 a zip of a pickle",
        b"\xff" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 60) + json.dumps({"__metadata__": {"version": "one", "digest": "0"}}).encode().ljust(60),
    ],
)
def test_garbage_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=NOT_WHOLE):
        load_weights(path)


def test_a_file_of_another_size_is_refused_before_it_is_read(path: Path) -> None:
    os.truncate(path, 2**40)
    start = time.process_time()
    with pytest.raises(CheckpointError, match=NOT_WHOLE):
        load_weights(path)
    assert time.process_time() - start < 1
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match=NOT_WHOLE):
        load_weights(path)


def test_a_name_that_is_no_utf_8(path: Path) -> None:
    other = path.with_name(os.fsdecode(b"\xff\xfe"))
    path.rename(other)
    assert load_weights(other).metadata == {"name": "汤姆", "sizes": [3, 5]}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"x does not exist. Check the path, or train the model first"):
        load_weights(tmp_path / "x")
    with pytest.raises(CheckpointError, match=NOT_WHOLE):
        load_weights(tmp_path)


def test_a_newer_format_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tensorfile, "VERSION", 7)
        save_weights(path, make_model(), {})
    with pytest.raises(CheckpointError, match=r"has format 7; this Regard reads up to 1. Install a newer Regard"):
        load_weights(path)


def test_finite_numbers_may_have_any_sum(path: Path) -> None:
    model = nn.Linear(3, 2)
    nn.init.constant_(model.weight, torch.finfo(torch.float32).max)
    save_weights(path, model, {})
    assert torch.equal(load_weights(path).tensors["weight"], model.weight)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_neither_written_nor_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    before = path.read_bytes()
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight[1, 1] = value
    with pytest.raises(RegardError, match=r"was not written: weight is not finite. Lower the learning rate"):
        save_weights(path, model, {})
    assert path.read_bytes() == before
    with monkeypatch.context() as patch:
        patch.setattr(tensorfile, "_finite", lambda tensor: True)
        save_weights(path, model, {})
    with pytest.raises(CheckpointError, match=r"weight is not finite. Take an earlier checkpoint"):
        load_weights(path)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.zeros(2, 3)}, "another model: bias is missing. Use the config"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "x": torch.zeros(1)}, "another model: x is unknown"),
        ({"weight": torch.zeros(2, 5), "bias": torch.zeros(2)}, r"weight has shape \(2, 5\); expected \(2, 3\)"),
        ({"weight": torch.zeros(2, 3), "gain": torch.zeros(2)}, "bias is missing and gain is unknown"),
        ({"weight": torch.zeros(2, 3).long(), "bias": torch.zeros(2)}, "weight is int64; expected float32. Use the"),
    ],
)
def test_weights_of_another_model_are_refused(tensors: dict[str, torch.Tensor], message: str) -> None:
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    with pytest.raises(CheckpointError, match=message):
        apply(model, tensors)
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_weights(tmp_path / "x", nn.Linear(3, 2), {})
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == mode


def test_a_symbolic_link_stays(path: Path) -> None:
    link = path.parent / "link"
    link.symlink_to(path)
    save_weights(link, make_model(), {"new": True})
    assert link.is_symlink()
    assert load_weights(path).metadata == {"new": True}


@pytest.mark.parametrize("room", [0, 1, 100, 2000, 4095])
def test_a_full_disk_leaves_the_earlier_file(path: Path, room: int) -> None:
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(
            RegardError, match=r"model.safetensors cannot be written \(.*\); the earlier file is intact"
        ):
            save_weights(path, make_model(), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_directory_that_cannot_be_written_is_named() -> None:
    with pytest.raises(RegardError, match=r"/proc/x cannot be written \(.*\); nothing was left behind. Make room or"):
        save_weights(Path("/proc/x"), nn.Linear(3, 2), {})


def test_sweep_removes_only_leftovers(path: Path) -> None:
    (path.parent / f".model.safetensors.1{files.PARTIAL}").touch()
    files.sweep(path.parent)
    assert list(path.parent.iterdir()) == [path]


def test_sixty_megabytes_load_in_a_second(tmp_path: Path) -> None:
    model = nn.Linear(4000, 3750)
    save_weights(tmp_path / "x", model, {})
    start = time.process_time()
    apply(model, load_weights(tmp_path / "x").tensors)
    assert time.process_time() - start < 1
