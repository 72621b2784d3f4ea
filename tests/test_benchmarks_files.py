"""Who reads the definitions goes through few files."""

import subprocess
import sys
from pathlib import Path


def test_a_step_goes_through_few_files() -> None:
    script = Path(__file__).parents[1] / "benchmarks" / "files_of_a_step.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "greedy step, luong: 12 files" in done.stdout
