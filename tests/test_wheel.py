"""A wheel holds what its commands need: the recipes, by name, away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_recipes_are_in_the_wheel(tmp_path: Path) -> None:
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
    recipes = sorted(path.stem for path in (ROOT / "regard" / "recipes").glob("*.yaml"))
    run = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(unpacked)}, "capture_output": True, "text": True}
    listed = subprocess.run([sys.executable, "-m", "regard", "recipes"], check=True, **run)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == recipes
    where = "import regard, regard.config.recipes as r; print(regard.__file__); r.find('cmudict').read_text()"
    found = subprocess.run([sys.executable, "-c", where], check=True, **run)
    assert found.stdout.startswith(str(unpacked))
