"""From files to a run: what is held out, what a resume may change, and what is learned."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import regard
from regard.config import Config, dump, load_recipe, parse
from regard.data.readers import PairFiles
from regard.errors import CheckpointError, DataError, RegardError, UsageError
from regard.files import opened_locked
from regard.run.directory import Run
from regard.run.fit import fit
from regard.run.outcome import outcome
from regard.training.lock import lock
from regard.training.weights import load_weights

CHINESE = str.maketrans("0123456789", "〇一二三四五六七八九")
SMALL = {
    "data": {
        "target": {"tokenizer": "characters", "vocab_size": 900},
        "source": {"vocab_size": 500},
        "batch_size": 400,
    },
    "model": {"embedding_size": 13, "encoder": {"hidden_size": 11}, "decoder": {"kind": "luong", "hidden_size": 17}},
    "training": {"max_steps": 6, "validate_every": 3, "validate_pairs": 5, "metric": "bleu_zh"},
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairFiles:
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    numbers = [f"{one} {two}" for one in range(10) for two in range(20)]
    path.write_text("".join(f"{text}\t{text.translate(CHINESE)}\n" for text in numbers), encoding="utf-8")
    return PairFiles((str(path),))


def config(**training: object) -> Config:
    return parse(SMALL | {"training": SMALL["training"] | training}, "test")


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def test_a_run_is_a_model(pairs: PairFiles, tmp_path: Path) -> None:
    lines: list[str] = []
    progress = fit(config(), pairs, None, tmp_path / "run", tell=lines.append)
    assert progress.step == 6
    assert lines[0] == "196 pairs to learn from, 4 to validate on (200 pairs; left out: none)"
    assert regard.load(tmp_path / "run").translate(["3 14"])[0][0].weights.dtype == "float32"
    card = (tmp_path / "run" / "card.md").read_text()
    assert "additive score, softmax selection" in card
    assert "| bleu_zh |" in card
    events = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events if event["event"] == "validated"] == [3, 6]


def test_the_same_seed_gives_the_same_run(pairs: PairFiles, tmp_path: Path) -> None:
    for name in ("one", "two"):
        fit(config(), pairs, None, tmp_path / name)
    fit(config(seed=2), pairs, None, tmp_path / "other")
    assert weights(tmp_path / "one") == weights(tmp_path / "two")
    assert weights(tmp_path / "one") != weights(tmp_path / "other")


def test_a_run_is_never_overwritten(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    before = weights(tmp_path / "run")
    with pytest.raises(UsageError, match="holds a run already"):
        fit(config(), pairs, None, tmp_path / "run")
    assert weights(tmp_path / "run") == before


def test_a_longer_run_is_the_run_that_was_longer_from_the_start(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    fit(config(), pairs, None, tmp_path / "run", resume=True)
    fit(config(), pairs, None, tmp_path / "whole")
    last = "checkpoints/last.safetensors"
    resumed, whole = (regard.load(tmp_path / name).models[0].state_dict() for name in ("run", "whole"))
    assert all((resumed[key] == whole[key]).all() for key in whole)
    assert Run(tmp_path / "run").config.training.max_steps == 6
    assert (tmp_path / "run" / last).exists()


def test_a_resume_may_not_change_the_model(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    with pytest.raises(UsageError, match=r"training.learning_rate was 0.001 and is 0.5"):
        fit(config(learning_rate=0.5), pairs, None, tmp_path / "run", resume=True)


def test_a_new_run_hides_the_end_mark_and_says_so(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    assert "    end: false\n" in (tmp_path / "run" / "config.yaml").read_text()
    model = regard.load(tmp_path / "run")
    for alignment in (model.translate(["3 14"])[0][0], *model.score(["3 14", ""], ["三一四", "三"])):
        assert alignment.source_end is None
        assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
        assert np.isfinite(alignment.score)
        if alignment.source:
            np.testing.assert_allclose(alignment.weights.sum(1), 1, atol=1e-5)


def test_a_run_from_before_keeps_what_it_was_trained_with(
    pairs: PairFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config.yaml does not name the key, nor does the recipe that it is gone on with; as a recipe it means today's
    default."""
    asked = SMALL | {"model": SMALL["model"] | {"attention": {"end": True}}}
    with monkeypatch.context() as patch:
        patch.setattr("regard.run.directory.dump", lambda written: dump(written).replace("    end: true\n", ""))
        fit(parse(asked | {"training": {"max_steps": 3}}, "test"), pairs, None, tmp_path / "run")
    file = tmp_path / "run" / "config.yaml"
    assert "end:" not in file.read_text()
    assert not load_recipe(file).model.attention.end
    ended = regard.load(tmp_path / "run").translate(["3 14"])[0][0].source_end
    assert ended is not None
    assert (ended > 0).all()
    with pytest.raises(UsageError, match=r"model.attention.end was True and is False"):
        fit(load_recipe(file, ["model.attention.end=false"]), pairs, None, tmp_path / "run", resume=True)
    progress = fit(load_recipe(file, ["training.max_steps=5"]), pairs, None, tmp_path / "run", resume=True)
    assert progress.step == 5
    assert "    end: true\n" in file.read_text()
    assert regard.load(tmp_path / "run").models[0].attends_end


