"""The demo, small: everything that it promises to write is there and whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import regard


def demo(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regard", "demo", "--small", "--quiet", "--threads", "1", "--out", str(out)]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_demo_trains_translates_and_shows(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out)
    assert done.returncode == 0, done.stderr
    assert "Tom" in done.stdout
    assert "alignment error" in done.stdout
    for split in ("ordinary", "combinations", "long"):
        assert split in done.stdout
    assert f"regard train {out}/model/config.yaml YOUR.src YOUR.tgt" in done.stdout
    assert (out / "alignment.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "alignment.html").read_text(encoding="utf-8")
    assert all(f'"{word}"' in page for word in ("Tom", "chases", "Jerry"))
    assert "https://" not in page.replace("http://www.w3.org", "")
    assert regard.load(out / "model").translate(["The dog sleeps."])[0][0].source[0].text == "The"
    # A second demo in the same place replaces the first.
    assert demo(out).returncode == 0


@pytest.mark.slow
def test_compare_trains_all_four_under_one_budget(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out, "--compare")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("attention", "uniform", "fixed", "parameters", "peak memory"))
    assert (out / "by-length.png").read_bytes().startswith(b"\x89PNG")
    results = json.loads((out / "by-length.json").read_text(encoding="utf-8"))
    assert len(results) == 4
    assert all(result["peak_megabytes"] > 50 and result["bleu_by_length"] for result in results)


def test_demo_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 2
    assert "holds something else; expected a new directory or that of a demo" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert "Traceback" not in done.stderr
