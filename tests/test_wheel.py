"""A wheel holds what its commands need, away from the checkout: the recipes by name, the font, the page's parts."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def data_files(room: Path) -> set[str]:
    """All that is no Python and no C, below `room`'s parent; the kernels are made where the wheel is."""
    files = (path.relative_to(room.parent).as_posix() for path in room.rglob("*") if path.is_file())
    return {name for name in files if not name.endswith((".py", ".pyc", ".c", ".h", ".so"))}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel holds that is made from the sdist that is made from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt")]
    fetched = subprocess.run([*pip, "--target", str(place / "tools"), "hatchling"], capture_output=True, check=False)
    if fetched.returncode:
        pytest.skip("hatchling, which builds wheels, cannot be fetched here")
    environment = os.environ | {"REGARD_BUILD_KERNELS": "off", "PYTHONPATH": str(place / "tools")}

    def build(tree: Path, kind: str) -> Path:
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(place / kind)]
        subprocess.run(command, cwd=tree, env=environment, check=True, capture_output=True)
        return next((place / kind).iterdir())

    # A copy, since building removes and makes the kernels that other tests use.
    tree = place / "tree"
    shutil.copytree(ROOT / "regard", tree / "regard", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(ROOT / "recipes", tree, follow_symlinks=False)
    for name in (".gitignore", *pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]):
        if name != "regard":
            shutil.copy(ROOT / name, tree)
    shutil.copy(ROOT / "pyproject.toml", tree)
    with tarfile.open(build(tree, "sdist")) as sdist:
        sdist.extractall(place / "source", filter="data")
    with zipfile.ZipFile(build(next((place / "source").iterdir()), "wheel")) as wheel:
        wheel.extractall(place / "unpacked")
    return place / "unpacked"


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_wheel_holds_all_that_is_read(unpacked: Path) -> None:
    assert data_files(unpacked / "regard") == data_files(ROOT / "regard")
    assert (unpacked / "regard" / "py.typed").is_file()  # its annotations count for who imports it


@pytest.mark.slow
def test_its_recipes_are_found_by_name(unpacked: Path, tmp_path: Path) -> None:
    recipes = sorted(path.stem for path in (ROOT / "regard" / "recipes").glob("*.yaml"))
    run = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(unpacked)}, "capture_output": True, "text": True}
    listed = subprocess.run([sys.executable, "-m", "regard", "recipes"], check=True, **run)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == recipes
    where = "import regard, regard.config.recipes as r; print(regard.__file__); r.find('cmudict').read_text()"
    found = subprocess.run([sys.executable, "-c", where], check=True, **run)
    assert found.stdout.startswith(str(unpacked))
