"""The compiled library: how it is built, found, refused, and what is said about it."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from regard.cli.doctor import findings
from regard.kernels import additive_blocks as blocks
from regard.kernels import additive_native as native
from regard.kernels import library as room
from regard.kernels.additive import additive_scores
from regard.kernels.library import LIBRARY, SOURCES, SWITCH, kernels
from regard.kernels.structs import RECORDS, expected_layout

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler")
PEAK = """
import sys
from pathlib import Path
import torch
from regard.kernels.additive import additive_scores
torch.set_num_threads(1)
query, keys = (torch.randn(1, 700, 256, requires_grad=True) for _ in range(2))
def run(rows):
    additive_scores(query[:, :rows], keys[:, :rows], torch.ones(256)).sum().backward()
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
run(2)
Path("/proc/self/clear_refs").write_text("5")
before = peak()
run(700)
print(peak() - before)
"""


@pytest.fixture(autouse=True)
def _looked_for_again() -> Iterator[None]:
    kernels.cache_clear()
    yield
    kernels.cache_clear()


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    specification = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with the source and no library."""
    shutil.copytree(SOURCES, tmp_path / SOURCES.relative_to(ROOT))
    return tmp_path


def libraries(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in root.rglob("*.so"))


NEWEST = kernels().fast


@needs_compiler
def test_what_is_built_is_what_is_loaded(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hook.SWITCH, "require")
    before = sorted(tree.rglob("*"))
    made = hook.build(tree)
    assert made == tree / LIBRARY.relative_to(ROOT)
    assert sorted(tree.rglob("*")) == sorted([*before, made])
    monkeypatch.setattr(room, "LIBRARY", made)
    assert kernels().library is not None
    query, keys, vector = torch.randn(2, 3, 5), torch.randn(2, 7, 5), torch.randn(5)
    torch.testing.assert_close(native.forward(query, keys, vector), blocks.forward(query, keys, vector))


@pytest.mark.parametrize("compiler", ["/nowhere/cc", "false"])
def test_a_compiler_that_fails_costs_only_speed(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.delenv(hook.SWITCH, raising=False)
    assert hook.build(tree) is None
    assert "were not compiled, PyTorch will compute" in capsys.readouterr().err
    monkeypatch.setenv(hook.SWITCH, "require")
    with pytest.raises(RuntimeError, match="REGARD_BUILD_KERNELS is require, and the kernels do not compile"):
        hook.build(tree)


def test_no_compiler_on_the_path(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tree))
    assert hook.build(tree) is None


def test_building_can_be_switched_off_and_leaves_no_old_library(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / LIBRARY.relative_to(ROOT)).write_text("old")
    monkeypatch.setenv(hook.SWITCH, "off")
    assert hook.build(tree) is None
    assert not libraries(tree)


def test_without_a_library_pytorch_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(room, "LIBRARY", tmp_path / "missing.so")
    assert kernels().library is None
    assert kernels().reason == "PyTorch: nothing was compiled when Regard was installed"
    assert "C compiler" in kernels().advice
    assert additive_scores(torch.ones(1, 2, 3), torch.ones(1, 5, 3), torch.ones(3)).shape == (1, 2, 5)


def test_a_library_for_another_machine_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    (tmp_path / "other.so").write_bytes(b"\x7fELF" + bytes(60))
    monkeypatch.setattr(room, "LIBRARY", tmp_path / "other.so")
    assert "does not load here" in kernels().reason


def test_a_library_of_another_source_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if kernels().library is None:
        pytest.skip(kernels().reason)
    kernels.cache_clear()
    changed = tmp_path / "c"
    shutil.copytree(SOURCES, changed)
    (changed / "simd.h").write_text((SOURCES / "simd.h").read_text() + "/* changed */")
    monkeypatch.setattr(room, "SOURCES", changed)
    assert kernels().reason == "PyTorch: the compiled library is not that of these sources"


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_is_laid_out_otherwise_keeps_the_library_out(
    record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if kernels().library is None:
        pytest.skip(kernels().reason)
    assert room.layout(kernels().library) == expected_layout()
    kernels.cache_clear()
    other = expected_layout()
    whole, first, *others = other[record]
    other[record] = (whole, (first[0], first[1], first[2] + 4), *others)
    monkeypatch.setattr(room, "expected_layout", lambda: other)
    assert kernels().library is None
    assert (
        f"the compiled library and Python disagree: {record}.{first[0]} is {first[2] + 4} bytes at 0 here"
        in kernels().reason
    )
    other[record] = (whole, first, *others, ("more", whole[2], 8))
    kernels.cache_clear()
    assert f"{record} has {len(others) + 2} fields here, and {len(others) + 1} there" in kernels().reason


@pytest.mark.parametrize(
    ("wish", "fine"), [("off", True), ("torch", True), ("plain", True), ("avx2", True), ("fast", False)]
)
def test_doctor_says_which_kernels_and_why(wish: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, wish)
    (found,) = [one for one in findings() if one.about == "compiled code"]
    assert found.is_so == kernels().reason
    if wish in ("off", "torch"):
        assert found.is_so == f"PyTorch: REGARD_KERNELS is {wish}"
    assert kernels().off == (wish == "off")
    if LIBRARY.exists():
        assert ("AVX-512" in found.is_so) == (wish == "fast" and NEWEST == 2)
        assert found.fine == fine
        assert ("REGARD_KERNELS is 'fast'; expected off, torch, plain or avx2." in found.advice) == (not fine)


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["", "off"])
def test_memory_is_linear(wish: str) -> None:
    """700 × 700 × 256 numbers would be 500 MB each time they are held."""
    environment = os.environ | {SWITCH: wish}
    said = subprocess.run([sys.executable, "-c", PEAK], env=environment, capture_output=True, text=True, check=True)
    assert int(said.stdout) < 50
