"""CTC on the command line: a run that trains with it, its files, its searches, and what is refused."""

import json
import math
from itertools import product
from pathlib import Path

import pytest
import toy

from regard.run.directory import Run
from regard.training.tensorfile import read

RECIPE = """
data:
  source: {tokenizer: symbols, vocab_size: 40}
  target: {tokenizer: symbols, vocab_size: 40}
  batch_by: sentences
  batch_size: 5
model: {embedding_size: 7, encoder: {hidden_size: 5}, decoder: {kind: bahdanau, hidden_size: 11}}
training: {ctc: 0.3, max_steps: 4, validate_every: 2}
search: {beam_size: 3, max_ratio: 1.0, max_extra: 3, length_normalization: 0.0}
"""
PAIRS = [f"{' '.join(source)}\t{' '.join(source[:2]).upper()}" for source in product("uvw", repeat=3)]
FLAGS = ("--threads", "1", "--out")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, pairs, and a run that was stopped and resumed."""
    folder = tmp_path_factory.mktemp("ctc")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "pairs.tsv").write_text("\n".join(PAIRS) + "\n")
    for more in (["--set", "training.max_steps=2"], ["--resume"]):
        trained = toy.regard("train", folder / "recipe.yaml", folder / "pairs.tsv", *FLAGS, folder / "run", *more)
        assert trained.code == 0, trained.err
    return folder


def test_a_run_says_what_it_learned_with(place: Path) -> None:
    """Resumed, it is what it is in one go; its files have the second loss beside the first."""
    run = place / "run"
    once = toy.regard("train", place / "recipe.yaml", place / "pairs.tsv", *FLAGS, place / "once")
    assert once.code == 0, once.err
    one, other = (read(each / "model.safetensors").tensors for each in (run, place / "once"))
    assert {name for name in one if name.startswith("ctc")} == {"ctc.output.weight", "ctc.output.bias"}
    assert all((one[name] == other[name]).all() for name in other)
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    costs = [event["scores"]["ctc_loss"] for event in events if event["event"] == "validated"]
    assert len(costs) == 2
    assert costs[1] < costs[0]
    card = (run / "card.md").read_text()
    assert "| CTC | 0.3 in training, 0.3 in search |" in card
    assert f"| ctc_loss | {costs[1]:.4f} |" in card


def test_the_weight_of_a_search(place: Path) -> None:
    """That of training by default; a score lies between those of attention alone and CTC alone, as the weight says."""
    (place / "sources").write_text("u v w\nw w u\n")
    (place / "fixed").write_text("U V\nW\n")
    scores = {}
    for weight in (None, 0, 0.3, 1):
        given = [] if weight is None else ["--ctc-weight", weight]
        found = toy.regard("translate", place / "run", place / "sources", *given)
        assert (found.code, len(found.lines)) == (0, 2), found.err
        fixed = toy.regard("score", place / "run", place / "sources", place / "fixed", *given)
        scores[weight] = [float(line.split("\t")[0]) for line in fixed.lines]
        judged = toy.regard("evaluate", place / "run", place / "pairs.tsv", "--metric", "wer", *given)
        assert judged.code == 0, judged.err
    assert scores[None] == scores[0.3]
    for joint, attention, ctc in zip(scores[0.3], scores[0], scores[1], strict=True):
        assert joint == pytest.approx(0.7 * attention + 0.3 * ctc, abs=1e-3)
        assert math.isfinite(ctc)


def test_pairs_that_ctc_cannot_align(place: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("\n".join([*PAIRS[:2], "u v\tU U U", *PAIRS[2:]]) + "\n")
    given = ["train", place / "recipe.yaml", tmp_path / "pairs.tsv", *FLAGS, tmp_path / "run"]
    refused = toy.regard(*given)
    assert refused.code == 3
    said = " ".join(refused.err.split())
    assert "pairs.tsv, line 3: the line has a target of 3 tokens, for which CTC needs 5 positions, and its" in said
    assert "source comes to 3. Correct it, or leave such lines out with --on-bad-input skip." in said
    assert not (tmp_path / "run").exists()
    skipped = toy.regard(*given, "--on-bad-input", "skip")
    assert skipped.code == 0, skipped.err
    assert "27 pairs; left out: 1 bad (first bad: " in " ".join(skipped.err.split())
    plain = toy.regard(*given[:-1], tmp_path / "plain", "--set", "training.ctc=0", "--set", "training.max_steps=1")
    assert plain.code == 0, plain.err  # attention can have any number of tokens
    assert "28 pairs; left out: none" in " ".join(plain.err.split())


def test_weights_that_are_refused(place: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    none = ["--set", "training.ctc=0", "--set", "training.max_steps=1"]
    assert toy.regard("train", place / "recipe.yaml", place / "pairs.tsv", *FLAGS, plain, *none).code == 0
    asked = toy.regard("translate", plain, "--ctc-weight", "0.5", stdin="u v\n")
    assert asked.code == 2
    said = " ".join(asked.err.split())
    assert "CTC has a weight of 0.5 in search" in said
    assert "was trained without it; expected 0. Give --ctc-weight 0, or train with training.ctc above 0" in said
    together = toy.regard("translate", place / "run", plain, stdin="u v\n")
    assert (together.code, str(plain) in " ".join(together.err.split()).replace(" ", "")) == (2, True)
    assert toy.regard("translate", place / "run", plain, "--ctc-weight", "0", stdin="u v\n").code == 0
    assert toy.regard("translate", place / "run", "--ctc-weight", "nan", stdin="u v\n").code == 2
    recipe = toy.regard("train", place / "recipe.yaml", place / "pairs.tsv", *FLAGS, tmp_path / "new", *none[:2],
                        "--set", "search.ctc_weight=0.3")  # fmt: skip
    assert recipe.code == 2
    assert "search.ctc_weight is 0.3 and training.ctc is 0; expected a weight of 0" in " ".join(recipe.err.split())


def test_encoders_that_shorten_differently_are_no_ensemble(place: Path, tmp_path: Path) -> None:
    changes = ["model.encoder.kind=blstmp", "model.encoder.strides=[2]", "training.max_steps=1", "training.ctc=0"]
    flags = [word for change in changes for word in ("--set", change)]
    made = toy.regard("train", place / "recipe.yaml", place / "pairs.tsv", *FLAGS, tmp_path / "half", *flags)
    assert made.code == 0, made.err
    refused = toy.regard("translate", place / "run", tmp_path / "half", stdin="u v\n")
    assert refused.code == 4
    said = " ".join(refused.err.split())
    assert "has one position for 2 of its source, and that of" in said
    assert "one position for 1 of its source; an ensemble needs the same" in said


def test_an_older_run_has_no_head(place: Path) -> None:
    """The keys are new; a config.yaml without them is that of a run without CTC."""
    config = Run(place / "run").config
    older = config.model_copy(update={"training": config.training.model_copy(update={"ctc": 0.0})})
    assert (config.ctc_weight, older.ctc_weight) == (0.3, 0.0)
