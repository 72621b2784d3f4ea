"""The notebook of docs/ runs from its first cell to its last."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first-hour.ipynb"


@pytest.mark.slow
def test_every_cell_runs(capsys: pytest.CaptureFixture[str]) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "kept without outputs: they would grow old"
            exec(compile(cell["source"], cell["id"], "exec"), names)
    assert names["evaluation"].segments == len(names["evaluation"].outputs) == 40
    assert "Tom" in capsys.readouterr().out
