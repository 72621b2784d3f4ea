"""A wheel holds what its commands need, away from the checkout: the recipes by name, the font, the page's parts."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def data_files(room: Path) -> set[str]:
    """All that is no Python and no C, below `room`'s parent; the kernels are made where the wheel is."""
    files = (path.relative_to(room.parent).as_posix() for path in room.rglob("*") if path.is_file())
    return {name for name in files if not name.endswith((".py", ".pyc", ".c", ".h", ".so"))}


@pytest.mark.slow
def test_the_wheel_holds_all_that_is_read(tmp_path: Path) -> None:
    tree, made, unpacked = tmp_path / "tree", tmp_path / "wheel", tmp_path / "unpacked"
    # A copy, since building removes and makes the kernels that other tests use.
    shutil.copytree(ROOT / "regard", tree / "regard", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), str(tree)]
    built = subprocess.run(
        pip, env=os.environ | {"REGARD_BUILD_KERNELS": "off"}, capture_output=True, text=True, check=False
    )
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("hatchling, which builds wheels, cannot be fetched here")
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(made.glob("*.whl"))) as wheel:
        wheel.extractall(unpacked)
    assert data_files(unpacked / "regard") == data_files(ROOT / "regard")
    assert (unpacked / "regard" / "py.typed").is_file()  # its annotations count for who imports it
    recipes = sorted(path.stem for path in (ROOT / "regard" / "recipes").glob("*.yaml"))
    run = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(unpacked)}, "capture_output": True, "text": True}
    listed = subprocess.run([sys.executable, "-m", "regard", "recipes"], check=True, **run)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == recipes
    where = "import regard, regard.config.recipes as r; print(regard.__file__); r.find('cmudict').read_text()"
    found = subprocess.run([sys.executable, "-c", where], check=True, **run)
    assert found.stdout.startswith(str(unpacked))
