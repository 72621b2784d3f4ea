"""The notebook of docs/ runs from its first cell to its last, here on fewer pairs and for fewer epochs."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first-hour.ipynb"
SHORTER = {"corpus.train[:3000]": "corpus.train[:300]", '"training.max_epochs": 5': '"training.max_epochs": 1'}


@pytest.mark.slow
def test_every_cell_runs(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(sum(long in "".join(cell["source"]) for cell in code) == 1 for long in SHORTER)
    names: dict = {}
    for cell in code:
        assert cell["outputs"] == [], "kept without outputs: they would grow old"
        source = "".join(cell["source"])
        for long, short in SHORTER.items():
            source = source.replace(long, short)
        exec(compile(source, cell["id"], "exec"), names)
    assert names["evaluation"].segments == len(names["evaluation"].outputs) == 40
    assert "Tom" in capsys.readouterr().out