def test_a_resume_of_a_damaged_run_is_refused(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    recipe = tmp_path / "run" / "config.yaml"
    lines = recipe.read_text().splitlines(keepends=True)
    recipe.write_text("".join(lines[:-2]))
    with pytest.raises(CheckpointError, match="is not the one that model"):
        fit(config(), pairs, None, tmp_path / "run", resume=True)
    recipe.unlink()
    with pytest.raises(CheckpointError, match="holds checkpoints but no"):
        fit(config(), pairs, None, tmp_path / "run", resume=True)


def test_resuming_nothing_is_refused_and_a_start_cut_short_begins_anew(pairs: PairFiles, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(UsageError, match=r"holds no run to resume\. Leave --resume out to begin one"):
        fit(config(max_steps=2), pairs, None, run, resume=True)
    assert not run.exists()
    run.mkdir()
    (run / ".lock").touch()  # all that a start leaves that is killed before it has learnt its tokenisers
    assert fit(config(max_steps=2), pairs, None, run, resume=True).step == 2


def test_files_of_unequal_length_stop_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\ntwo\n")
    (tmp_path / "b").write_text("eins\n")
    with pytest.raises(DataError, match=r"2.*1|1.*2"):
        fit(config(), PairFiles((str(tmp_path / "a"), str(tmp_path / "b"))), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def written(path: Path, lines: Iterable[str]) -> PairFiles:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return PairFiles((str(path),))


STARTS: dict[str, tuple[list[str], dict[str, object], type[Exception], str]] = {
    "one pair": (["one\teins"], {}, UsageError, "One pair is too few to hold any out"),
    "a late bad line": (["one\teins"] * 30 + ["two"], {}, DataError, "line 31: the line has no tab"),
    "a long pair": (
        ["one\teins", "a\t" + "b" * 120, "two\tzwei"],
        {"data": {"target": {"tokenizer": "characters"}, "batch_size": 50}},
        UsageError,
        r"data.batch_size is 50 tokens, and the longest pair has 121 with its mark \(.*pairs.tsv, line 2\). Raise",
    ),
    "attention that cannot be": (
        ["one\teins", "two\tzwei"],
        {"model": {"attention": {"score": "dot"}, "encoder": {"hidden_size": 3}}},
        UsageError,
        "model.attention",
    ),
}


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("there", [False, True])
def test_a_start_that_failed_leaves_nothing(pairs: PairFiles, tmp_path: Path, name: str, there: bool) -> None:
    lines, sections, kind, message = STARTS[name]
    out = tmp_path / "runs" / "one"
    if there:
        out.mkdir(parents=True)
        (out / ".notes").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    files = written(tmp_path / "pairs.tsv", lines)
    with pytest.raises(kind, match=message):
        fit(parse(SMALL | sections, "test"), files, None, out)
    left = [path for path in sorted(tmp_path.rglob("*")) if path.name not in ("pairs.tsv", ".lock")]
    assert left == before
    assert fit(config(max_steps=3), pairs, None, out).step == 3


def test_a_run_that_lives_is_no_start_that_failed(pairs: PairFiles, tmp_path: Path) -> None:
    with lock(tmp_path / "run"), pytest.raises(UsageError, match="is in use by another run"):
        fit(config(), pairs, None, tmp_path / "run")
    assert (tmp_path / "run" / ".lock").exists()


def test_what_killed_processes_left_goes_and_what_others_write_stays(pairs: PairFiles, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit(config(max_steps=3), pairs, None, out)
    left = [
        out / ".model.safetensors.1.partial",
        out / ".card.md.1.tmp",
        out / "checkpoints" / ".best.safetensors.1.partial",
    ]
    for path in left:
        path.write_bytes(b"half")
    half, old = out / "cache" / ".0123.1.tmp", out / "cache" / "0123"
    for path in (half, old):
        path.mkdir()
        (path / "index.json").write_text("{}")
    kept = [out / ".notes.tmp", out / "cache" / "mine"]
    for path in kept:
        path.write_text("mine")
    with opened_locked(out / ".shortlist.safetensors.1.partial"):
        fit(config(), pairs, None, out, resume=True)
        assert (out / ".shortlist.safetensors.1.partial").exists()
    assert not [path for path in (*left, half, old) if path.exists()]
    assert all(path.exists() for path in kept)
    assert len([path for path in (out / "cache").iterdir() if path.is_dir()]) == 1


def test_a_resume_knows_its_pairs(pairs: PairFiles, tmp_path: Path) -> None:
    out, lines = tmp_path / "run", Path(pairs.paths[0]).read_text().splitlines()
    dev = written(tmp_path / "dev.tsv", lines[:9])
    fit(config(max_steps=3), pairs, dev, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    others = {
        "learn from: there were 200, and there are 100": (written(tmp_path / "half.tsv", lines[:100]), dev),
        "learn from. Give the pairs": (written(tmp_path / "another.tsv", [*lines[:-1], "x\ty"]), dev),
        "validate on. Give the pairs": (pairs, written(tmp_path / "other.tsv", lines[1:10])),
        "without the pairs that it validates on. Give them again with --dev": (pairs, None),
    }
    for message, (learn, validate) in others.items():
        with pytest.raises(UsageError, match=message):
            fit(config(), learn, validate, out, resume=True)
        assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"}
    moved = written(tmp_path / "moved.txt", ["", *lines])  # an empty line is no pair
    assert fit(config(), moved, written(tmp_path / "moved dev.tsv", lines[:9]), out, resume=True).step == 6


def test_a_run_that_does_not_know_its_pairs_goes_on_and_says_so(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(max_steps=3), pairs, None, tmp_path / "run")
    with pytest.raises(UsageError, match="validates on pairs held out of the others; leave --dev out"):
        fit(config(), pairs, pairs, tmp_path / "run", resume=True)
    (tmp_path / "run" / "pairs.json").unlink()
    told: list[str] = []
    assert fit(config(), pairs, None, tmp_path / "run", resume=True, tell=told.append).step == 6
    assert any("does not say which pairs it was begun with" in line for line in told)


@pytest.mark.parametrize("given", [True, False])
def test_references_are_what_the_user_gave(pairs: PairFiles, tmp_path: Path, given: bool) -> None:
    """Targets that the vocabulary does not hold: an output of <unk> is not their equal."""
    files = written(tmp_path / "pairs.tsv", [f"a  b\tX{number}" for number in range(100)])
    symbols = {"tokenizer": "symbols", "vocab_size": 5}
    values = {
        "data": {"source": symbols, "target": symbols, "batch_size": 40},
        "training": {"max_epochs": 4, "metric": "exact", "learning_rate": 0.03},
        "search": {"beam_size": 1},
    }
    out = tmp_path / "run"
    fit(parse(SMALL | values, "test"), files, files if given else None, out)
    assert regard.load(out).translate(["a b"])[0][0].target_text == "<unk>"
    assert "| exact | 0.0000 |" in (out / "card.md").read_text()


@pytest.mark.parametrize("kind", ["constant", "inverse_sqrt", "cosine", "linear", "plateau"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_every_schedule_and_optimizer_trains(pairs: PairFiles, tmp_path: Path, kind: str, optimizer: str) -> None:
    chosen = config(optimizer=optimizer, schedule={"kind": kind, "warmup_steps": 2}, accumulate=2, moving_average=0.9)
    assert fit(chosen, pairs, pairs, tmp_path / "run").step == 6


def test_the_average_is_published_unless_the_best_was_better(pairs: PairFiles, tmp_path: Path) -> None:
    fit(config(average_last=2, max_steps=9, metric="loss"), pairs, pairs, tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / "averaged.safetensors").exists()
    published = load_weights(tmp_path / "run" / "model.safetensors").metadata
    best = load_weights(tmp_path / "run" / "checkpoints" / "best.safetensors").metadata
    assert published["scores"]["loss"] <= best["scores"]["loss"]
    assert published.get("steps", [6, 9]) == [6, 9]
    card = (tmp_path / "run" / "card.md").read_text()
    assert f"| loss | {published['scores']['loss']:.4f} |" in card
    found = outcome(Run(tmp_path / "run"))
    assert (found.metric, found.scores, list(found.steps)) == (
        "loss",
        published["scores"],
        published.get("steps") or [published["step"]],
    )


def test_weights_that_break_are_laid_to_the_learning_rate(
    pairs: PairFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regard.run.validation_metric.mean_loss", lambda *given: {"loss": float("nan")})
    with pytest.raises(RegardError, match=r"the validation's bleu_zh is nan. Lower the learning rate or clip harder"):
        fit(config(), pairs, None, tmp_path / "run")


def test_a_model_that_does_not_go_into_memory_is_not_begun(pairs: PairFiles, tmp_path: Path) -> None:
    sizes = {"embedding_size": 65536, "encoder": {"hidden_size": 65536}, "decoder": {"hidden_size": 65536}}
    with pytest.raises(UsageError, match=r"the weights of this model take \d+ GiB, and this machine has \d+ GiB"):
        fit(parse(SMALL | {"model": sizes}, "test"), pairs, None, tmp_path / "run")
