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

from regard.attention.kernels import blocks, native, products
from regard.attention.kernels.additive import additive_scores
from regard.attention.kernels.library import SWITCH
from regard.cli.health import findings
from regard.output import argmax, best, listed, softmax
from regard.search import unattended
from regard.unroll import native as loops
from regard.unroll import reads, steps

ROOT = Path(__file__).parents[2]
PARTS = (native, products, loops, reads, steps, argmax, best, listed, softmax, unattended)
HEADERS = sorted({header for part in PARTS for header in part.SOURCE.parent.glob("*.h")})
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler")
PEAK = """
import sys
from pathlib import Path
import torch
from regard.attention.kernels.additive import additive_scores
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
    for each in PARTS:
        each.kernels.cache_clear()
    yield
    for each in PARTS:
        each.kernels.cache_clear()


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
    for source in (*(part.SOURCE for part in PARTS), *HEADERS):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    return tmp_path


def libraries(root: Path) -> list[Path]:
    return sorted(path.relative_to(root) for path in root.rglob("*.so"))


NEWEST = native.kernels().fast


@needs_compiler
def test_what_is_built_is_what_is_loaded(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hook.SWITCH, "require")
    before = sorted(tree.rglob("*"))
    made = hook.build(tree)
    assert made == [tree / each.LIBRARY.relative_to(ROOT) for each in PARTS]
    assert sorted(tree.rglob("*")) == sorted([*before, *made])
    library = made[0]
    monkeypatch.setattr(native, "LIBRARY", library)
    assert native.kernels().library is not None
    query, keys, vector = torch.randn(2, 3, 5), torch.randn(2, 7, 5), torch.randn(5)
    torch.testing.assert_close(native.forward(query, keys, vector), blocks.forward(query, keys, vector))


@pytest.mark.parametrize("compiler", ["/nowhere/cc", "false"])
def test_a_compiler_that_fails_costs_only_speed(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compiler: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.delenv(hook.SWITCH, raising=False)
    assert hook.build(tree) == []
    assert "were not compiled, PyTorch will compute" in capsys.readouterr().err
    monkeypatch.setenv(hook.SWITCH, "require")
    with pytest.raises(RuntimeError, match="REGARD_BUILD_KERNELS is require, and the kernels do not compile"):
        hook.build(tree)


def test_no_compiler_on_the_path(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tree))
    assert hook.build(tree) == []


def test_building_can_be_switched_off_and_leaves_no_old_library(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / native.LIBRARY.relative_to(ROOT)).write_text("old")
    monkeypatch.setenv(hook.SWITCH, "off")
    assert hook.build(tree) == []
    assert not libraries(tree)


def test_without_a_library_pytorch_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "missing.so")
    assert native.kernels().library is None
    assert native.kernels().reason == "PyTorch: nothing was compiled when Regard was installed"
    assert "C compiler" in native.kernels().advice
    assert additive_scores(torch.ones(1, 2, 3), torch.ones(1, 5, 3), torch.ones(3)).shape == (1, 2, 5)


def test_a_library_for_another_machine_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    (tmp_path / "other.so").write_bytes(b"\x7fELF" + bytes(60))
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "other.so")
    assert "does not load here" in native.kernels().reason


def test_a_library_of_another_source_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if native.kernels().library is None:
        pytest.skip(native.kernels().reason)
    native.kernels.cache_clear()
    changed = tmp_path / native.SOURCE.name
    changed.write_text(native.SOURCE.read_text() + "/* changed */")
    monkeypatch.setattr(native, "SOURCE", changed)
    assert native.kernels().reason == "PyTorch: the compiled library is not that of this additive.c"


@pytest.mark.parametrize(("wish", "fine"), [("off", True), ("plain", True), ("avx2", True), ("fast", False)])
def test_doctor_says_which_kernels_and_why(wish: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, wish)
    told = {one.about: one for one in findings() if one.about.endswith(" kernels")}
    names = ("attention", "loop", "loss", "gradient", "reading", "step", "search", "greedy", "shortlist", "beam")
    assert list(told) == [f"{name} kernels" for name in names]
    assert {one.is_so for one in told.values()} == {part.kernels().reason for part in PARTS}
    found = told["attention kernels"]
    if wish == "off":
        assert found.is_so == "PyTorch: REGARD_KERNELS is off"
    if native.LIBRARY.exists():
        assert ("AVX-512" in found.is_so) == (wish == "fast" and NEWEST == 2)
        assert found.fine == fine
        assert ("REGARD_KERNELS is 'fast'; expected off, plain or avx2." in found.advice) == (not fine)


@pytest.mark.slow
@pytest.mark.parametrize("wish", ["", "off"])
def test_memory_is_linear(wish: str) -> None:
    """700 × 700 × 256 numbers would be 500 MB each time they are held."""
    environment = os.environ | {SWITCH: wish}
    said = subprocess.run([sys.executable, "-c", PEAK], env=environment, capture_output=True, text=True, check=True)
    assert int(said.stdout) < 50
