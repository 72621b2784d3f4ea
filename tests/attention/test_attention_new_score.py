"""A score is one file and one line: added to a copy of Regard it is in the command line, the contracts and the docs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEFORE = '        "dot": "dot:DotScore",\n'
LINE = '        "euclidean": "euclidean:EuclideanScore",\n'
RECIPE = """
data: {source: {tokenizer: characters}, target: {tokenizer: characters}}
model: {embedding_size: 5, encoder: {hidden_size: 3}, decoder: {kind: bahdanau, hidden_size: 7}}
training: {max_steps: 2}
search: {max_extra: 3}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Regard, its tests of attention and its docs, with the file and the line more."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("regard", "docs", "tests/attention"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.move(copy / "tests/attention/euclidean.py", copy / "regard/attention/euclidean.py")
    table = copy / "regard/attention/table.py"
    text = table.read_text(encoding="utf-8")
    assert text.count(BEFORE) == 1
    table.write_text(text.replace(BEFORE, BEFORE + LINE), encoding="utf-8")
    (copy / "recipe.yaml").write_text(RECIPE)
    (copy / "pairs.tsv").write_text("".join(f"{'ab' * n}\t{'ba' * n}\n" for n in range(1, 60)))
    return copy


def run(copy: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, input=stdin, capture_output=True, text=True, check=False)


def test_it_is_the_copy_that_runs(copy: Path) -> None:
    assert Path(run(copy, "-c", "import regard; print(regard.__file__)").stdout).is_relative_to(copy)


@pytest.mark.slow
def test_the_command_line_trains_with_it_and_translates(copy: Path) -> None:
    given = ("-m", "regard", "train", "recipe.yaml", "pairs.tsv", "--out", "run", "--threads", "1")
    trained = run(copy, *given, "--set", "model.attention.score=euclidean")
    assert trained.returncode == 0, trained.stderr
    assert "score: euclidean" in (copy / "run/config.yaml").read_text()
    translated = run(copy, "-m", "regard", "translate", "run", "--align", stdin="abab\n")
    assert translated.returncode == 0, translated.stderr
    assert translated.stdout.count("\n") == 1


def test_a_slip_in_its_name_is_mended(copy: Path) -> None:
    given = ("-m", "regard", "train", "recipe.yaml", "pairs.tsv", "--out", "none")
    slip = run(copy, *given, "--set", "model.attention.score=euclidan")
    assert slip.returncode == 2
    assert re.search(
        r"'euclidan'; expected one of dot, euclidean, .*did you mean euclidean\?", " ".join(slip.stderr.split())
    )


def test_the_page_of_mechanisms_has_it(copy: Path) -> None:
    assert run(copy, "docs/generate.py").returncode == 0
    page = (copy / "docs/mechanisms.md").read_text(encoding="utf-8")
    assert "### euclidean\n" in page
    assert "[`attention/euclidean.py`](../regard/attention/euclidean.py)" in page
    assert "`score(q, k) = −\\|q − W k\\|²`" in page


@pytest.mark.slow
def test_the_contracts_hold_it(copy: Path) -> None:
    tests = [
        f"tests/attention/test_attention_{name}.py" for name in ("contract", "heads", "errors", "cost", "doctests")
    ]
    done = run(copy, "-m", "pytest", *tests, "-k", "euclidean or refus", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 200
