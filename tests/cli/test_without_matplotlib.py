"""What a plain installation can do: everything but pictures."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = "import sys; sys.modules['matplotlib'] = None; "


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKED + code, *arguments], capture_output=True, text=True)


def test_only_pictures_need_matplotlib() -> None:
    code = """
import importlib, pkgutil, regard
from regard.errors import RegardError
needing = []
for module in pkgutil.walk_packages(regard.__path__, "regard."):
    try:
        module.name == "regard.__main__" or importlib.import_module(module.name)
    except RegardError:
        needing.append(module.name)
print(*needing)
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert all(name.startswith("regard.views.") for name in done.stdout.split()), done.stdout
    assert "regard.views.figure" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--compare"]])
def test_the_demo_ends_well_and_says_how_to_get_pictures(tmp_path: Path, options: list[str]) -> None:
    out = tmp_path / "demo"
    out.mkdir()
    for name in ("alignment.png", "by-length.png"):
        (out / name).write_bytes(b"of an earlier demo")
    (out / "corpus").mkdir()
    (out / "corpus" / "train.tsv").touch()
    command = ["demo", "--small", "--threads", "1", "--out", str(out), *options]
    done = python("from regard.cli import main; main()", *command)
    assert done.returncode == 0, done.stderr
    assert (out / "alignment.html").is_file()
    assert "alignment error" in done.stdout
    assert done.stdout.count("pip install 'regard[plot]'") == 1
    assert "best validation" in done.stderr
    assert sorted(path.name for path in out.glob("*.png")) == []
    assert not options or (out / "by-length.json").is_file()
