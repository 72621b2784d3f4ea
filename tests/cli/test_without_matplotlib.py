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
import importlib, pathlib, regard
from regard.errors import RegardError
root, needing = pathlib.Path(regard.__file__).parents[1], []
for path in sorted((root / "regard").rglob("[!_]*.py")):
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    try:
        importlib.import_module(name)
    except RegardError:
        needing.append(name)
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
    for name in ("alignment.png", "by-length.png")[: 1 + len(options)]:
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
