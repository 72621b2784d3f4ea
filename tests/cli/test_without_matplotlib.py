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
def test_the_demo_ends_well_and_says_how_to_get_pictures(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    (out / "corpus").mkdir(parents=True)
    (out / "corpus" / "train.tsv").touch()
    (out / "alignment.png").write_bytes(b"of an earlier demo")
    done = python("from regard.cli import main; main()", "demo", "--small", "--threads", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert (out / "alignment.html").is_file()
    assert "alignment error" in done.stdout
    assert done.stdout.count("pip install 'regard[plot]'") == 1
    assert "best validation" in done.stderr
    assert list(out.glob("*.png")) == []


def test_a_comparison_keeps_its_numbers_and_no_earlier_picture(tmp_path: Path) -> None:
    (tmp_path / "by-length.png").write_bytes(b"of an earlier demo")
    code = """
import pathlib, sys
from regard.cli.demo_compare import Trained, _report
_report([Trained("attention", 7, 11.0, 13.0, [])], pathlib.Path(sys.argv[1]))
"""
    done = python(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no by-length.png, the numbers are in by-length.json" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["by-length.json"]
