"""`regard export`: what it writes runs without PyTorch; what is missing is named."""

import subprocess
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from toy import regard

from regard.errors import UsageError
from regard.exporting.runtime import OnnxModel
from regard.run.directory import Run
from regard.search.options import SearchOptions


@pytest.fixture(autouse=True)
def _without_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a trace a size is a symbol, where annotations say int."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.slow
def test_the_command_writes_what_runs_without_torch(run: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "onnx", "the dog sees the old cat"
    made = regard("export", run, "--out", out)
    assert (made.code, made.out) == (0, ""), made.err
    assert f"{out} has the encoder and one step of the decoder" in made.err
    page = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
    code = page.split("```python\n")[1].split("```")[0].replace('"onnx"', repr(str(out)))
    code += "import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    written, log_prob, places, of_torch = done.stdout.splitlines()
    [[best]] = Run(run).load(SearchOptions(beam_size=1)).translate([text], units="tokens")
    assert (written, of_torch) == (best.target_text, "False")
    assert float(log_prob) == pytest.approx(best.score, abs=1e-4)
    assert places.split()[: len(best.weights)] == str(np.array(best.weights).argmax(1))[:-1].split()
    again = regard("export", run, "--out", out)
    assert again.code == 2
    assert f"{out} is there already. Choose another --out, or remove it." in again.err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    refused = regard("export", tmp_path, "--out", tmp_path / "onnx")
    assert refused.code == 2
    assert "ONNX needs onnxscript, which is not installed" in refused.err
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"pip install onnxruntime"):
        OnnxModel(tmp_path)
